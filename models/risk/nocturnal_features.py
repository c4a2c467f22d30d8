"""What the nocturnal risk model sees at bedtime: this evening, the last day, and the nights before.

Sits beside `glucose_risk_features` on the same causal grid; nothing after the question is read.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.risk.causal_grid import (
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    Column,
    Slots,
    Trailing,
    at_slots,
    held,
    trailing_lowest,
)
from models.risk.glucose_episodes import LOW_MGDL, episode_starts, running_total
from models.risk.glucose_risk_features import (
    SENSOR_RANGE_MGDL,
    TYPICAL_MGDL,
    below_percent,
    low_blood_glucose_risk,
    recent_features,
)

NIGHT_SLOTS: Final = 6 * SLOTS_PER_HOUR
"""A night is 00:00 to 06:00 on the patient's clock (Vu 2019, AMIA Annu Symp Proc)."""

NIGHT_OBSERVED_SHARE: Final = 0.7
"""A night seen for less than this share tells nothing of its lowest glucose (our judgement)."""

NIGHTS: Final = 14
FEWEST_NIGHTS: Final = 3

PRIOR_NIGHTS: Final = 3
PRIOR_PERCENT: Final = 13.0
"""The share of nights with an episode is drawn towards that of the people learned from, as if three more
nights had been seen; else one low among three nights would weigh like five among fourteen."""

SHARED: Final = (
    "glucose_mgdl", "slope_30_min_mgdl_per_min", "change_60_min_mgdl", "mean_6_h_mgdl", "lbgi_7_d",
    "time_below_70_24_h_percent", "hours_since_low",
)  # fmt: skip
"""Features shared with the short-term models. More of them ranked people left out worse, not better."""

DIRECTIONS: Final[Mapping[str, int]] = {
    "glucose_mgdl": -1, "lowest_24_h_mgdl": -1, "night_lowest_14_d_mgdl": -1, "margin_in_usual_nights": -1,
    "time_below_70_24_h_percent": 1, "lbgi_7_d": 1, "lbgi_14_d": 1, "nights_with_low_14_d_percent": 1,
    "nights_with_episode_14_d_percent": 1,
}  # fmt: skip
"""Features whose rise may only lower (-1) or only raise (1) the risk of a low night."""


def nocturnal_features(measured: Column, asked: Slots, midnight: Slots) -> dict[str, Column]:
    """Features of m questions: `asked` the slot of each, `midnight` the slot at which its night begins.

    The night before must be over when asked: `asked` is 06:00 or later. `midnight` may lie past the data.
    """
    readings = np.clip(measured, *SENSOR_RANGE_MGDL)
    glucose, age = held(readings)
    recent = recent_features(readings, glucose, np.maximum(asked - age[asked], 0))
    sums, index = Trailing.of(glucose, TYPICAL_MGDL), Trailing.of(low_blood_glucose_risk(glucose))
    day = {
        "lowest_24_h_mgdl": trailing_lowest(glucose, SLOTS_PER_DAY)[asked],
        "sd_24_h_mgdl": sums.sd(SLOTS_PER_DAY, asked),
        "lbgi_14_d": index.mean(NIGHTS * SLOTS_PER_DAY, asked),
    }
    return {name: recent[name] for name in SHARED} | day | _nights_before(glucose, asked, midnight)


def _nights_before(glucose: Column, asked: Slots, midnight: Slots) -> dict[str, Column]:
    """The nights of two weeks: how low they went, and how far below the glucose at this time of day."""
    back = np.arange(1, NIGHTS + 1)[:, None] * SLOTS_PER_DAY
    lowest, episode = nights(glucose, midnight - back)
    drop = lowest - at_slots(glucose, asked - back)
    expected = glucose[asked] + _mean(drop)
    return {
        "night_lowest_14_d_mgdl": _mean(lowest),
        "nights_with_low_14_d_percent": _mean(below_percent(lowest)),
        "nights_with_episode_14_d_percent": _drawn_to_prior(episode),
        "margin_in_usual_nights": (expected - LOW_MGDL) / np.maximum(_sd(drop), 10.0),
    }


def nights(glucose: Column, midnight: Slots) -> tuple[Column, Column]:
    """Lowest glucose of the night that begins at each midnight, and 100 where an episode started, else 0.

    Both in the shape of `midnight`; NaN for a night before the data, or seen too little.
    """
    ended = midnight + NIGHT_SLOTS - 1
    seen = Trailing.of(glucose).known(NIGHT_SLOTS, ended) >= NIGHT_OBSERVED_SHARE * NIGHT_SLOTS
    lowest = at_slots(trailing_lowest(glucose, NIGHT_SLOTS), ended)
    starts = running_total(episode_starts(glucose))
    started = starts[np.maximum(ended + 1, 0)] > starts[np.maximum(midnight, 0)]
    return np.where(seen, lowest, np.nan), np.where(seen, np.where(started, 100.0, 0.0), np.nan)


def _drawn_to_prior(episode: Column) -> Column:
    known = ~np.isnan(episode)
    count = known.sum(axis=0)
    share = (np.where(known, episode, 0.0).sum(axis=0) + PRIOR_NIGHTS * PRIOR_PERCENT) / (
        count + PRIOR_NIGHTS
    )
    return np.where(count >= FEWEST_NIGHTS, share, np.nan)


def _mean(of_nights: Column) -> Column:
    known = ~np.isnan(of_nights)
    count = known.sum(axis=0)
    total = np.where(known, of_nights, 0.0).sum(axis=0)
    return np.where(count >= FEWEST_NIGHTS, total / np.maximum(count, 1), np.nan)


def _sd(of_nights: Column) -> Column:
    return np.sqrt(_mean((of_nights - _mean(of_nights)) ** 2))
