"""What people do with their insulin that settings cannot mend: missed and late boluses, over-treated lows.

Sits beside the setting adjustment, which names these findings first; counts with their times, no judgement.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.dosing.recorded_days import SLOT_MIN, SLOTS_PER_DAY, SLOTS_PER_H, RecordedDays
from models.dosing.replay import joined_up
from models.dosing.schedule import Array
from models.dosing.setting_features import MEAL_G, STEEP_RISE_MGDL_PER_H

LOW_MGDL, HIGH_MGDL = 70.0, 180.0
RISE_BEFORE_BOLUS_MGDL: Final = 30.0
"""Over the three quarters of an hour before a meal's bolus: it came after the food (our judgement)."""

LATE_SLOTS: Final = 45 // SLOT_MIN
BEFORE_SLOTS, AFTER_SLOTS = 2 * SLOTS_PER_H, SLOTS_PER_H // 2
"""Where an entry that explains a rise is looked for."""

BOLUS_WITHIN_SLOTS: Final = 30 // SLOT_MIN
REBOUND_SLOTS: Final = 2 * SLOTS_PER_H
ONE_EVENT_SLOTS: Final = 3 * SLOTS_PER_H

NAMES: Final = ("missed_bolus", "uncovered_entry", "late_bolus", "overtreated_low")


@dataclass(frozen=True, slots=True)
class Habit:
    """One finding: `name` as in NAMES; when it was seen, as (local day, minute of the day), oldest first."""

    name: str
    seen: tuple[tuple[int, int], ...]
    days: int

    @property
    def count(self) -> int:
        """How often."""
        return len(self.seen)

    @property
    def per_week(self) -> float:
        """How often in seven days."""
        return 7.0 * self.count / self.days


def find_habits(days: RecordedDays) -> tuple[Habit, ...]:
    """Those that were seen at all, the most frequent first."""
    glucose = joined_up(days.cgm_mgdl)
    found = {
        "missed_bolus": _missed(days, glucose),
        "uncovered_entry": _uncovered(days),
        "late_bolus": _late(days, glucose),
        "overtreated_low": _overtreated(days, glucose),
    }
    habits = [Habit(name, _times(days, slots), days.days) for name, slots in found.items() if slots.size]
    return tuple(sorted(habits, key=lambda habit: -habit.count))


def _times(days: RecordedDays, slots: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    day, slot = np.divmod(slots, SLOTS_PER_DAY)
    return tuple((days.first_day + int(d), int(s) * SLOT_MIN) for d, s in zip(day, slot, strict=True))


def _around(column: Array, before: int, after: int) -> Array:
    """Sum of a column from `before` slots before each slot to `after` slots after it, (slots,)."""
    total = np.concatenate([[0.0], np.cumsum(column)])
    slot = np.arange(column.size)
    return np.asarray(total[np.minimum(slot + after + 1, column.size)] - total[np.maximum(slot - before, 0)])


def _events(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First slots of runs that lie more than three hours apart."""
    slots = np.flatnonzero(seen)
    return slots[np.diff(slots, prepend=-ONE_EVENT_SLOTS - 1) > ONE_EVENT_SLOTS]


def _missed(days: RecordedDays, glucose: Array) -> NDArray[np.int64]:
    """Steep rises to above 180 mg/dL with neither bolus nor entry around them, and no low before."""
    rise = np.full(glucose.size, -np.inf)
    rise[:-SLOTS_PER_H] = glucose[SLOTS_PER_H:] - glucose[:-SLOTS_PER_H]
    ends = np.roll(glucose, -SLOTS_PER_H)
    nothing = _around(days.bolus_u + days.carbs_g, BEFORE_SLOTS, SLOTS_PER_H + AFTER_SLOTS) == 0.0
    low = _around((glucose < LOW_MGDL).astype(np.float64), BEFORE_SLOTS, SLOTS_PER_H) > 0.0
    first = _events((rise > STEEP_RISE_MGDL_PER_H) & (ends > HIGH_MGDL) & nothing & ~low)
    hour = glucose[first[:, None] + np.arange(SLOTS_PER_H)]
    before = np.nanargmin(hour[:, ::-1], axis=1) if first.size else np.zeros(0, np.int64)
    return first + SLOTS_PER_H - 1 - before  # the last slot before glucose rises


def _uncovered(days: RecordedDays) -> NDArray[np.int64]:
    """Meals entered without any bolus within half an hour."""
    bolus = _around(days.bolus_u, BOLUS_WITHIN_SLOTS, BOLUS_WITHIN_SLOTS)
    return np.flatnonzero((days.carbs_g >= MEAL_G) & (bolus == 0.0))


def _late(days: RecordedDays, glucose: Array) -> NDArray[np.int64]:
    """Boluses of meals that came after glucose had begun to rise steeply, with no earlier entry to blame."""
    before = np.full(glucose.size, np.nan)
    before[LATE_SLOTS:] = glucose[:-LATE_SLOTS]
    meal = (days.carbs_g >= MEAL_G) & (_around(days.bolus_u, 1, 1) > 0.0)
    earlier = _around(days.carbs_g, BEFORE_SLOTS, -1) > 0.0
    after_low = _around((glucose < LOW_MGDL).astype(np.float64), BEFORE_SLOTS, 0) > 0.0
    return np.flatnonzero(meal & (glucose - before > RISE_BEFORE_BOLUS_MGDL) & ~earlier & ~after_low)


def _overtreated(days: RecordedDays, glucose: Array) -> NDArray[np.int64]:
    """Lows after which glucose stood above 180 mg/dL within two hours, with no meal entered between."""
    low = glucose < LOW_MGDL
    last = np.flatnonzero(low & ~np.roll(low, -1))
    last = last[last < glucose.size - REBOUND_SLOTS]
    window = glucose[last[:, None] + np.arange(REBOUND_SLOTS)]
    meal = _around((days.carbs_g >= MEAL_G).astype(np.float64), 0, REBOUND_SLOTS)[last] > 0.0
    rebound = np.zeros(glucose.size, bool)
    rebound[last[(np.nan_to_num(window) > HIGH_MGDL).any(axis=1) & ~meal]] = True
    return _events(rebound)
