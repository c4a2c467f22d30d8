"""The mealtime dose computed again: the arithmetic, what it must know, and what it says against a draft."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_case import LISPRO, check, finding, meal, rules, signed, unchecked
from titration_case import NOW, labs, order, record, with_series

from models.assessment import Input, Outcome
from models.dosing.bolus_check import BolusInputs, read_bolus_inputs, recompute
from models.dosing.insulin_on_board import RAPID_ADULT, remaining_fraction
from models.dosing.order_finding import Severity
from models.patient_record import Completeness, InsulinKind, PatientRecord
from models.time_series import ABOVE, series_of

MINUTE = 60_000


def at(signal: str, unit: str, *points: tuple[float, float]):
    """Points as (minutes ago, value)."""
    return labs(signal, unit, [(minutes / 1440, value) for minutes, value in points])


KNOWN = {
    "CARB_RATIO": at("carb_ratio", "g/[iU]", (9000, 10.0)),
    "INSULIN_SENSITIVITY": at("insulin_sensitivity", "mg/dL/[iU]", (9000, 50.0)),
    "GLUCOSE_TARGET": at("glucose_target", "mg/dL", (9000, 100.0)),
    "CARBS": at("carbs", "g", (5, 60.0)),
    "GLUCOSE_SMBG": at("glucose_smbg", "mg/dL", (10, 200.0)),
    "INSULIN_BOLUS": at("insulin_bolus", "[iU]", (600, 5.0)),
}


def known(**changes: object) -> PatientRecord:
    """60 g at 10 g per unit, 200 mg/dL at 50 per unit to 100, nothing on board: 6 + 2 units."""
    rec = with_series(record(insulin_orders=(order(),)), **(KNOWN | changes))
    return replace(rec, completeness=rec.completeness | {"insulin": Completeness.COMPLETE})


def one_dose(dose_u: float, **changes: object):
    once = {"daily_dose_u": None, "doses_per_day": None, "why_no_dose": "how often is not fixed"}
    return meal(dose_u, **(once | changes))


def inputs(carbs: float, glucose: float, on_board_u: float) -> BolusInputs:
    values = {"ratio": 10.0, "sensitivity": 50.0, "target": 100.0, "carbs": carbs, "glucose": glucose}
    known_inputs = (Input(name, value, "", NOW) for name, value in values.items())
    return BolusInputs(*known_inputs, Input("insulin on board", on_board_u, "units", NOW), falling=False)


@pytest.mark.spec("H-09")
@pytest.mark.parametrize(
    ("carbs", "glucose", "on_board_u", "food_u", "correction_u", "total_u"),
    [
        (60, 200, 0, 6, 2, 8),
        (60, 200, 1.5, 6, 0.5, 6.5),
        (60, 200, 5, 6, 0, 6),
        (60, 100, 3, 6, 0, 6),
        (60, 75, 0, 6, -0.5, 5.5),
        (60, 75, 3, 6, -0.5, 5.5),
        (0, 60, 0, 0, -0.8, 0),
    ],
)
def test_H09_insulin_on_board_takes_from_the_correction_and_never_from_the_food(
    carbs, glucose, on_board_u, food_u, correction_u, total_u
):
    computed = recompute(inputs(carbs, glucose, on_board_u))
    assert computed.food_u == pytest.approx(food_u)
    assert computed.correction_u == pytest.approx(correction_u)
    assert computed.total_u == pytest.approx(total_u)


@pytest.mark.spec("H-01", "H-09")
@given(carbs=st.floats(0, 200), glucose=st.floats(40, 400), on_board=st.floats(0, 20), more=st.floats(0, 10))
def test_H09_more_insulin_on_board_or_a_lower_glucose_never_computes_a_larger_dose(
    carbs, glucose, on_board, more
):
    dose_u = recompute(inputs(carbs, glucose, on_board)).total_u
    assert recompute(inputs(carbs, glucose, on_board + more)).total_u <= dose_u
    assert recompute(inputs(carbs, glucose - more, on_board)).total_u <= dose_u + 1e-9
    assert dose_u >= 0


@pytest.mark.spec("H-09")
@pytest.mark.parametrize(
    ("dose_u", "found"),
    [
        (8, None),
        (9.5, None),
        (6.5, None),
        (10, "bolus_differs"),
        (6, "bolus_differs"),
        (16, "bolus_far_above"),
    ],
)
def test_H09_a_drafted_dose_is_compared_with_the_one_computed_from_the_record(dose_u, found):
    answer = check(known(), one_dose(dose_u))
    assert {r for r in rules(answer) if r.startswith("bolus")} == ({found} if found else set())
    if found:
        said = finding(answer, found)
        assert said.headline == f"{dose_u:g} units drafted; the record computes to 8.0"
        assert {e.name for e in said.evidence} >= {"carbohydrates", "carb ratio", "insulin on board"}
        assert (said.severity is Severity.CRITICAL) is (found == "bolus_far_above")


@pytest.mark.spec("H-09")
def test_H09_insulin_on_board_comes_from_every_dose_given():
    given_ = known(INSULIN_BOLUS=at("insulin_bolus", "[iU]", (60, 4.0), (120, 2.0)))
    read = read_bolus_inputs(given_, LISPRO, NOW)
    left = remaining_fraction(np.array([60.0, 120.0]), RAPID_ADULT)
    assert read.on_board_u == pytest.approx(4 * left[0] + 2 * left[1])


@pytest.mark.spec("H-08")
@pytest.mark.parametrize(
    ("signal", "about"),
    [
        ("insulin_delivery", "insulin_given"),
        ("insulin_bolus", "insulin_given"),
        ("carb_ratio", "carb_ratio"),
        ("insulin_sensitivity", "insulin_sensitivity"),
        ("glucose_target", "glucose_target"),
    ],
)
def test_H08_a_dose_or_a_newer_setting_that_could_not_be_read_is_named_and_nothing_is_computed(signal, about):
    unread = replace(known(), lost={signal: None})
    (reason,) = read_bolus_inputs(unread, LISPRO, NOW)
    assert reason.about == about


@pytest.mark.spec("H-07", "H-08")
@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"CARB_RATIO": None}, "carb_ratio"),
        ({"INSULIN_SENSITIVITY": None}, "insulin_sensitivity"),
        ({"GLUCOSE_TARGET": None}, "glucose_target"),
        ({"CARBS": None}, "carbs"),
        ({"CARBS": at("carbs", "g", (31, 60.0))}, "carbs"),
        ({"CARBS": at("carbs", "g", (20, 60.0)), "INSULIN_BOLUS": at("insulin_bolus", "[iU]", (10, 6.0))}, "carbs"),
        ({"GLUCOSE_SMBG": None}, "glucose"),
        ({"GLUCOSE_SMBG": at("glucose_smbg", "mg/dL", (31, 200.0))}, "glucose"),
        ({"GLUCOSE_SMBG": None, "GLUCOSE_CGM": at("glucose_cgm", "mg/dL", (16, 200.0))}, "glucose"),
        ({"INSULIN_BOLUS": None}, "insulin_given"),
        ({"CARB_RATIO": at("carb_ratio", "g/[iU]", (9000, 10.0), (9000, 12.0))}, "carb_ratio"),
        ({"CARB_RATIO": at("carb_ratio", "g/[iU]", (91 * 1440, 10.0))}, "carb_ratio"),
        ({"CARB_RATIO": at("carb_ratio", "g/[iU]", (9000, 1.0))}, "carb_ratio"),
        ({"INSULIN_SENSITIVITY": at("insulin_sensitivity", "mg/dL/[iU]", (9000, 2.5))}, "insulin_sensitivity"),
    ],
)  # fmt: skip
def test_H08_each_input_that_is_missing_or_stale_is_named_and_nothing_is_computed(changes, about):
    reasons = read_bolus_inputs(known(**changes), LISPRO, NOW)
    assert about in {reason.about for reason in reasons}
    answer = check(known(**changes), one_dose(16))
    assert "bolus_inputs" in unchecked(answer)
    assert not {"bolus_differs", "bolus_far_above"} & rules(answer)


@pytest.mark.spec("H-07")
@pytest.mark.parametrize(
    ("signal", "minutes", "fresh"),
    [("CGM", 15, True), ("CGM", 15.1, False), ("SMBG", 30, True), ("SMBG", 30.1, False)],
)
def test_H07_a_sensor_reading_is_fresh_for_15_and_a_meter_reading_for_30_minutes(signal, minutes, fresh):
    glucose = at(f"glucose_{signal.lower()}", "mg/dL", (minutes, 200.0))
    rec = known(**({"GLUCOSE_SMBG": None} | {f"GLUCOSE_{signal}": glucose}))
    assert isinstance(read_bolus_inputs(rec, LISPRO, NOW), BolusInputs) is fresh


@pytest.mark.spec("H-08", "H-09")
def test_H09_without_all_doses_given_on_record_nothing_is_known_to_be_on_board():
    rec = known()
    for state in (Completeness.EMPTY, Completeness.PARTIAL, Completeness.FAILED, Completeness.NOT_ASKED):
        part = replace(rec, completeness=rec.completeness | {"insulin": state})
        assert {r.about for r in read_bolus_inputs(part, LISPRO, NOW)} == {"insulin_given"}


def test_a_human_insulin_and_a_glucose_beyond_the_sensor_are_not_computed_with():
    regular = replace(LISPRO, ingredient="regular", kind=InsulinKind.SHORT)
    assert {r.about for r in read_bolus_inputs(known(), regular, NOW)} == {"insulin_product"}
    cgm = at("glucose_cgm", "mg/dL", (3, 400.0))
    above = known(GLUCOSE_CGM=replace(cgm, censored=cgm.censored + ABOVE))
    assert {r.about for r in read_bolus_inputs(above, LISPRO, NOW)} == {"glucose"}


@pytest.mark.spec("H-02")
def test_H02_while_glucose_falls_fast_the_dose_is_not_compared():
    minutes = np.arange(15, -1, -5)
    falling = series_of("glucose_cgm", "mg/dL", NOW - minutes * MINUTE, 180.0 + 2.5 * minutes, "sensor")
    assert rules(check(known(GLUCOSE_CGM=falling), one_dose(16))) >= {"bolus_while_falling"}
    slowly = series_of("glucose_cgm", "mg/dL", NOW - minutes * MINUTE, 180.0 + 1.5 * minutes, "sensor")
    assert "bolus_while_falling" not in rules(check(known(GLUCOSE_CGM=slowly), one_dose(16)))


def test_a_standing_order_for_every_meal_is_no_dose_for_now_until_carbohydrates_are_recorded():
    standing = meal(16, when=("ACM", "ACD", "ACV"))
    before = known(CARBS=at("carbs", "g", (90, 60.0)))
    assert not {r for r in rules(check(before, standing)) if r in {"bolus_differs", "bolus_far_above"}}
    assert "bolus_inputs" not in unchecked(check(before, standing))
    assert "bolus_far_above" in rules(check(known(), standing))


@pytest.mark.spec("H-15")
def test_H15_a_dose_for_now_that_could_not_be_computed_is_never_silent():
    answer = check(record(), one_dose(6))
    assert answer.outcome is Outcome.PARTIAL
    text = next(r.text for r in answer.result.not_checked if r.about == "bolus_inputs")
    for word in ("carb ratio", "insulin sensitivity", "glucose target", "carbohydrates", "Insulin given"):
        assert word in text


def test_an_old_setting_that_was_replaced_is_not_used():
    ratio = at("carb_ratio", "g/[iU]", (60 * 1440, 20.0), (10, 10.0))
    assert read_bolus_inputs(known(CARB_RATIO=ratio), LISPRO, NOW).carb_ratio.value == 10.0
    later = at("carb_ratio", "g/[iU]", (9000, 10.0), (-10, 20.0))
    assert read_bolus_inputs(known(CARB_RATIO=later), LISPRO, NOW).carb_ratio.value == 10.0


@pytest.mark.spec("H-15")
@pytest.mark.parametrize("state", [Completeness.PARTIAL, Completeness.FAILED])
def test_H15_carbohydrates_that_may_be_missing_are_named_for_mealtime_insulin_alone(state):
    rec = known(CARBS=None)
    part = replace(rec, completeness=rec.completeness | {"bolus": state})
    assert "bolus" in unchecked(check(part, meal(6)))
    assert "bolus" not in unchecked(check(part, signed(20)))
