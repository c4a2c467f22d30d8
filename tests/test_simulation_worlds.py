"""Virtual patients live as their world says, reproducibly, and their therapy acts in the right direction."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.simulation.controller import meal_bolus_u, reference_therapy
from models.simulation.meals import SLOTS_PER_DAY, draw_meals_g
from models.simulation.run import simulate, simulate_world
from models.simulation.sensor import draw_error_mgdl, draw_gaps, johnson_error_mgdl, read_mgdl
from models.simulation.virtual_patients import patients_in, patients_named
from models.simulation.worlds import DEFAULT, SHIFTED, World, dawn_factor, draw_circumstances

# First sensor errors of simglucose 0.2.11 with seed 11 (noise15_iter)
REFERENCE_ERROR_MGDL = [
    23.485038895,
    11.566096983,
    3.678119849,
    -16.018152592,
    -11.019058754,
    -9.905847949,
    -10.627259444,
    -5.392802931,
]
PLAIN = World("plain", carb_error_cv=0.0)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# Meals and sensor


def test_meals_come_at_their_times_of_day_with_their_usual_sizes():
    carbs = draw_meals_g(200, 14, rng()).reshape(200, 14, 24, 12).sum(axis=3)
    assert carbs[:, :, :5].sum() == 0.0
    assert carbs[:, :, 5:10].sum() / carbs[:, :, 5:10].any(axis=2).sum() == pytest.approx(46.0, abs=3.0)
    assert carbs.sum() / (200 * 14) == pytest.approx(0.95 * 195 + 0.3 * 30, rel=0.02)


def test_sensor_error_equals_the_reference_generator_for_the_same_innovations():
    innovations = np.random.RandomState(11).randn(1, len(REFERENCE_ERROR_MGDL))
    assert np.allclose(johnson_error_mgdl(innovations)[0], REFERENCE_ERROR_MGDL, atol=1e-8)


def test_sensor_error_between_the_modelled_points_is_smooth():
    error = draw_error_mgdl(50, 3 * SLOTS_PER_DAY, rng())
    assert np.abs(np.diff(error, axis=1)).std() < 0.5 * error.std()


def test_the_sensor_stays_in_its_range_and_says_nothing_in_a_gap():
    shown = read_mgdl(np.array([20.0, 100.0, 700.0]), np.zeros(3), np.array([False, True, False]))
    assert shown[0] == 39.0
    assert np.isnan(shown[1])
    assert shown[2] == 600.0


def test_gaps_are_as_frequent_as_asked():
    gap = draw_gaps(300, 14 * SLOTS_PER_DAY, per_day=0.2, mean_slots=12.0, rng=rng())
    starts = (~gap[:, :-1] & gap[:, 1:]).sum() / (300 * 14)
    assert starts == pytest.approx(0.2, rel=0.1)


# Worlds


def test_the_same_seed_gives_the_same_life():
    patients = patients_named("adult#001", "adolescent#004")
    first, second = (
        simulate_world(patients, reference_therapy(patients), SHIFTED, 2, rng(5)) for _ in range(2)
    )
    assert np.array_equal(first.cgm_mgdl, second.cgm_mgdl, equal_nan=True)


def test_a_patient_lives_the_same_alone_and_in_company():
    patients = patients_in("adult")
    around = draw_circumstances(SHIFTED, 10, 2, rng())
    together = simulate(patients, reference_therapy(patients), around)
    alone = simulate(patients.take([3]), reference_therapy(patients).take([3]), around.take([3]))
    assert np.allclose(together.glucose_mgdl[3], alone.glucose_mgdl[0], atol=1e-9)


def test_the_shifted_world_misses_boluses_and_miscounts_carbohydrate_as_stated():
    around = draw_circumstances(SHIFTED, 400, 14, rng())
    eaten, told = around.eaten_g > 0, around.announced_g > 0
    assert 1.0 - told.sum() / eaten.sum() == pytest.approx(0.10, abs=0.01)
    ratio = around.announced_g[told] / around.eaten_g[told]
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert ratio.std() == pytest.approx(0.25, abs=0.01)


def test_insulin_action_varies_between_days_around_one():
    around = draw_circumstances(SHIFTED, 400, 14, rng())
    assert around.insulin_action.mean() == pytest.approx(1.0, abs=0.01)
    assert around.insulin_action.std() == pytest.approx(0.12, abs=0.01)


def test_the_dawn_rise_peaks_at_six():
    factor = dawn_factor(0.05)
    assert factor.argmax() == 6 * 12
    assert factor.max() == pytest.approx(1.05)


def test_the_default_world_has_nothing_but_miscounted_carbohydrate():
    around = draw_circumstances(DEFAULT, 20, 3, rng())
    assert (around.insulin_action == 1.0).all()
    assert (around.glucose_use == 1.0).all()
    assert (around.production == 1.0).all()
    assert not around.sensor_gap.any()
    assert ((around.announced_g > 0) == (around.eaten_g > 0)).all()


@cache
def lived(world: World, basal: float = 1.0, carb_ratio: float = 1.0, sensitivity: float = 1.0):
    """Two days of all adults and adolescents."""
    patients = patients_in("adult", "adolescent")
    therapy = reference_therapy(patients).scaled(basal, carb_ratio, sensitivity)
    return simulate_world(patients, therapy, world, 2, rng(3))


def test_exercise_lowers_and_dawn_raises_glucose():
    plain = lived(PLAIN).glucose_mgdl.mean()
    assert lived(replace(PLAIN, exercise_per_day=1.0, exercise_use_rise=0.3)).glucose_mgdl.mean() < plain
    assert lived(replace(PLAIN, dawn_rise=0.05)).glucose_mgdl.mean() > plain


def test_missed_and_late_boluses_raise_glucose_after_meals():
    plain = lived(PLAIN).glucose_mgdl.mean()
    assert lived(replace(PLAIN, missed_bolus_share=0.5)).glucose_mgdl.mean() > plain
    assert (
        lived(replace(PLAIN, late_bolus_share=1.0)).glucose_mgdl.max(axis=1).mean()
        > lived(PLAIN).glucose_mgdl.max(axis=1).mean()
    )


def test_a_late_bolus_is_given_half_an_hour_after_the_meal():
    around = draw_circumstances(replace(PLAIN, late_bolus_share=1.0), 5, 2, rng())
    assert np.array_equal(around.announced_g[:, 6:], around.eaten_g[:, :-6])


def test_rescue_carbohydrate_lifts_the_lows():
    untreated = lived(PLAIN, basal=1.5)
    treated = lived(replace(PLAIN, rescue_carbs_g=15.0), basal=1.5)
    assert treated.glucose_mgdl.min() > untreated.glucose_mgdl.min()
    assert treated.eaten_g.sum() > untreated.eaten_g.sum()


# Therapy


@pytest.mark.parametrize("factors", [{"basal": 1.2}, {"carb_ratio": 0.8}, {"sensitivity": 0.5}])
def test_more_insulin_means_lower_glucose(factors):
    assert lived(PLAIN, **factors).glucose_mgdl.mean() < lived(PLAIN).glucose_mgdl.mean()


def test_the_pump_delivers_the_scheduled_basal():
    patients = patients_named("adult#001")
    trace = simulate_world(patients, reference_therapy(patients), DEFAULT, 2, rng())
    assert trace.basal_u.sum() == pytest.approx(48.0 * patients.basal_u_per_h[0])


def test_adults_under_reference_settings_do_as_published():
    """Adults, 14 days, 20 seeds in the reference vectorisation: time in range 94.9 % (simglucose's own calculator)."""
    patients = patients_in("adult").take(np.arange(100) % 10)
    glucose = simulate_world(
        patients, reference_therapy(patients), replace(DEFAULT, carb_error_cv=0.0), 14, rng()
    ).glucose_mgdl
    assert 100.0 * np.mean((glucose >= 70) & (glucose <= 180)) == pytest.approx(94.9, abs=2.0)


amounts = st.floats(0.0, 20.0)


@given(st.floats(10, 100), st.floats(40, 400), amounts, amounts)
def test_insulin_on_board_never_eats_into_the_food_part(carbs, glucose, on_board, more):
    def bolus(active: float) -> float:
        return float(meal_bolus_u(*(np.array([x]) for x in (carbs, glucose, active, 10.0, 50.0)))[0])

    assert bolus(on_board + more) <= bolus(on_board)
    if glucose >= 100.0:
        assert bolus(on_board) >= carbs / 10.0


def test_without_a_reading_the_bolus_covers_the_food_alone():
    assert meal_bolus_u(*(np.array([x]) for x in (50.0, np.nan, 0.0, 10.0, 50.0)))[0] == 5.0


def test_rows_that_do_not_match_are_an_error():
    patients = patients_named("adult#001")
    with pytest.raises(ValueError):
        simulate(patients, reference_therapy(patients), draw_circumstances(DEFAULT, 2, 1, rng()))
