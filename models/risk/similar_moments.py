"""What followed when this person's glucose was last at about this level, moving at about this pace.

A feature of the glucose risk models: it carries level, trend and person together in one share that a
clinician can check against the curve. Only moments whose two hours are over are counted.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import SLOTS_PER_DAY, Column, running_total
from models.risk.glucose_episodes import EPISODE_SLOTS, LOW_MGDL, episode_starts

FOLLOWED_SLOTS: Final = 24
"""Two hours."""

DAYS: Final = 14
EVERY_SLOTS: Final = 3

LEVEL_WIDTH_MGDL: Final = 12.0
PACE_WIDTH_MGDL_PER_MIN: Final = 0.5
"""Widths of the Gaussian weights: about the error of a CGM reading and of its slope (our judgement)."""

FEWEST: Final = 1.0
"""Fewer weighted moments than this tell nothing."""

AT_ONCE: Final = 2000


def similar_moments(glucose: Column, pace: Column, at: NDArray[np.int64]) -> dict[str, Column]:
    """At m slots: weighted count of similar moments, and the percent of them followed by an episode."""
    starts = running_total(episode_starts(glucose))
    chunks = [at[first : first + AT_ONCE] for first in range(0, at.size, AT_ONCE)]
    counted = [_counted(glucose, pace, starts, chunk) for chunk in chunks]
    count, followed = (np.concatenate([[], *column]) for column in zip(*counted, strict=True))
    share = np.where(count >= FEWEST, 100.0 * followed / np.maximum(count, FEWEST), np.nan)
    return {"similar_moments": count, "similar_followed_by_low_percent": share}


def _counted(
    glucose: Column, pace: Column, starts: NDArray[np.int64], at: NDArray[np.int64]
) -> tuple[Column, Column]:
    """Weights of the similar moments of each slot, and of those that an episode followed."""
    newest = at - FOLLOWED_SLOTS - EPISODE_SLOTS
    past = newest[:, None] - np.arange(0, DAYS * SLOTS_PER_DAY, EVERY_SLOTS)
    then = np.maximum(past, 0)
    level = (glucose[then] - glucose[at][:, None]) / LEVEL_WIDTH_MGDL
    trend = (pace[then] - pace[at][:, None]) / PACE_WIDTH_MGDL_PER_MIN
    weight = np.exp(-0.5 * (level**2 + trend**2))
    weight = np.where((past >= 0) & (glucose[then] >= LOW_MGDL), np.nan_to_num(weight), 0.0)
    followed = starts[np.minimum(then + 1 + FOLLOWED_SLOTS, glucose.size)] > starts[then + 1]
    return weight.sum(axis=1), (weight * followed).sum(axis=1)
