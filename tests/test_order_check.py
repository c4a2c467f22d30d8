"""The check of insulin orders: each rule at its edge, its severity, and when it may be silent."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_case import LISPRO, check, meal, problem, rules, signed, unchecked
from titration_case import DAY, GLARGINE, NOW, labs, order, record, with_lows, with_series

from models.assessment import Outcome
from models.dosing.order_finding import SEVERITY, Severity
from models.dosing.population import NEEDED_DATA
from models.patient_record import Completeness, InsulinKind, InsulinProduct, Medication


def test_an_order_within_everything_is_answered_with_silence():
    for new in (signed(20), signed(22), signed(18), meal(6)):
        answer = check(record(), new)
        assert (answer.outcome, rules(answer), unchecked(answer)) == (Outcome.ASSESSED_NEGATIVE, set(), set())


@pytest.mark.spec("H-05")
@pytest.mark.parametrize(
    ("dose_u", "found"),
    [
        (200, "ten_times_more"),
        (100, "ten_times_more"),
        (99, None),
        (4, "ten_times_less"),
        (4.5, None),
        (2, "ten_times_less"),
    ],
)
def test_H05_a_slip_of_the_decimal_point_is_found(dose_u, found):
    assert rules(check(record(), signed(dose_u))) & {"ten_times_more", "ten_times_less"} == (
        {found} if found else set()
    )


def test_H05_a_slip_in_a_first_order_is_found_by_weight():
    first = record(insulin_orders=())
    assert "far_above_weight" in rules(check(first, signed(201)))
    assert "far_above_weight" not in rules(check(first, signed(200)))


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("current", "days", "new", "found"),
    [
        (20, 10, 22, set()),
        (20, 10, 23, {"step_too_large"}),
        (40, 10, 44, set()),
        (40, 10, 45, {"step_too_large"}),
        (20, 2, 21, {"changed_too_soon"}),
        (20, 2, 18, set()),
        (50, 10, 51, {"overbasalisation"}),
        (60, 10, 61, {"overbasalisation"}),
        (60, 10, 60, set()),
    ],
)
def test_H01_the_limits_of_basal_doses_are_held_against_the_order(current, days, new, found):
    assert rules(check(record(insulin_orders=(order(float(current), days),)), signed(new))) == found


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(("new", "found"), [(10, set()), (10.5, {"start_too_high"})])
def test_H01_a_first_basal_dose_is_held_against_the_start(new, found):
    assert rules(check(record(insulin_orders=()), signed(new))) == found


def test_a_combination_is_held_against_the_highest_dose_of_its_other_drug():
    xultophy = InsulinProduct("Xultophy", "degludec+liraglutide", InsulinKind.LONG_WITH_GLP1, 100.0)
    rec = with_series(
        record(insulin_orders=(order(49.0, product=xultophy),)),
        BODY_WEIGHT=labs("body_weight", "kg", [(3, 150)]),
    )
    assert rules(check(rec, signed(50, product=xultophy))) == set()
    assert rules(check(rec, signed(51, product=xultophy))) == {"product_maximum"}
    assert rules(check(record(insulin_orders=()), signed(16, product=xultophy))) == set()


@pytest.mark.spec("H-02")
@pytest.mark.parametrize(
    ("value", "new", "found"),
    [
        (69, 22, {"raised_after_low"}),
        (69, 20, {"repeated_after_low"}),
        (69, 18, set()),
        (70, 22, set()),
        (53, 22, {"very_low_in_24_h"}),
        (53, 20, {"very_low_in_24_h"}),
        (53, 18, set()),
    ],
)
def test_H02_the_same_dose_or_more_after_a_low_is_found_and_lowering_is_not(value, new, found):
    assert rules(check(with_lows(record(), (0.5, value)), signed(new))) == found


@pytest.mark.spec("H-02")
@pytest.mark.parametrize(
    ("value", "found"), [(53, {"very_low_now"}), (54, {"low_now"}), (69, {"low_now"}), (70, set())]
)
def test_H02_a_low_now_comes_before_any_insulin(value, found):
    rec = with_lows(
        record(insulin_orders=(order(), replace(meal(), reference="MedicationRequest/new"))), (0.01, value)
    )
    assert rules(check(rec, meal())) == found


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("dose_u", "found"),
    [(20, set()), (20.5, {"bolus_high"}), (30, {"bolus_high"}), (30.5, {"bolus_very_high"})],
)
def test_H01_large_single_mealtime_doses_are_found(dose_u, found):
    same = record(insulin_orders=(order(), meal(dose_u, reference="MedicationRequest/meal", status="active")))
    assert rules(check(same, meal(dose_u))) == found


@pytest.mark.spec("H-04")
@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (100, 100, set()),
        (100, 300, {"concentration_mismatch"}),
        (300, 300, {"concentrated"}),
        (100, None, {"concentration_unknown"}),
    ],
)
def test_H04_concentration_is_stated_standard_and_unchanged(before, now, found):
    rec = record(insulin_orders=(order(product=replace(GLARGINE, units_per_ml=before)),))
    assert rules(check(rec, signed(product=replace(GLARGINE, units_per_ml=now)))) == found


@pytest.mark.spec("H-04", "H-05")
@pytest.mark.parametrize(
    ("why", "rule", "about"),
    [
        ("the coded unit and the printed unit of the dose differ", "dose_contradiction", None),
        ("the coded dose and the instruction text differ", "dose_contradiction", None),
        ("the dose is not in insulin units", "dose_contradiction", None),
        ("the dose is implausible", "dose_contradiction", None),
        ("the dose is a range", None, "dose"),
    ],
)
def test_H04_orders_that_contradict_themselves_are_told_apart_from_those_without_a_number(why, rule, about):
    answer = check(record(), signed(None, why_no_dose=why))
    assert (rules(answer), unchecked(answer)) == ({rule} - {None}, {about} - {None})


@pytest.mark.spec("H-09")
def test_H09_a_second_basal_insulin_is_found_in_the_record_and_in_the_same_signing():
    degludec = replace(GLARGINE, ingredient="degludec")
    isophane = replace(GLARGINE, ingredient="isophane", kind=InsulinKind.INTERMEDIATE)
    for product, rule in ((degludec, "duplicate_long"), (isophane, "duplicate_basal")):
        second = signed(10, product=product, reference="MedicationRequest/2")
        assert rule in rules(check(record(), second))
        assert rule in rules(check(record(), signed(20), second))
    assert not rules(check(record(), signed(20)))


def test_an_order_that_says_what_it_replaces_is_no_duplicate():
    degludec = replace(GLARGINE, ingredient="degludec")
    assert not rules(check(record(), signed(20, product=degludec), replaces="MedicationRequest/active"))


def test_signing_an_active_order_again_compares_it_with_itself():
    assert check(record(), order(20.0)).outcome is Outcome.ASSESSED_NEGATIVE


@pytest.mark.spec("H-09")
def test_H09_insulin_still_acting_is_found_before_a_correction_dose_and_unknown_is_named():
    correction = meal(4, as_needed=True)
    given_ = with_series(record(), INSULIN_BOLUS=labs("insulin_bolus", "[iU]", [(1 / 24, 8.0)]))
    assert "insulin_on_board" in rules(check(given_, correction))
    long_ago = with_series(record(), INSULIN_BOLUS=labs("insulin_bolus", "[iU]", [(8 / 24, 8.0)]))
    assert check(long_ago, correction).outcome is Outcome.ASSESSED_NEGATIVE
    assert unchecked(check(record(), correction)) == {"insulin_given"}
    with_unread = replace(long_ago, lost={"insulin_delivery": NOW - 3_600_000})
    assert unchecked(check(with_unread, correction)) == {"insulin_given"}
    assert "insulin_on_board" in rules(check(replace(given_, lost=with_unread.lost), correction))


@pytest.mark.spec("H-14")
@pytest.mark.parametrize(
    ("egfr", "born", "new", "found"),
    [
        (29, 1966, 20, {"kidneys"}),
        (59, 1966, 31, {"reduced_need"}),
        (59, 1966, 30, set()),
        (60, 1966, 31, set()),
        (29, 1966, 31, {"kidneys_and_raised"}),
        (85, 1952, 31, {"reduced_need"}),
        (85, 1951, 31, {"reduced_need", "old_and_raised"}),
        (85, 1951, 30, set()),
    ],
)
def test_H14_kidneys_and_age_call_for_another_look(egfr, born, new, found):
    rec = with_series(
        record(birth_date=date(born, 1, 1), insulin_orders=(order(30.0),)),
        EGFR=labs("egfr", "mL", [(3, egfr)]),
    )
    assert rules(check(rec, signed(new))) == found


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    ("concept", "rule"),
    [
        ("pregnancy", "pregnancy"),
        ("gestational_diabetes", "pregnancy"),
        ("hypoglycaemia_unawareness", "unawareness"),
        ("dialysis", "kidneys_and_raised"),
        ("dka", "ketoacidosis"),
        ("eating_disorder", "unawareness"),
    ],
)
def test_H13_problems_are_found_when_insulin_is_raised(concept, rule):
    rec = record()
    with_problem = replace(rec, conditions=(*rec.conditions, problem(concept)))
    assert rule in rules(check(with_problem, signed(22)))
    assert (rule in rules(check(with_problem, signed(18)))) is (concept == "dka")


@pytest.mark.spec("H-13")
def test_H13_steroids_and_a_recent_severe_low_are_found():
    steroid = Medication(
        "MedicationRequest/s", "prednisone", frozenset(), "active", NOW - DAY, None, "systemic_steroid"
    )
    assert rules(check(record(medications=(steroid,)), signed(20))) == {"drug"}
    rec = record()
    low = replace(rec, conditions=(*rec.conditions, problem("hypoglycaemia_in_diabetes", NOW - 3 * DAY)))
    assert rules(check(low, signed(22))) == {"severe_low"}


def test_children_and_the_dead_are_found():
    assert "child" in rules(check(record(birth_date=date(2015, 1, 1)), signed(20)))
    assert "deceased" in rules(check(record(deceased=True), signed(20)))


@pytest.mark.spec("H-24")
def test_H24_a_weight_that_cannot_be_right_is_a_finding():
    rec = with_series(record(), BODY_WEIGHT=labs("body_weight", "kg", [(2, 45.4), (3, 100)]))
    assert "weight" in rules(check(rec, signed(20)))


@pytest.mark.spec("H-08", "H-15")
@pytest.mark.parametrize(
    ("changed", "about"),
    [
        (lambda r: with_series(r, BODY_WEIGHT=None), "body_weight"),
        (lambda r: with_series(r, EGFR=None), "egfr"),
        (lambda r: with_series(r, GLUCOSE_SMBG=None), "glucose"),
        (lambda r: replace(r, birth_date=None), "birth_date"),
        (lambda r: replace(r, conditions=()), "diabetes_type"),
        (
            lambda r: replace(r, insulin_orders=(order(None, why_no_dose="the dose is a range"),)),
            "current_dose",
        ),
        (
            lambda r: replace(
                r, medications=(Medication("MedicationRequest/x", "", frozenset(), "active", None),)
            ),
            "medications",
        ),
    ],
)
def test_H15_what_could_not_be_checked_is_named_and_never_silent(changed, about):
    answer = check(changed(record()), signed(20))
    assert answer.outcome is Outcome.PARTIAL
    assert about in unchecked(answer)


@pytest.mark.spec("H-15")
@pytest.mark.parametrize("key", NEEDED_DATA)
@pytest.mark.parametrize("state", [Completeness.PARTIAL, Completeness.FAILED, Completeness.NOT_ASKED])
def test_H15_data_that_may_be_incomplete_are_never_silent(key, state):
    known = dict.fromkeys(NEEDED_DATA, Completeness.COMPLETE) | {key: state}
    answer = check(record(completeness=known), signed(20))
    assert (answer.outcome, unchecked(answer)) == (Outcome.PARTIAL, {key})


def test_without_the_orders_in_force_no_order_is_taken_for_a_first_one():
    known = dict.fromkeys(NEEDED_DATA, Completeness.COMPLETE) | {"medications": Completeness.FAILED}
    assert rules(check(record(insulin_orders=(), completeness=known), signed(20))) == set()


def test_an_insulin_of_unknown_kind_is_never_silent():
    unknown = replace(GLARGINE, kind=None, ingredient=None)
    assert "insulin_product" in unchecked(check(record(insulin_orders=()), signed(10, product=unknown)))


def test_findings_stand_most_severe_first_and_each_rule_has_one_severity():
    answer = check(
        with_lows(record(), (0.01, 50)), signed(200, product=replace(GLARGINE, units_per_ml=300.0))
    )
    severities = [finding.severity for finding in answer.result.findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.CRITICAL
    assert {"very_low_now", "ten_times_more", "concentration_mismatch"} <= rules(answer)


@settings(max_examples=100, deadline=None)
@given(
    current=st.none() | st.integers(1, 120),
    dose_u=st.none() | st.integers(0, 900).map(lambda halves: halves / 2),
    weight=st.floats(1, 400),
    product=st.sampled_from(
        [GLARGINE, LISPRO, replace(GLARGINE, units_per_ml=None), replace(GLARGINE, kind=None)]
    ),
)
def test_no_order_crashes_the_check_and_every_finding_has_a_severity(current, dose_u, weight, product):
    orders = () if current is None else (order(float(current)),)
    rec = with_series(record(insulin_orders=orders), BODY_WEIGHT=labs("body_weight", "kg", [(3, weight)]))
    answer = check(rec, signed(dose_u, product=product))
    assert rules(answer) <= set(SEVERITY)
    assert (answer.outcome is Outcome.ASSESSED_NEGATIVE) == (
        not answer.result.findings and not answer.result.not_checked
    )
