"""Missed and late boluses and over-treated lows: found where they were put, nowhere else."""

from dataclasses import replace

import numpy as np

from models.dosing.insulin_habits import Habit, find_habits
from models.dosing.recorded_days import SLOTS_PER_DAY, RecordedDays

DAYS = 13
SLOTS = DAYS * SLOTS_PER_DAY


def quiet() -> RecordedDays:
    """Level glucose, three covered meals a day."""
    carbs = np.zeros(SLOTS)
    for hour in (7, 12, 18):
        carbs[hour * 12 :: SLOTS_PER_DAY] = 50.0
    return RecordedDays(100, np.full(SLOTS, 120.0), np.full(SLOTS, 1 / 12), carbs / 10.0, carbs)


def found(days: RecordedDays) -> dict[str, Habit]:
    return {habit.name: habit for habit in find_habits(days)}


def risen(days: RecordedDays, slot: int, peak: float = 260.0) -> RecordedDays:
    """Glucose up to a peak within an hour from a slot, and back after three."""
    glucose = days.cgm_mgdl.copy()
    glucose[slot : slot + 12] = np.linspace(120.0, peak, 12)
    glucose[slot + 12 : slot + 36] = np.linspace(peak, 120.0, 24)
    return replace(days, cgm_mgdl=glucose)


def test_a_quiet_fortnight_has_no_findings() -> None:
    assert find_habits(quiet()) == ()


def test_a_steep_rise_without_an_entry_is_a_missed_bolus_with_its_time() -> None:
    days = risen(quiet(), 3 * SLOTS_PER_DAY + 15 * 12)
    (habit,) = find_habits(days)
    assert (habit.name, habit.count) == ("missed_bolus", 1)
    day, minute = habit.seen[0]
    assert day == 103 and 15 * 60 - 30 <= minute <= 16 * 60


def test_the_same_rise_after_a_covered_meal_is_none() -> None:
    assert "missed_bolus" not in found(risen(quiet(), 3 * SLOTS_PER_DAY + 12 * 12))


def test_a_rise_out_of_a_low_is_no_missed_bolus() -> None:
    days = risen(quiet(), 3 * SLOTS_PER_DAY + 15 * 12)
    glucose = days.cgm_mgdl.copy()
    glucose[3 * SLOTS_PER_DAY + 15 * 12 - 6 : 3 * SLOTS_PER_DAY + 15 * 12] = 60.0
    assert "missed_bolus" not in found(replace(days, cgm_mgdl=glucose))


def test_a_meal_entered_without_a_bolus_is_named() -> None:
    days = quiet()
    bolus = days.bolus_u.copy()
    bolus[5 * SLOTS_PER_DAY + 18 * 12] = 0.0
    habit = found(replace(days, bolus_u=bolus))["uncovered_entry"]
    assert habit.seen == ((105, 18 * 60),)


def test_a_bolus_after_the_rise_began_is_late() -> None:
    days = risen(quiet(), 2 * SLOTS_PER_DAY + 12 * 12 - 9)
    assert found(days)["late_bolus"].seen == ((102, 12 * 60),)


def test_a_low_that_ends_high_without_a_meal_was_overtreated() -> None:
    days = quiet()
    glucose = days.cgm_mgdl.copy()
    at = 4 * SLOTS_PER_DAY + 3 * 12
    glucose[at : at + 4], glucose[at + 4 : at + 12] = 62.0, np.linspace(70.0, 210.0, 8)
    habit = found(replace(days, cgm_mgdl=glucose))["overtreated_low"]
    assert habit.count == 1 and habit.seen[0][0] == 104


def test_gaps_of_the_sensor_are_no_findings() -> None:
    days = quiet()
    glucose = np.where(np.arange(SLOTS) % 700 < 200, np.nan, days.cgm_mgdl)
    assert find_habits(replace(days, cgm_mgdl=glucose)) == ()
