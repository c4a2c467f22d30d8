"""What glucose did after each recorded meal.

Sits under the patterns; needs recorded carbohydrates and says nothing without them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.bands import HIGH, shown_glucose
from models.features.episodes import Episode, find_episodes
from models.features.sampling import MINUTE_MS
from models.time_series import TimeSeries

MEAL_G: Final = 15.0
"""Smaller entries are snacks or treatments of a low (the usual treatment is 15 g; ADA section 6)."""

SAME_MEAL_MIN: Final = 60
"""Entries within an hour are one meal (our judgement)."""

RISE_WITHIN_MIN: Final = 120
"""Peak glucose is looked for within 2 h of the start of the meal (ADA section 6: 1-2 h)."""

LOW_WITHIN_MIN: Final = 240
"""A low that starts within 4 h, the action of a rapid-acting bolus, follows the meal."""

BEFORE_MIN: Final = 20
RISE_MGDL: Final = 60.0
"""A rise above this is more than a well covered meal gives (our judgement after ADA's 80-130 to 180)."""


@dataclass(frozen=True, slots=True)
class MealResponses:
    """One entry per meal. `rise_mgdl` float64[n] to the peak within 2 h; `high` bool[n]: above 180 mg/dL
    after a rise of 60 mg/dL; `lowest_mgdl` float64[n] of the lows that start within 4 h, NaN without one.
    """

    at_ms: NDArray[np.int64]
    rise_mgdl: NDArray[np.float64]
    high: NDArray[np.bool_]
    lowest_mgdl: NDArray[np.float64]


def meal_responses(glucose: TimeSeries, carbs: TimeSeries) -> MealResponses:
    """Responses to the meals that have a reading in the 20 minutes before and readings in the 2 h after."""
    meals = _meals(carbs)
    before = np.searchsorted(glucose.at_ms, meals, side="right") - 1
    end = np.searchsorted(glucose.at_ms, meals + RISE_WITHIN_MIN * MINUTE_MS, side="right")
    known = (before >= 0) & (end - before > 1)
    known[known] &= meals[known] - glucose.at_ms[before[known]] <= BEFORE_MIN * MINUTE_MS
    spans = [slice(first, last) for first, last in zip(before[known], end[known], strict=True)]
    above = shown_glucose(glucose).above(HIGH)
    rise = np.array([glucose.value[span].max() - glucose.value[span.start] for span in spans])
    high = np.array([above[span.start + 1 : span.stop].any() for span in spans], bool) & (rise >= RISE_MGDL)
    lows = find_episodes(glucose, "low")
    lowest = np.array([_lowest_after(int(at), lows) for at in meals[known]])
    return MealResponses(meals[known], rise, high, lowest)


def _lowest_after(meal_ms: int, lows: tuple[Episode, ...]) -> float:
    end_ms = meal_ms + LOW_WITHIN_MIN * MINUTE_MS
    return min((low.extreme_mgdl for low in lows if meal_ms <= low.start_ms < end_ms), default=np.nan)


def _meals(carbs: TimeSeries) -> NDArray[np.int64]:
    """Starts of meals: entries of enough carbohydrate, more than an hour after the one before."""
    at_ms = carbs.at_ms[carbs.value >= MEAL_G]
    return at_ms[np.diff(at_ms, prepend=np.int64(-(2**62))) > SAME_MEAL_MIN * MINUTE_MS]
