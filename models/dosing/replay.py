"""What glucose did over stretches of four hours, beside what insulin, carbohydrate and time could have done.

Sits between recorded days and the personal fit. Curves: insulin on board and carbohydrate absorption of
LoopKit/LoopAlgorithm; loss of glucose in proportion to its level: Bergman's minimal model (glucose
effectiveness).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.dosing.carb_absorption import PIECEWISE_LINEAR, CarbEntry, absorbed_g
from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.insulin_on_board import InsulinCurve, remaining_fraction
from models.dosing.recorded_days import SLOT_MIN, SLOTS_PER_DAY, SLOTS_PER_H, RecordedDays
from models.dosing.schedule import Array
from models.dosing.setting_features import NIGHT_H

STRETCH_SLOTS: Final = 4 * SLOTS_PER_H  # a meal and its bolus have mostly acted; longer ones overlap too much
STRIDE_SLOTS: Final = SLOTS_PER_H // 2
COVERED_SHARE: Final = 0.8
LONGEST_STEP_SLOTS: Final = 3
"""Some sensors report every 15 minutes; between readings no further apart glucose is a straight line."""
LEVEL_MGDL: Final = 120.0
"""Basal need is stated for this level of glucose."""

# Candidates for the action of this person's insulin (peak, minutes) and absorption of meals (minutes).
# Presets: 55 faster, 75 rapid-acting (LoopAlgorithm); the slower ones are for people in whom it acts longer.
PEAKS_MIN: Final = (55.0, 75.0, 100.0, 130.0)
ABSORPTIONS_MIN: Final = (120.0, 180.0, 240.0)
DURATION_MIN: Final = 360.0
NIGHT, DAY, LEVEL, CHANGE = range(len(PEAKS_MIN) + len(ABSORPTIONS_MIN), len(PEAKS_MIN) + 7)
"""Columns of the replay after those of insulin and of carbohydrate."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Sums of products of the columns of all stretches that begin on one day, (days, 11, 11).

    Columns: minus the units that acted, by peak; grams absorbed, by absorption time; hours at night and by
    day; minus the mg/dL h above 120; the change of glucose. `stretches`: how many there are.
    """

    products: Array
    stretches: int


def action(peak_min: float) -> Array:
    """Share of a dose that acts in each slot after it, (slots until nothing is left,)."""
    curve = InsulinCurve(DURATION_MIN, peak_min)
    minutes = np.arange(0.0, curve.end_min + 2 * SLOT_MIN, SLOT_MIN)
    return np.asarray(-np.diff(remaining_fraction(minutes, curve)))


def absorption(absorption_min: float) -> Array:
    """Share of a meal that is absorbed in each slot after it, (slots until all is,)."""
    minutes = np.arange(0.0, absorption_min + 4 * SLOT_MIN, SLOT_MIN)
    at_ms = np.asarray(minutes * MS_PER_MIN, np.int64)
    return np.asarray(np.diff(absorbed_g(CarbEntry(0, 1.0, absorption_min), at_ms, PIECEWISE_LINEAR)))


def replay(days: RecordedDays) -> Replay:
    """All stretches that begin after the first seven hours, whose insulin may date from before the record."""
    acting = int(max(action(peak).size for peak in PEAKS_MIN))
    start = np.arange(acting, days.cgm_mgdl.size - STRETCH_SLOTS, STRIDE_SLOTS)
    glucose_mgdl = joined_up(days.cgm_mgdl)
    start = start[_measured(glucose_mgdl, start)]
    grown = _grown(days, glucose_mgdl)
    columns = grown[start + STRETCH_SLOTS] - grown[start]
    columns[:, CHANGE] = glucose_mgdl[start + STRETCH_SLOTS] - glucose_mgdl[start]
    products = np.zeros((days.days, columns.shape[1], columns.shape[1]))
    for day in range(days.days):
        mine = columns[start // SLOTS_PER_DAY == day]
        products[day] = mine.T @ mine
    return Replay(products, start.size)


def joined_up(cgm_mgdl: Array) -> Array:
    """Readings with a straight line between those at most 15 minutes apart, NaN elsewhere, (slots,)."""
    known = np.flatnonzero(np.isfinite(cgm_mgdl))
    if not known.size:
        return cgm_mgdl
    slot = np.arange(cgm_mgdl.size)
    after = np.searchsorted(known, slot)
    apart = known[np.minimum(after, known.size - 1)] - known[np.maximum(after - 1, 0)]
    line = np.interp(slot, known, cgm_mgdl[known], left=np.nan, right=np.nan)
    return np.where(np.isfinite(cgm_mgdl) | (apart <= LONGEST_STEP_SLOTS), line, np.nan)


def _measured(glucose_mgdl: Array, start: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Stretches with glucose at both ends and most of the time between."""
    known = np.isfinite(glucose_mgdl)
    count = np.concatenate([[0], np.cumsum(known)])
    inside = count[start + STRETCH_SLOTS] - count[start]
    enough: NDArray[np.bool_] = inside >= COVERED_SHARE * STRETCH_SLOTS
    return enough & known[start] & known[start + STRETCH_SLOTS]


def _grown(days: RecordedDays, glucose_mgdl: Array) -> Array:
    """What each column has added up to at the beginning of each slot, (slots + 1, 11)."""
    night = (days.hour >= NIGHT_H[0]) & (days.hour < NIGHT_H[1])
    slot, known = np.arange(glucose_mgdl.size), np.isfinite(glucose_mgdl)
    # a gap inside a stretch that is mostly measured: only the loss by level looks at it
    level = np.interp(slot, slot[known], glucose_mgdl[known]) if known.any() else np.zeros(slot.size)
    insulin = days.basal_u + days.bolus_u
    each = [
        *(-_spread(insulin, action(peak)) for peak in PEAKS_MIN),
        *(_spread(days.carbs_g, absorption(minutes)) for minutes in ABSORPTIONS_MIN),
        night / SLOTS_PER_H,
        ~night / SLOTS_PER_H,
        (LEVEL_MGDL - level) / SLOTS_PER_H,
        np.zeros(slot.size),
    ]
    return np.concatenate([np.zeros((1, len(each))), np.cumsum(np.stack(each, axis=1), axis=0)])


def _spread(given: Array, shares: Array) -> Array:
    return np.asarray(np.convolve(given, shares)[: given.size])
