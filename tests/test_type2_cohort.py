"""The virtual type 2 cohort reproduces the trial it is calibrated to, and answers titration in the right direction."""

import numpy as np
import pytest

from models.dosing.titration_table import find_table
from models.simulation.type2_cohort import draw_cohort, run_titration

TABLE = find_table("treat-to-target-2003")


def treat_to_target(dose_u: np.ndarray, fasting_mgdl: np.ndarray) -> np.ndarray:
    """The weekly rule of the trial: mean of the last two readings, no rise after a low, less after a very low one."""
    lowest = fasting_mgdl.min(axis=1)
    step = np.array(
        [TABLE.row_for(mean).step_u for mean in fasting_mgdl[:, -TABLE.fasting_values :].mean(axis=1)]
    )
    step = np.where(lowest < TABLE.no_increase.edge.mgdl, np.minimum(step, 0.0), step)
    return dose_u + np.where(lowest < TABLE.reduce.edge.mgdl, TABLE.reduce.step_u, step)


@pytest.fixture(scope="module")
def course():
    rng = np.random.default_rng(11)
    return run_titration(draw_cohort(3000, rng), treat_to_target, rng)


def test_the_cohort_enters_as_the_trial_did():
    cohort = draw_cohort(3000, np.random.default_rng(1))
    assert cohort.entry_fasting_mgdl.mean() == pytest.approx(198.0, abs=3.0)
    assert cohort.hba1c_percent(cohort.entry_fasting_mgdl).mean() == pytest.approx(8.6, abs=0.1)


def test_24_weeks_of_treat_to_target_end_where_the_trial_ended(course):
    last_week = course.fasting_mgdl[:, -7:].mean()
    assert last_week == pytest.approx(117.0, abs=3.0)
    assert course.hba1c_percent[:, -1].mean() == pytest.approx(6.96, abs=0.08)
    assert (course.hba1c_percent[:, -1] <= 7.0).mean() == pytest.approx(0.60, abs=0.04)
    assert course.dose_u[:, -1].mean() == pytest.approx(47.0, abs=3.0)


def test_dose_rises_and_fasting_glucose_falls_week_by_week(course):
    dose = course.dose_u.mean(axis=0)[::28]
    fasting = course.fasting_mgdl.reshape(len(course.dose_u), 24, 7).mean(axis=(0, 2))[::4]
    assert (np.diff(dose) > 0).all()
    assert (np.diff(fasting) < 0).all()


def test_most_of_the_fall_comes_in_the_first_half(course):
    fasting = course.fasting_mgdl.mean(axis=0)
    assert fasting[0] - fasting[84] > 2 * (fasting[84] - fasting[-1])


def test_without_titration_the_dose_stays_at_the_start():
    rng = np.random.default_rng(2)
    held = run_titration(draw_cohort(50, rng), lambda dose, _: dose, rng)
    assert (held.dose_u == 10.0).all()


def test_a_rule_that_always_raises_gives_more_lows(course):
    rng = np.random.default_rng(11)
    bold = run_titration(draw_cohort(1000, rng), lambda dose, _: dose + 8.0, rng)
    assert bold.lows_per_patient_year() > 2 * course.lows_per_patient_year()


def test_a_dose_is_never_negative():
    rng = np.random.default_rng(3)
    assert (run_titration(draw_cohort(50, rng), lambda dose, _: dose - 9.0, rng).dose_u >= 0.0).all()
