"""What the nocturnal risk model sees at bedtime: this evening, the last days, and the nights before.

Sits beside `glucose_risk_features` on the same causal grid; nothing after the question is read.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.risk.additive_model import logistic
from models.risk.causal_grid import (
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    Column,
    Slots,
    Trailing,
    at_slots,
    held,
    running_total,
    trailing_lowest,
)
from models.risk.glucose_episodes import episode_starts
from models.risk.glucose_risk_features import (
    SENSOR_RANGE_MGDL,
    low_blood_glucose_risk,
    recent_features,
)

NIGHT_SLOTS: Final = 6 * SLOTS_PER_HOUR
"""A night is 00:00 to 06:00 on the patient's clock (Vu 2019, AMIA Annu Symp Proc)."""

NIGHT_OBSERVED_SHARE: Final = 0.7
"""A night seen for less than this share tells nothing of its lowest glucose (our judgement)."""

NIGHTS: Final = 14
FEWEST_NIGHTS: Final = 3

PRIOR_NIGHTS: Final = 1.5
PRIOR_PERCENT: Final = 13.0
"""The share of nights with an episode is drawn towards that of the people learned from, as if one and a half
more nights had been seen; else one low among three nights would weigh like five among fourteen."""

SIMILAR_MGDL: Final = 40.0
"""A night counts for the share of lows by how near its evening glucose was to this evening's: a bell of
this width (chosen by cross-validation)."""

NEAR_LOW_MGDL: Final = 72.0
NEAR_LOW_WIDTH_MGDL: Final = 8.0
"""A night counts as near a low by degrees: half at 72 mg/dL, a tenth at 90. A night that stopped at 71 tells
more of tonight than one at 110, though neither had a low (chosen by cross-validation)."""

SHARED: Final = (
    "glucose_mgdl", "slope_30_min_mgdl_per_min", "sd_15_min_change_1_h_mgdl", "time_below_70_3_h_percent",
)  # fmt: skip
"""Features shared with the short-term models. More of them ranked people left out worse, not better."""

DIRECTIONS: Final[Mapping[str, int]] = {
    "glucose_mgdl": -1, "lowest_6_h_mgdl": -1,
    "time_below_70_3_h_percent": 1, "lbgi_3_d": 1, "lbgi_14_d": 1, "nights_near_low_14_d_percent": 1,
    "similar_nights_with_episode_percent": 1,
}  # fmt: skip
"""Features whose rise may only lower (-1) or only raise (1) the risk of a low night."""


def nocturnal_features(measured: Column, asked: Slots, midnight: Slots) -> dict[str, Column]:
    """Features of m questions: `asked` the slot of each, `midnight` the slot at which its night begins.

    The night before must be over when asked: `asked` is 06:00 or later. `midnight` may lie past the data.
    """
    readings = np.clip(measured, *SENSOR_RANGE_MGDL)
    glucose, age = held(readings)
    recent = recent_features(readings, glucose, np.maximum(asked - age[asked], 0))
    index = Trailing.of(low_blood_glucose_risk(glucose))
    lately = {
        "lowest_6_h_mgdl": trailing_lowest(glucose, 6 * SLOTS_PER_HOUR, asked),
        "highest_24_h_mgdl": -trailing_lowest(-glucose, SLOTS_PER_DAY, asked),
        "lbgi_3_d": index.mean(3 * SLOTS_PER_DAY, asked),
        "lbgi_14_d": index.mean(NIGHTS * SLOTS_PER_DAY, asked),
    }
    return {name: recent[name] for name in SHARED} | lately | _nights_before(glucose, asked, midnight)


def _nights_before(glucose: Column, asked: Slots, midnight: Slots) -> dict[str, Column]:
    """The evenings and nights of two weeks: how low they went, and from where."""
    back = np.arange(1, NIGHTS + 1)[:, None] * SLOTS_PER_DAY
    lowest, episode = nights(glucose, midnight - back)
    from_usual = glucose[asked] - at_slots(glucose, asked - back)
    return {
        "above_usual_evening_mgdl": _mean(from_usual),
        "nights_near_low_14_d_percent": _mean(_near_low_percent(lowest)),
        "similar_nights_with_episode_percent": _share_of_similar(episode, from_usual),
    }


def nights(glucose: Column, midnight: Slots) -> tuple[Column, Column]:
    """Lowest glucose of the night that begins at each midnight, and 100 where an episode started, else 0.

    Both in the shape of `midnight`; NaN for a night before the data, or seen too little.
    """
    ended = midnight + NIGHT_SLOTS - 1
    seen = Trailing.of(glucose).known(NIGHT_SLOTS, ended) >= NIGHT_OBSERVED_SHARE * NIGHT_SLOTS
    lowest = trailing_lowest(glucose, NIGHT_SLOTS, ended)
    starts = running_total(episode_starts(glucose))
    started = starts[np.maximum(ended + 1, 0)] > starts[np.maximum(midnight, 0)]
    return np.where(seen, lowest, np.nan), np.where(seen, np.where(started, 100.0, 0.0), np.nan)


def _near_low_percent(lowest: Column) -> Column:
    """100 for a night far below 70 mg/dL, 0 for one far above, in between by degrees."""
    return 100 * logistic((NEAR_LOW_MGDL - lowest) / NEAR_LOW_WIDTH_MGDL)


def _share_of_similar(episode: Column, from_usual: Column) -> Column:
    """Share of nights with an episode, weighted by how near their evening was, drawn to the prior."""
    known = ~np.isnan(episode) & ~np.isnan(from_usual)
    weight = np.where(known, np.exp(-0.5 * (from_usual / SIMILAR_MGDL) ** 2), 0.0)
    low = (weight * np.where(known, episode, 0.0)).sum(axis=0)
    share = (low + PRIOR_NIGHTS * PRIOR_PERCENT) / (weight.sum(axis=0) + PRIOR_NIGHTS)
    return np.where(known.sum(axis=0) >= FEWEST_NIGHTS, share, np.nan)


def _mean(of_nights: Column) -> Column:
    known = ~np.isnan(of_nights)
    count = known.sum(axis=0)
    total = np.where(known, of_nights, 0.0).sum(axis=0)
    return np.where(count >= FEWEST_NIGHTS, total / np.maximum(count, 1), np.nan)
