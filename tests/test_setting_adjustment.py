"""Type 1 settings: what a record says, which changes there are, what the rules propose, what the guards allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.dosing.setting_actions import NO_CHANGE, PARTS, SettingChange, all_changes, applied
from models.dosing.setting_features import SLOTS_PER_DAY, TherapyRecord, glucose_shares, setting_features
from models.dosing.setting_guards import guarded, lows_forbid_more_insulin, permitted
from models.dosing.setting_rules import propose_by_rules
from models.dosing.therapy import Therapy

SLOTS = 14 * SLOTS_PER_DAY


def therapy(n: int = 1) -> Therapy:
    return Therapy(np.full((n, 24), 1.0), np.full((n, 24), 10.0), np.full((n, 24), 50.0))


def record(cgm: np.ndarray) -> TherapyRecord:
    """Fourteen days with three meals of 50 g and 5 U a day."""
    n = len(cgm)
    carbs = np.zeros((n, SLOTS))
    for hour in (7, 12, 18):
        carbs[:, hour * 12 :: SLOTS_PER_DAY] = 50.0
    return TherapyRecord(cgm, np.full((n, SLOTS), 1 / 12), carbs / 10.0, carbs, therapy(n), np.full(n, 80.0))


# Features


def test_shares_of_glucose_add_up_and_ignore_gaps():
    shares = glucose_shares(np.array([[50.0, 60.0, 100.0, 180.0, 181.0, 260.0, np.nan, np.nan]]))
    assert shares["tbr"][0] + shares["tir"][0] + shares["tar"][0] == pytest.approx(100.0)
    assert shares["tbr54"][0] == shares["tar250"][0] == pytest.approx(100.0 / 6)


def test_the_risk_index_weighs_bands_as_published():
    glucose = np.repeat([50.0, 60.0, 100.0, 200.0, 300.0], [2, 4, 88, 4, 2])[None]
    assert glucose_shares(glucose)["gri"][0] == pytest.approx(3.0 * 2 + 2.4 * 4 + 1.6 * 2 + 0.8 * 4)


def test_lows_of_the_night_are_found_in_the_night():
    cgm = np.full((1, SLOTS), 120.0)
    cgm.reshape(14, SLOTS_PER_DAY)[:, 24:48] = 60.0
    found = setting_features(record(cgm))
    assert found["tbr_00"][0] == pytest.approx(100.0 * 24 / 72)
    assert found["tbr_06"][0] == found["tbr_12"][0] == found["tbr_18"][0] == 0.0
    assert found["night_lowest"][0] == 60.0


def test_a_rise_after_lunch_is_found_at_lunch():
    cgm = np.full((1, SLOTS), 120.0)
    cgm.reshape(14, SLOTS_PER_DAY)[:, 13 * 12 : 16 * 12] = 220.0
    found = setting_features(record(cgm))
    assert found["lunch_rise"][0] == pytest.approx(100.0)
    assert found["lunch_high"][0] == 100.0
    assert found["breakfast_high"][0] == found["dinner_high"][0] == 0.0


def test_insulin_and_settings_are_described_relative_to_the_dose():
    found = setting_features(record(np.full((1, SLOTS), 120.0)))
    assert found["daily_u_per_kg"][0] == pytest.approx(39.0 / 80.0)
    assert found["basal_share"][0] == pytest.approx(24.0 / 39.0)
    assert found["carb_ratio_to_rule"][0] == pytest.approx(np.log(10.0 * 39.0 / 500.0))


def test_gaps_leave_every_feature_a_number():
    cgm = 120.0 + 30.0 * np.sin(np.arange(SLOTS) / 40.0)[None]
    cgm[:, np.random.default_rng(1).random(SLOTS) < 0.25] = np.nan
    assert all(np.isfinite(value).all() for value in setting_features(record(cgm)).values())


def test_a_day_without_the_sensor_leaves_every_feature_a_number():
    cgm = 120.0 + 30.0 * np.sin(np.arange(SLOTS) / 40.0)[None]
    cgm[:, 3 * SLOTS_PER_DAY : 4 * SLOTS_PER_DAY] = np.nan
    assert all(np.isfinite(value).all() for value in setting_features(record(cgm)).values())


def test_a_low_after_a_corrected_meal_is_told_from_one_after_a_plain_meal():
    cgm = np.full((1, SLOTS), 120.0)
    by_day = cgm.reshape(14, SLOTS_PER_DAY)
    by_day[:, 11 * 12 : 12 * 12 + 3] = 200.0
    by_day[:, 14 * 12 : 15 * 12] = 60.0
    found = setting_features(record(cgm))
    assert found["corrected_low"][0] == 100.0
    assert found["uncorrected_low"][0] == 0.0
    assert found["corrected_share"][0] == pytest.approx(1 / 3, abs=0.02)


def test_a_steep_rise_without_an_entry_is_noticed():
    cgm = np.full((1, SLOTS), 120.0)
    cgm.reshape(14, SLOTS_PER_DAY)[:, 3 * 12 : 4 * 12] += np.linspace(0.0, 110.0, 12)
    assert setting_features(record(cgm))["unexplained_rise"][0] > 0.0
    assert setting_features(record(np.full((1, SLOTS), 120.0)))["unexplained_rise"][0] == 0.0


def test_patients_are_described_independently_of_each_other():
    rng = np.random.default_rng(2)
    cgm = rng.uniform(45.0, 300.0, (3, SLOTS))
    together = setting_features(record(cgm))
    alone = setting_features(record(cgm[1:2]))
    assert all(together[name][1] == pytest.approx(alone[name][0]) for name in alone)


# Changes


def test_every_change_turns_at_most_two_settings_of_different_kinds():
    changes = all_changes()
    assert changes[0] == NO_CHANGE
    assert len(set(changes)) == len(changes)
    for change in changes:
        kinds = [s.split("_")[0] for s in change.settings]
        assert len(kinds) == len(set(kinds)) <= 2


def test_more_insulin_means_higher_basal_and_lower_ratios():
    for i, part in enumerate(PARTS):
        after = applied(therapy(), np.log(1.1) * (np.arange(len(PARTS)) == i))
        ratios = (after.basal_u_per_h, 10.0 / after.carb_ratio_g_per_u, 50.0 / after.sensitivity_mgdl_per_u)
        assert [r.max() for r in ratios] == pytest.approx(
            [1.1 if part.startswith(k) else 1.0 for k in ("basal", "carb", "sens")]
        )


def test_each_hour_belongs_to_one_meal_and_one_part_of_basal():
    night = applied(therapy(), SettingChange(("basal_night",), (10,)).log_factors).basal_u_per_h[0] > 1.0
    day = applied(therapy(), SettingChange(("basal_day",), (10,)).log_factors).basal_u_per_h[0] > 1.0
    assert (night ^ day).all()
    meals = [
        applied(therapy(), SettingChange((f"carb_ratio_{m}",), (10,)).log_factors).carb_ratio_g_per_u[0]
        < 10.0
        for m in ("breakfast", "lunch", "dinner")
    ]
    assert (np.sum(meals, axis=0) == 1).all()


def test_a_change_and_its_inverse_leave_the_therapy_as_it_was():
    change = np.linspace(-0.2, 0.1, len(PARTS))
    back = applied(applied(therapy(), change), -change)
    assert np.allclose(back.carb_ratio_g_per_u, 10.0)
    assert np.allclose(back.basal_u_per_h, 1.0)


# Guards

percent = st.one_of(st.floats(0.0, 100.0), st.just(float("nan")))
factors = arrays(float, (1, 6), elements=st.floats(allow_nan=True, allow_infinity=True))


@pytest.mark.spec("H-05")
@given(percent, percent, factors)
def test_H05_no_insulin_is_added_while_lows_exceed_the_target(tbr, tbr54, asked):
    only_reductions = lows_forbid_more_insulin(np.array([tbr]), np.array([tbr54]))
    if not (tbr <= 4.0 and tbr54 <= 1.0):
        assert only_reductions[0]
        assert (guarded(asked, only_reductions) <= 0.0).all()


@given(factors, st.booleans())
def test_no_step_is_larger_than_the_limits(asked, only_reductions):
    allowed = np.expm1(guarded(asked, np.array([only_reductions])))
    assert (allowed <= 0.10 + 1e-12).all()
    assert (allowed >= -0.20 - 1e-12).all()


@given(arrays(float, (1, 6), elements=st.floats(-0.22, 0.095)))
def test_what_is_within_the_limits_stays_as_it_is(asked):
    assert np.array_equal(guarded(asked, np.array([False])), asked)


def test_with_lows_only_reductions_and_no_change_are_permitted():
    changes = all_changes()
    mask = permitted(changes, np.array([True, False]))
    assert all(not changes[i].adds_insulin for i in np.flatnonzero(mask[0]))
    assert mask[0, 0]
    assert mask[1].all()


@pytest.mark.parametrize(
    "change",
    [
        SettingChange(("basal",), (11,)),
        SettingChange(("basal",), (-21,)),
        SettingChange(("basal", "sensitivity", "carb_ratio"), (10, 10, 10)),
    ],
)
def test_a_change_beyond_the_limits_is_never_permitted(change):
    assert not permitted([change], np.array([False]))[0, 0]


# Rules


def quiet() -> dict[str, float]:
    return {
        name: float(value[0]) for name, value in setting_features(record(np.full((1, SLOTS), 120.0))).items()
    }


def test_the_rules_leave_a_good_therapy_alone():
    assert propose_by_rules(quiet()) == NO_CHANGE


def test_the_rules_answer_lows_at_night_with_less_basal():
    assert propose_by_rules(quiet() | {"tbr": 6.0, "tbr_00": 20.0}) == SettingChange(("basal",), (-10,))
    severe = quiet() | {"tbr": 8.0, "tbr54": 6.0, "tbr_00": 20.0}
    assert propose_by_rules(severe) == SettingChange(("basal",), (-20,))


def test_the_rules_answer_lows_after_meals_with_a_weaker_ratio():
    assert propose_by_rules(quiet() | {"tbr": 6.0, "uncorrected_low": 30.0}) == SettingChange(
        ("carb_ratio",), (-10,)
    )


def test_the_rules_answer_lows_after_one_meal_at_that_meal():
    found = quiet() | {"tbr": 6.0, "uncorrected_low": 30.0, "lunch_low": 60.0}
    assert propose_by_rules(found) == SettingChange(("carb_ratio_lunch",), (-10,))


def test_the_rules_answer_highs_after_every_meal_with_a_stronger_ratio_all_day():
    found = quiet() | {f"{meal}_change": 60.0 for meal in ("breakfast", "lunch", "dinner")}
    assert propose_by_rules(found) == SettingChange(("carb_ratio",), (10,))


def test_the_rules_answer_highs_after_dinner_with_a_stronger_ratio_at_dinner():
    found = quiet() | {"dinner_change": 60.0}
    assert propose_by_rules(found) == SettingChange(("carb_ratio_dinner",), (10,))


def test_the_rules_answer_high_nights_with_more_basal_unless_they_also_have_lows():
    assert propose_by_rules(quiet() | {"mean_00": 170.0}) == SettingChange(("basal",), (10,))
    assert propose_by_rules(quiet() | {"mean_00": 170.0, "tbr_00": 3.0}) == NO_CHANGE


@given(
    st.fixed_dictionaries(
        {
            "tbr": st.floats(4.01, 60),
            "tbr54": st.floats(0, 30),
            "tbr_00": st.floats(0, 60),
            "tar": st.floats(0, 60),
        }
    )
)
def test_the_rules_never_add_insulin_while_there_are_lows(lows):
    assert not propose_by_rules(quiet() | lows).adds_insulin
