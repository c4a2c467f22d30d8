"""What a diabetologist and a hostile prescriber missed in the order check: each finding at its edge."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_case import (
    LISPRO,
    TYPE_1,
    active_meal,
    check,
    finding,
    meal,
    problem,
    rules,
    signed,
    unchecked,
)
from titration_case import DAY, GLARGINE, NOW, labs, meter, order, record, with_lows, with_series

from models.assessment import Outcome
from models.dosing.order_finding import HEADLINE_LIMIT, Severity
from models.patient_record import InsulinKind, InsulinProduct, Medication, PatientRecord
from models.time_series import ABOVE, series_of

CHANGES = {"ten_times_more", "ten_times_less", "doubled", "raised_by_half", "halved"}


def type_1(**changes: object) -> PatientRecord:
    return record(**({"conditions": (problem(TYPE_1),)} | changes))


def lantus(brand: str | None = "lantus", dose_u: float = 20.0, **changes: object):
    product = replace(GLARGINE, name=str(brand), brand=brand)
    return order(dose_u, **({"product": product, "reference": f"MedicationRequest/{brand}"} | changes))


@pytest.mark.spec("H-01", "H-05")
@pytest.mark.parametrize("conditions", [(problem(TYPE_1),), (problem("type_2_diabetes"),), ()])
@pytest.mark.parametrize("weight", [None, 100.0])
@pytest.mark.parametrize(
    ("dose_u", "found"),
    [(29, None), (30, "raised_by_half"), (39.5, "raised_by_half"), (40, "doubled"), (99, "doubled"),
     (100, "ten_times_more"), (11, None), (10, "halved"), (4.5, "halved"), (4, "ten_times_less")],
)  # fmt: skip
def test_H01_a_basal_dose_far_from_the_one_in_use_is_found_in_every_type_and_without_a_weight(
    conditions, weight, dose_u, found
):
    body = labs("body_weight", "kg", [(3, weight)]) if weight else None
    rec = with_series(record(conditions=conditions), BODY_WEIGHT=body)
    answer = check(rec, signed(dose_u))
    assert rules(answer) & CHANGES == ({found} if found else set())
    if found in {"doubled", "raised_by_half"}:
        assert f"{dose_u:g} units a day" in finding(answer, found).headline
        assert "20 in use" in finding(answer, found).headline


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("before", "after", "found"),
    [(2, 4, "raised_by_half"), (4, 8, "doubled"), (6, 12, "doubled"), (6, 9, "raised_by_half"), (6, 8, None)],
)
def test_H01_a_mealtime_dose_far_from_the_one_in_use_is_found(before, after, found):
    once = {"daily_dose_u": None, "doses_per_day": None, "when": ("ACM",)}
    rec = record(insulin_orders=(order(), active_meal(before, **once)))
    assert rules(check(rec, meal(after, **once))) & CHANGES == ({found} if found else set())


def test_H01_the_same_units_a_day_in_fewer_and_larger_mealtime_doses_are_found():
    rec = record(insulin_orders=(order(), active_meal(6)))
    single = meal(18, daily_dose_u=18.0, doses_per_day=1.0)
    assert "doubled" in rules(check(rec, single))


def test_H01_two_basal_doses_in_one_are_no_change_of_the_day():
    twice = order(10.0, daily_dose_u=20.0, doses_per_day=2.0)
    assert not rules(check(record(insulin_orders=(twice,)), signed(20))) & CHANGES


@pytest.mark.spec("H-01", "H-08")
def test_H01_without_an_order_the_doses_given_are_the_dose_in_use():
    given = series_of("insulin_basal", "[iU]", NOW - DAY * (1 + _range(5)), 20.0 + 0.0 * _range(5), "pen")
    rec = with_series(type_1(insulin_orders=()), INSULIN_BASAL=given)
    answer = check(rec, signed(40))
    assert "doubled" in rules(answer)
    assert answer.result.in_use.value == "20 units a day"
    two = given.take(given.at_ms > NOW - 3 * DAY)
    assert "doubled" not in rules(check(with_series(rec, INSULIN_BASAL=two), signed(40)))


def _range(count: int):
    return labs("x", "", [(float(i), float(i)) for i in range(count)]).value.astype("int64")


@pytest.mark.spec("H-13")
def test_H13_halving_basal_insulin_in_type_1_names_ketoacidosis():
    answer = check(type_1(), signed(10))
    assert "DKA" in finding(answer, "halved").headline
    assert "DKA" not in finding(check(record(), signed(10)), "halved").headline


@pytest.mark.spec("H-15")
def test_H15_limits_not_applied_in_type_1_are_named_and_never_silent():
    answer = check(type_1(), signed(20))
    assert answer.outcome is Outcome.PARTIAL
    assert unchecked(answer) == {"basal_limits"}


@pytest.mark.spec("H-15")
@pytest.mark.parametrize(
    ("rec", "new", "about"),
    [
        (
            record(insulin_orders=()),
            signed(20, product=replace(GLARGINE, ingredient="icodec")),
            "basal_start",
        ),
        (record(), signed(20, daily_dose_u=None, why_no_dose="how often is not fixed"), "daily_dose"),
        (record(), meal(None, daily_dose_u=18.0), "single_dose"),
        (
            record(insulin_orders=(order(), active_meal(None))),
            meal(6),
            "current_dose",
        ),
        (
            record(
                birth_date=date(1950, 1, 1), insulin_orders=(order(10.0), active_meal(6, daily_dose_u=None))
            ),
            signed(11),
            "total_daily_insulin",
        ),
    ],
)
def test_H15_each_rule_that_could_not_run_says_so(rec, new, about):
    answer = check(rec, new)
    assert about in unchecked(answer)
    assert answer.outcome is not Outcome.ASSESSED_NEGATIVE


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("weight", "dose_u", "found"),
    [(100, 50, False), (100, 50.5, True), (None, 30, False), (None, 30.5, True)],
)
def test_H01_a_first_dose_above_half_a_unit_per_kg_or_30_units_is_found_in_every_type(weight, dose_u, found):
    body = labs("body_weight", "kg", [(3, weight)]) if weight else None
    rec = with_series(type_1(insulin_orders=()), BODY_WEIGHT=body)
    assert ("start_far_above" in rules(check(rec, signed(dose_u)))) is found
    assert "start_far_above" not in rules(check(with_series(type_1(), BODY_WEIGHT=body), signed(dose_u)))


def test_H01_a_first_basal_and_a_first_mealtime_insulin_are_added_up():
    rec = type_1(insulin_orders=())
    assert "start_far_above" in rules(check(rec, signed(30), meal(8)))
    assert "start_far_above" not in rules(check(rec, signed(30), meal(6)))


@pytest.mark.spec("H-02")
@pytest.mark.parametrize("new", [signed(20), signed(22), meal(6), meal(7)])
@pytest.mark.parametrize(
    ("days", "value", "found", "severity"),
    [
        (0.9, 53, "very_low_in_24_h", Severity.CRITICAL),
        (1.1, 53, "after_low", Severity.WARNING),
        (6.9, 53, "after_low", Severity.WARNING),
        (7.1, 53, None, None),
        (0.9, 69, "after_low", Severity.WARNING),
        (1.1, 69, None, None),
        (0.9, 70, None, None),
    ],
)
def test_H02_signing_the_same_dose_again_after_a_low_is_found_with_value_date_and_source(
    new, days, value, found, severity
):
    rec = with_lows(type_1(insulin_orders=(order(), active_meal(6))), (days, value))
    lows = [f for f in check(rec, new).result.findings if "low" in f.rule]
    assert [f.severity for f in lows] == ([severity] if severity else [])
    if found:
        assert found in lows[0].rule
        assert f"{value} mg/dL" in lows[0].headline
        assert (lows[0].evidence[0].value, lows[0].evidence[0].at_ms) == (value, NOW - round(days * DAY))


def lowered(before_u: float, days_ago: float, **changes: object) -> PatientRecord:
    """On 20 units since some days ago, from another dose before."""
    past = order(before_u, days_ago + 20, reference="MedicationRequest/past", status="stopped")
    return record(insulin_orders=(order(20.0, days_ago),), past_insulin_orders=(past,), **changes)


@pytest.mark.spec("H-02")
def test_H02_a_dose_that_was_lowered_after_the_low_may_be_signed_again():
    assert "repeated_after_low" not in rules(check(with_lows(lowered(24, 2), (3, 50)), signed(20)))


@pytest.mark.spec("H-02")
@pytest.mark.parametrize(
    ("before_u", "days_ago", "lows"),
    [
        (20, 2, [(3, 50)]),
        (16, 2, [(3, 50)]),
        (24, 4, [(3, 50)]),
        (24, 2, [(3, 50), (1.5, 53)]),
        (24, 2, [(3, 50), (0.5, 69)]),
    ],
    ids=["renewed", "raised", "lowered before", "very low again", "low again"],
)
def test_H02_a_low_that_no_lower_dose_answered_is_still_found(before_u, days_ago, lows):
    found = check(with_lows(lowered(before_u, days_ago), *lows), signed(20))
    assert "repeated_after_low" in rules(found)
    assert len(finding(found, "repeated_after_low").evidence) == 1


@pytest.mark.spec("H-02")
def test_H02_an_increase_after_an_answered_low_names_the_answer_that_it_takes_back():
    found = check(with_lows(lowered(24, 2), (3, 50)), signed(22))
    low, answer = finding(found, "raised_after_low").evidence
    assert (low.value, answer.value) == (50, "24 to 20 units a day")
    assert (answer.name, answer.at_ms) == ("dose lowered since the low", NOW - 2 * DAY)


@pytest.mark.spec("H-02")
def test_H02_a_very_low_glucose_of_today_is_said_whatever_was_changed_since():
    assert "very_low_in_24_h" in rules(check(with_lows(lowered(24, 0.3), (0.6, 52)), signed(20)))


@pytest.mark.parametrize(("zone", "found"), [("Pacific/Auckland", False), (None, True)])
def test_a_birthday_is_one_of_the_patients_own_calendar(zone, found):
    """Noon UTC of 18 November 2026 is the 19th in Auckland."""
    rec = record(birth_date=date(2008, 11, 19), zone=zone)
    assert ("child" in rules(check(rec, signed(20)))) is found


@pytest.mark.spec("H-02")
def test_H02_the_low_within_a_day_leads_although_a_lower_one_is_older():
    rec = with_lows(record(), (5, 41), (0.5, 52))
    assert "52 mg/dL" in finding(check(rec, signed(20)), "very_low_in_24_h").headline


@pytest.mark.spec("H-09")
@pytest.mark.parametrize(
    ("active", "drafted", "found"),
    [
        ("lantus", "basaglar", "duplicate_insulin"),
        ("lantus", "semglee", "duplicate_insulin"),
        ("semglee", "rezvoglar", "duplicate_insulin"),
        ("lantus", "lantus", None),
        ("lantus", None, "duplicate_possible"),
        (None, "lantus", "duplicate_possible"),
        (None, None, None),
    ],
)
def test_H09_another_brand_of_the_same_insulin_is_a_second_one(active, drafted, found):
    new = replace(lantus(drafted), reference="MedicationRequest/new", status="draft")
    rec = record(insulin_orders=(lantus(active),))
    assert {r for r in rules(check(rec, new)) if r.startswith("dupl")} == ({found} if found else set())
    assert not rules(check(rec, new, replaces=f"MedicationRequest/{active}"))


@pytest.mark.spec("H-09")
def test_H09_two_active_orders_of_the_same_insulin_are_critical_whichever_is_signed():
    two = (lantus("lantus", 20.0), lantus("lantus", 24.0, reference="MedicationRequest/second"))
    for new in (signed(24), two[0]):
        answer = check(record(insulin_orders=two), new)
        assert finding(answer, "duplicate_insulin").severity is Severity.CRITICAL
        assert "same insulin as Lantus 2" in finding(answer, "duplicate_insulin").headline


@pytest.mark.spec("H-09")
def test_H09_the_same_insulin_twice_in_one_signing_is_found():
    assert "duplicate_insulin" in rules(
        check(record(), signed(20), signed(20, reference="MedicationRequest/2"))
    )


def test_H09_a_regimen_split_over_the_day_is_no_duplicate_and_its_doses_add_up():
    morning = order(10.0, when=("MORN",), reference="MedicationRequest/am")
    evening = order(10.0, when=("HS",), reference="MedicationRequest/pm")
    rec = record(insulin_orders=(morning, evening))
    assert not rules(check(rec, signed(20)))
    assert not rules(check(rec, signed(10, when=("22:00:00",))))
    assert "doubled" in rules(check(rec, signed(20, when=("NIGHT",))))


def test_H09_a_correction_scale_beside_regular_doses_is_no_duplicate_and_another_rapid_insulin_is():
    rec = record(insulin_orders=(order(), active_meal(6)))
    scale = meal(2, as_needed=True)
    aspart = replace(LISPRO, ingredient="aspart")
    assert not {r for r in rules(check(rec, scale)) if r.startswith("dupl")}
    assert "duplicate_mealtime" in rules(check(rec, meal(6, product=aspart)))


@pytest.mark.spec("H-09", "H-13")
def test_H09_a_basal_injection_beside_a_pump_is_found():
    rate = labs("insulin_basal_rate", "[iU]/h", [(2, 0.8)])
    assert "pump_basal" in rules(check(with_series(type_1(), INSULIN_BASAL_RATE=rate), signed(20)))


@pytest.mark.spec("H-04")
@pytest.mark.parametrize(
    ("product", "text", "said"),
    [
        (replace(GLARGINE, units_per_ml=300.0), "", ("300 units/mL", "100 units/mL in use")),
        (GLARGINE, "20 units of U-300 insulin", ("100 units/mL", "300 units/mL in its instruction")),
        (replace(GLARGINE, brand="toujeo"), "", ("100 units/mL", "300 units/mL is what Toujeo has")),
        (
            InsulinProduct("Humulin R U-500", "regular", InsulinKind.SHORT, 500.0),
            "use a U-100 syringe",
            ("500 units/mL", "100 units/mL in its instruction"),
        ),
    ],
)
def test_H04_a_concentration_that_contradicts_order_text_or_brand_names_both(product, text, said):
    headline = finding(
        check(record(), signed(20, product=product, instruction_text=text)), "concentration_mismatch"
    ).headline
    assert all(words in headline for words in said)


@pytest.mark.spec("H-05")
def test_H05_a_coded_frequency_that_the_text_contradicts_is_a_warning_and_the_dose_is_not_used():
    why = "the coded frequency and the instruction text differ"
    new = signed(20, daily_dose_u=None, doses_per_day=2.0, why_no_dose=why)
    answer = check(record(), new)
    assert finding(answer, "frequency_contradiction").severity is Severity.WARNING
    assert "2 a day" in finding(answer, "frequency_contradiction").headline


@pytest.mark.spec("H-05")
def test_H05_an_order_that_names_two_drugs_is_refused_with_both_names():
    two = InsulinProduct("x", None, None, None, contradictory=("insulin glargine", "metformin 500 mg"))
    answer = check(record(), signed(200, product=two))
    assert answer.result.findings[0].rule == "two_products"
    assert "insulin glargine and metformin 500 mg" in answer.result.findings[0].headline
    assert not rules(answer) & {"far_above_weight", "concentration_unknown", *CHANGES}


def high(*readings: tuple[float, float], base: PatientRecord | None = None) -> PatientRecord:
    """Fingersticks as (hours ago, mg/dL)."""
    return with_series(base or record(), GLUCOSE_SMBG=meter([(hours / 24, v) for hours, v in readings]))


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    ("readings", "found"),
    [
        ([(0.2, 299)], None),
        ([(0.2, 300)], "high_now"),
        ([(0.2, 399)], "high_now"),
        ([(0.2, 400)], "very_high_now"),
        ([(3, 350), (0.2, 299)], None),
        ([(23.9, 320)], "high_now"),
        ([(24.1, 320)], None),
        ([(3, 310), (0.2, 310)], "high_now"),
    ],
)
def test_H13_a_glucose_of_300_or_more_now_asks_for_ketones_before_signing(readings, found):
    answer = check(high(*readings), signed(20))
    assert rules(answer) == ({found} if found else set())
    if found:
        assert "ketones" in finding(answer, found).headline


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    ("readings", "found"),
    [
        ([(2.5, 305), (0.2, 320)], "persistently_high"),
        ([(1.5, 305), (0.2, 320)], "high_now"),
        ([(2.5, 305), (1, 250), (0.2, 320)], "high_now"),
    ],
)
def test_H13_two_hours_of_high_glucose_are_critical_where_ketosis_is_likely(readings, found):
    assert found in rules(check(high(*readings, base=type_1()), signed(20)))
    sglt2 = Medication("M/s", "dapagliflozin", frozenset(), "active", 0, None, "sglt2_inhibitor")
    assert found in rules(check(high(*readings, base=record(medications=(sglt2,))), signed(20)))


def test_H13_a_sensor_above_its_range_may_be_as_high_as_any():
    cgm = series_of("glucose_cgm", "mg/dL", meter([(0.01, 1.0)]).at_ms, meter([(0.01, 350.0)]).value)
    above = replace(cgm, censored=cgm.censored + ABOVE)
    assert "very_high_now" in rules(check(with_series(record(), GLUCOSE_CGM=above), signed(20)))


def steroid(**changes: object) -> Medication:
    usual = {
        "reference": "MedicationRequest/s", "name": "prednisone", "codes": frozenset(), "status": "completed",
        "start_ms": NOW - 20 * DAY, "end_ms": NOW - 2 * DAY, "drug_class": "systemic_steroid",
    }  # fmt: skip
    return Medication(**(usual | changes))


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    ("past", "now", "found"),
    [
        ((steroid(),), (), "steroid_stopped"),
        ((steroid(end_ms=NOW - 8 * DAY),), (), None),
        ((steroid(end_ms=None),), (), "steroid_stopped"),
        ((steroid(end_ms=None, start_ms=NOW - 60 * DAY),), (), "drug"),
        ((), (steroid(status="active", end_ms=NOW + 3 * DAY),), "steroid_stopped"),
        ((), (steroid(status="active", end_ms=None),), "drug"),
        ((steroid(),), (steroid(status="active", end_ms=None),), "steroid_stopped"),
    ],
)
def test_H13_a_steroid_stopped_or_tapered_with_the_same_insulin_or_more_is_found(past, now, found):
    rec = record(past_medications=past, medications=now)
    for dose_u in (20, 22):
        assert rules(check(rec, signed(dose_u))) == ({found} if found else set())
    assert "steroid_stopped" not in rules(check(rec, signed(18)))


@pytest.mark.spec("H-14")
def test_H14_weak_kidneys_with_a_raise_lead_the_card_before_every_other_warning():
    rec = with_series(
        record(birth_date=date(1945, 1, 1), medications=(steroid(status="active", end_ms=None),)),
        EGFR=labs("egfr", "mL", [(3, 22)]),
    )
    first, *rest = check(rec, signed(28)).result.findings
    assert (first.rule, first.severity) == ("kidneys_and_raised", Severity.WARNING)
    assert "eGFR is 22" in first.headline
    assert "20 to 28 units a day" in first.headline
    assert {"old_and_raised", "step_too_large", "drug"} <= {f.rule for f in rest}


@pytest.mark.spec("H-15")
def test_H15_silence_means_that_everything_was_assessed():
    answer = check(record(insulin_orders=(order(), active_meal(6))), meal(6))
    assert (answer.outcome, answer.result.findings, answer.result.not_checked) == (
        Outcome.ASSESSED_NEGATIVE, (), (),
    )  # fmt: skip


def test_CA1_every_headline_fits_a_summary():
    worst = with_series(
        with_lows(
            type_1(
                birth_date=date(1931, 1, 1),
                insulin_orders=(lantus("lantus", 123.5), lantus("basaglar", 118.5), active_meal(17.5)),
                past_medications=(steroid(),),
                conditions=(
                    problem(TYPE_1),
                    problem("hypoglycaemia_in_diabetes", None),
                    problem("pregnancy"),
                ),
            ),
            (0.4, 40),
        ),
        EGFR=labs("egfr", "mL/min/{1.73_m2}", [(3, 12)]),
        INSULIN_BASAL_RATE=labs("insulin_basal_rate", "[iU]/h", [(2, 0.8)]),
    )
    answers = [
        check(worst, signed(u, product=p)) for u in (12.25, 123.5, 250.75, 599.5) for p in (GLARGINE, LISPRO)
    ]
    for answer in answers:
        for found in answer.result.findings:
            assert len(found.headline) <= HEADLINE_LIMIT, found.headline


@pytest.mark.spec("H-10", "H-15")
def test_H10_a_moment_reported_with_two_values_is_named_because_a_low_may_be_hidden():
    cgm = series_of("glucose_cgm", "mg/dL", meter([(0.3, 1.0)]).at_ms, meter([(0.3, 150.0)]).value)
    flagged = replace(cgm, flags=cgm.flags + 1, flag_sets=(frozenset(), frozenset({"source_conflict"})))
    assert "glucose_conflict" in unchecked(check(with_series(record(), GLUCOSE_CGM=flagged), signed(20)))
    assert "glucose_conflict" not in unchecked(check(with_series(record(), GLUCOSE_CGM=cgm), signed(20)))


@pytest.mark.spec("H-01", "H-05")
def test_H01_of_a_range_of_doses_the_upper_end_is_judged_and_that_is_said():
    ranged = signed(None, dose_range_u=(10.0, 60.0), why_no_dose="the dose is a range")
    answer = check(record(), ranged)
    assert "doubled" in rules(answer)
    assert unchecked(answer) == {"dose_range"}


@pytest.mark.spec("H-01")
def test_H01_a_dose_far_from_the_one_last_ordered_is_found_and_is_still_a_start():
    past = order(20.0, 40, reference="MedicationRequest/past", status="completed")
    answer = check(record(insulin_orders=(), past_insulin_orders=(past,)), signed(60))
    assert {"doubled", "start_far_above", "start_too_high"} <= rules(answer)
    assert "last ordered" in finding(answer, "doubled").headline
    assert "MedicationRequest/past" in finding(answer, "doubled").evidence[0].reference


@pytest.mark.spec("H-01")
def test_H01_a_switch_of_basal_insulin_is_compared_with_the_one_in_use_and_is_no_start():
    degludec = replace(GLARGINE, ingredient="degludec")
    answer = check(record(), signed(40, product=degludec))
    assert "doubled" in rules(answer)
    assert "start_too_high" not in rules(answer)
    assert "basal_start" in unchecked(answer)


@pytest.mark.spec("H-15")
def test_H15_a_premixed_insulin_is_not_called_overbasalised_and_its_limits_are_named_as_not_applied():
    premix = InsulinProduct("NovoMix 30", "aspart protamine+aspart", InsulinKind.PREMIX, 100.0)
    rec = record(insulin_orders=(order(60.0, product=premix),))
    answer = check(rec, signed(62, product=premix))
    assert (rules(answer), unchecked(answer)) == (set(), {"basal_limits"})
    assert "doubled" in rules(check(rec, signed(120, product=premix)))


TIMES = st.lists(
    st.sampled_from(["HS", "MORN", "AC", "08:00:00", "23:59", "24:00", "99:99", "\u0663", "x", ""]),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(
    mine=TIMES,
    theirs=TIMES,
    dose_u=st.none() | st.floats(0.05, 600),
    in_use_u=st.none() | st.floats(0.05, 600),
    ends=st.none() | st.tuples(st.floats(0, 600), st.floats(0, 600)),
    brands=st.tuples(*[st.sampled_from([None, "lantus", "toujeo", "nobody knows"])] * 2),
    as_needed=st.booleans(),
)
def test_H15_no_order_however_odd_crashes_the_check_or_overflows_a_headline(
    mine, theirs, dose_u, in_use_u, ends, brands, as_needed
):
    active = lantus(brands[0], in_use_u, when=tuple(theirs))
    second = lantus(brands[0], in_use_u, reference="MedicationRequest/b")
    new = replace(
        lantus(brands[1], dose_u, when=tuple(mine), as_needed=as_needed, dose_range_u=ends),
        reference="MedicationRequest/new",
    )
    answer = check(record(insulin_orders=(active, second)), new)
    assert all(len(found.headline) <= HEADLINE_LIMIT for found in answer.result.findings)
    if dose_u is None and ends is None:
        assert answer.outcome is not Outcome.ASSESSED_NEGATIVE
