"""What the card of a dose says first, and that its numbers do not contradict its rule."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_insulin_adjustment import decide, only_card
from titration_request import (
    ABOVE_GOAL,
    ON_GOAL,
    at,
    bundle,
    condition,
    draft,
    fingerstick,
    mornings,
    order,
    request,
)

from hooks.service import Practice
from models.assessment import Outcome
from models.dosing.titration_table import TABLES, find_table
from models.units import to_mmoll

DEMENTIA = {"coding": [{"system": "http://snomed.info/sct", "code": "52448006", "display": "Dementia"}]}
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def lines(card: dict) -> list[str]:
    return [line for line in card["detail"].split("\n") if line]


@pytest.mark.spec("H-05")
@pytest.mark.parametrize(
    ("drafted", "indicator", "leads"),
    [(39, "warning", False), (40, "critical", True), (200, "critical", True), (22, "info", False)],
)
def test_H05_a_draft_of_twice_the_dose_in_use_leads_the_card(drafted, indicator, leads):
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)], draft(drafted)))
    assert card["indicator"] == indicator
    assert card["summary"].startswith(f"Draft of {drafted} units is") is leads
    assert "22 units a day" in card["summary"]


@pytest.mark.spec("H-05")
def test_H05_a_tenfold_draft_leads_also_where_no_dose_can_be_calculated():
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)], draft(200), weight=bundle([])))
    assert card["summary"].startswith("Draft is 10 times the dose in use. Insulin dose not calculated")
    assert card["indicator"] == "critical"


def test_a_draft_of_three_times_the_proposed_start_leads_as_a_warning():
    card = only_card(request(mornings(ABOVE_GOAL), [], draft(30)))
    assert card["summary"].startswith("Draft of 30 units is 3 times the proposed start (10 units).")
    assert card["indicator"] == "warning"


@pytest.mark.parametrize("asked", [
    request(mornings(ABOVE_GOAL), [order(20)]),
    request([*mornings(ABOVE_GOAL), fingerstick("night", 0.3, 61)], [order(20)]),
    request(mornings(ON_GOAL), [order(24)], draft(26)),
    request(mornings(ABOVE_GOAL), [], draft(10)),
])  # fmt: skip
def test_five_lines_lead_dose_why_lowest_units_per_kg_draft(asked):
    first = lines(only_card(asked))[:5]
    starts = (
        "**Proposed: ",
        "**Why:** ",
        "**Lowest glucose of 7 days:** ",
        "**Units per kg:** ",
        "**Draft:** ",
    )
    assert all(line.startswith(start) for line, start in zip(first, starts, strict=True))
    assert re.search(r"\d\d \w{3} 2026 \d\d:\d\d", first[2])


def test_the_source_of_the_table_stands_last():
    last = lines(only_card(request(mornings(ABOVE_GOAL), [order(20)])))[-1]
    assert last.endswith("this table takes the mean of 3.)")
    assert "Limits basal-insulin-limits 1.0.0, signed by" in last


def test_the_low_that_decided_stands_first_among_the_values():
    card = only_card(request([*mornings(ABOVE_GOAL), fingerstick("night", 0.3, 61)], [order(20)]))
    table = [line for line in lines(card) if line.startswith("| ")]
    assert table[2].startswith("| low that decided, meter | 61 mg/dL (3.4 mmol/L) | 7 h ago (15 May 2026")


def test_a_dose_lowered_since_the_lows_says_on_which_day():
    past = order(24, 30, name="past", status="stopped")
    asked = request(
        [*mornings(ON_GOAL), fingerstick("night", 2.3, 48)], [order(20, 1.5)], draft(20),
        **{"past-medications": bundle([past])},
    )  # fmt: skip
    card = only_card(asked)
    assert "keep 20 units a day, lows lie before the last change on 13 May 2026" in card["summary"]
    assert "the dose was lowered from 24 units after them" in card["detail"]


@pytest.mark.spec("H-13")
def test_H13_a_very_high_glucose_leads_to_ketones_and_no_dose():
    card = only_card(request([*mornings(ABOVE_GOAL), fingerstick("now", 0.01, 412)], [order(20)]))
    assert card["indicator"] == "critical"
    assert "412 mg/dL (22.9 mmol/L): look for ketones" in card["summary"]
    assert "hyperosmolar" in card["detail"] and "| newest glucose, meter | 412 mg/dL" in card["detail"]


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(("code", "refused"), [("IMP", True), ("AMB", False)])
def test_H13_a_patient_in_hospital_gets_no_dose_for_home(code, refused):
    stay = {
        "resourceType": "Encounter", "id": "e1", "status": "in-progress", "subject": {"reference": "Patient/p1"},
        "class": {"system": ACT, "code": code}, "period": {"start": at(1)},
    }  # fmt: skip
    decision = decide(request(mornings(ABOVE_GOAL), [order(20)], encounter=bundle([stay])))
    assert (decision.outcome is Outcome.REFUSED) is refused
    assert ("The patient is in hospital" in decision.cards[0].summary) is refused


@pytest.mark.spec("H-13")
def test_H13_a_draft_for_a_ward_is_refused():
    ward = {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category",
                "code": "inpatient",
            }
        ]
    }
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)], draft(20) | {"category": [ward]}))
    assert "The draft is for a stay in hospital" in card["summary"]


@pytest.mark.spec("H-14")
def test_H14_the_cautious_goal_names_whom_it_is_for_and_its_source():
    asked = request(
        mornings([140.0, 142.0, 145.0]), [order(20)],
        conditions=bundle([condition("t2", {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}), condition("d", DEMENTIA)]),
    )  # fmt: skip
    card = only_card(asked)
    assert "keep 20 units a day, on the cautious fasting goal" in card["summary"]
    assert (
        "Goal 90 mg/dL (5.0 mmol/L) to 150 mg/dL (8.3 mmol/L) for dementia on the problem list"
        in card["detail"]
    )
    assert "section 13" in card["detail"]
    chosen = request(mornings([140.0, 142.0, 145.0]), [order(20)])
    assert "the organisation's choice" in only_card(chosen, Practice(cautious_goal=True))["detail"]


@pytest.mark.spec("H-03")
@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([130.0, 130.0, 131.0], "130.3 mg/dL (7.23 mmol/L)"),
        ([155.0, 155.0, 155.0], "155 mg/dL (8.6 mmol/L)"),
        ([130.0, 130.0, 130.0], "130 mg/dL (7.2 mmol/L)"),
    ],
)
def test_H03_the_mean_is_shown_so_that_it_does_not_contradict_the_rule(values, shown):
    assert f"mean fasting glucose {shown}" in only_card(request(mornings(values), [order(20)]))["summary"]


@pytest.mark.spec("H-03")
@given(value=st.integers(500, 3500).map(lambda tenths: tenths / 10), table=st.sampled_from(sorted(TABLES)))
def test_H03_a_value_shown_in_whole_numbers_lies_in_the_row_that_it_is_given(value, table):
    chosen = find_table(table)
    if chosen.rounds_over_edge(value):
        return
    for row in chosen.rows:
        if row.edge is None:
            continue
        edges = ((round(value), row.edge.mgdl), (round(to_mmoll(value), 1), row.edge.mmoll))
        takes = {shown >= edge if row.includes_edge else shown > edge for shown, edge in edges}
        assert takes == {row.takes(value)}


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    "name", ["Amaryl 2 mg", "Prandin", "Synjardy", "Orapred", "Entocort EC", "Diamicron MR"]
)
def test_H13_drugs_by_their_brand_names_are_seen(name):
    taken = order(1, 5, {"text": name}, "drug") | {"dosageInstruction": [{"text": "1 tablet daily"}]}
    assert only_card(request(mornings(ABOVE_GOAL), [order(20), taken]))["summary"].startswith(
        "Insulin dose not"
    )


@pytest.mark.parametrize("code", ["41604-0", "1556-0"])
def test_a_fingerstick_with_a_fasting_code_counts_as_fasting_at_any_hour(code):
    readings = [fingerstick(f"f{back}", back + 22.5 / 24, 150.0) for back in range(4)]
    for reading in readings:
        reading["code"]["coding"][0]["code"] = code
    assert "fasting glucose, meter (marked fasting)" in only_card(request(readings, [order(20)]))["detail"]
    plain = [fingerstick(f"f{back}", back + 22.5 / 24, 150.0) for back in range(4)]
    assert "not calculated" in only_card(request(plain, [order(20)]))["summary"]


def test_a_decision_names_the_limits_and_the_table_it_rests_on():
    decision = decide(request(mornings(ABOVE_GOAL), [order(20)]))
    assert decision.basis == {"basal-insulin-limits": "1.0.0", "ada-basal": "1.0.0"}
    refused = decide(request(mornings(ABOVE_GOAL), [order(20)], weight=bundle([])))
    assert refused.basis == decision.basis


def test_after_a_reduction_the_weekly_check_never_points_back_to_the_higher_dose():
    lowered = only_card(request([*mornings(ABOVE_GOAL), fingerstick("night", 0.3, 61)], [order(20)]))
    assert "calls for a lower dose" in lowered["detail"]
    assert (
        "calls for the dose before or less" in only_card(request(mornings(ABOVE_GOAL), [order(20)]))["detail"]
    )


@pytest.mark.spec("D-02")
@pytest.mark.parametrize("name", ["NovoMix 30 insulin aspart protamine / insulin aspart 100 units/mL"])
def test_a_long_product_name_cuts_nothing_off_the_summary(name):
    product = {"text": name}
    card = only_card(request(mornings([150.0, 118.0, 160.0]), [order(20, 30, product)], draft(24, product)))
    assert card["summary"].startswith("Premixed insulin: consider 22 units a day (now 20 units)")
    assert card["summary"].endswith("Verify before ordering.")


@pytest.mark.spec("H-15")
def test_H15_a_dose_too_small_to_lower_names_no_number_of_units():
    card = only_card(
        request([*mornings([95.0, 100.0, 98.0]), fingerstick("n", 0.5, 62)], [order(1)], draft(1))
    )
    assert "too small to lower" in card["summary"] and "unit" not in card["detail"].replace(
        "number, unit", ""
    )


@pytest.mark.spec("H-13")
def test_H13_the_card_asks_for_ketones_before_a_raise_under_an_sglt2_inhibitor():
    empagliflozin = {
        "coding": [{"system": "http://www.whocc.no/atc", "code": "A10BK03", "display": "empagliflozin"}]
    }
    orders = [order(20), order(1, 400, empagliflozin, "sglt2")]
    card = only_card(request(mornings([255, 281, 260, 270]), orders, draft(22)))
    said = next(line for line in lines(card) if line.startswith("**Ketones:**"))
    assert "mean fasting glucose 270 mg/dL (15.0 mmol/L): look for ketones before the dose is raised" in said
    assert lines(card).index(said) < next(i for i, each in enumerate(lines(card)) if "Values used" in each)
