"""Resources that we suggest: the draft with one dose changed, valid and otherwise untouched."""

import copy
import json

import pytest
from fhir.resources.medicationrequest import MedicationRequest as MedicationRequestR5
from fhir.resources.operationoutcome import OperationOutcome as OperationOutcomeR5
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.outgoing import NotAdjustable, WhyNotAdjustable, operation_outcome, with_daily_dose
from fhir_mappers.therapy import to_insulin_order

GLARGINE = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "311041"}]}
DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}
doses = st.integers(1, 400).map(lambda halves: halves / 2)


def instruction(value: float = 20, **more: object) -> dict:
    quantity = {"value": value, "unit": "units", "system": "http://unitsofmeasure.org", "code": "[iU]"}
    return {"timing": {"repeat": DAILY}, "doseAndRate": [{"doseQuantity": quantity}]} | more


def draft(*instructions: dict, **more: object) -> dict:
    return {
        "resourceType": "MedicationRequest", "id": "draft-1", "status": "draft", "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": GLARGINE,
        "dosageInstruction": list(instructions),
    } | more  # fmt: skip


def quantity_of(order: dict) -> dict:
    return order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]


@pytest.mark.spec("AC4")
@given(dose_u=doses)
def test_AC4_only_the_dose_of_the_draft_changes(dose_u):
    extension = [{"url": "https://ehr.example/queue", "valueString": "n7"}]
    order = draft(
        instruction(extension=extension), extension=extension, _status={"id": "s"}, vendorField={"a": [1]}
    )
    adjusted = with_daily_dose(order, dose_u)
    expected = copy.deepcopy(order)
    quantity_of(expected)["value"] = dose_u
    assert adjusted == expected
    assert list(adjusted) == list(order), "members keep their places"


@pytest.mark.spec("AC8", "FV4")
@given(dose_u=doses)
def test_AC8_the_suggested_order_is_valid_and_reads_back_as_the_dose(dose_u):
    for order in (draft(instruction(text="20 units at bedtime")), draft()):
        adjusted = with_daily_dose(order, dose_u)
        MedicationRequest.model_validate(adjusted)
        assert to_insulin_order(adjusted, {}).daily_dose_u == dose_u


def test_an_r5_draft_stays_a_valid_r5_resource():
    order = draft(instruction(), medication={"concept": GLARGINE}, renderedDosageInstruction="20 units daily")
    del order["medicationCodeableConcept"]
    adjusted = with_daily_dose(order, 22)
    MedicationRequestR5.model_validate(adjusted)
    assert adjusted["renderedDosageInstruction"] == "22 units daily"


def test_the_draft_that_was_given_is_left_as_it_was():
    order = draft(instruction(text="20 units at bedtime"))
    before = copy.deepcopy(order)
    with_daily_dose(order, 22)
    assert order == before


@pytest.mark.spec("H-05")
@given(dose_u=doses)
def test_H05_a_suggested_dose_has_a_leading_zero_and_no_trailing_one(dose_u):
    written = json.dumps(quantity_of(with_daily_dose(draft(), dose_u)))
    number = written.split('"value": ')[1].split(",")[0]
    assert number == (f"{int(dose_u)}" if dose_u == int(dose_u) else f"{int(dose_u)}.5")


@pytest.mark.spec("H-04")
@pytest.mark.parametrize("unit", ["U", "IU", "u", "[iU]"])
def test_H04_a_printed_unit_that_can_be_misread_becomes_the_word_units(unit):
    order = draft(instruction())
    quantity_of(order)["unit"] = unit
    assert quantity_of(with_daily_dose(order, 22))["unit"] == "units"
    assert quantity_of(with_daily_dose(order, 22))["code"] == "[iU]"


@pytest.mark.spec("H-04")
def test_H04_a_dose_added_to_a_draft_is_in_units_with_the_ucum_code():
    added = with_daily_dose(draft(), 0.5)["dosageInstruction"]
    assert added[0]["text"] == "0.5 units once daily"
    assert added[0]["doseAndRate"][0]["doseQuantity"] == {
        "value": 0.5, "unit": "units", "system": "http://unitsofmeasure.org", "code": "[iU]",
    }  # fmt: skip


@pytest.mark.parametrize(
    "absent", [{"dosageInstruction": []}, {"dosageInstruction": [{}]}, {"dosageInstruction": None}]
)
def test_a_draft_without_dosage_gets_one_whole_instruction(absent):
    adjusted = with_daily_dose(draft() | absent, 10)
    assert to_insulin_order(adjusted, {}).daily_dose_u == 10.0


def test_a_draft_with_only_a_daily_timing_gets_the_dose_and_keeps_its_timing():
    timing = {"repeat": DAILY | {"when": ["HS"]}}
    adjusted = with_daily_dose(draft({"timing": timing, "text": "at bedtime"}), 10)
    assert adjusted["dosageInstruction"][0]["timing"] == timing
    assert to_insulin_order(adjusted, {}).daily_dose_u == 10.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("20 units at bedtime", "22 units at bedtime"),
        ("Inject 20 units under the skin at 20:00", "Inject 22 units under the skin at 20:00"),
        ("Lantus 100 units/mL: 20U nightly", "Lantus 100 units/mL: 22 units nightly"),
        ("20 IU s.c.", "22 units s.c."),
        ("at bedtime", "at bedtime"),
    ],
)
@pytest.mark.parametrize("member", ["text", "patientInstruction"])
def test_a_text_that_repeats_the_old_dose_says_the_new_one(member, before, after):
    adjusted = with_daily_dose(draft(instruction(**{member: before})), 22)
    assert adjusted["dosageInstruction"][0][member] == after


def test_one_unit_is_printed_in_the_singular():
    adjusted = with_daily_dose(draft(instruction(text="20 units at bedtime")), 1)
    assert adjusted["dosageInstruction"][0]["text"] == "1 unit at bedtime"


@pytest.mark.parametrize(
    "more",
    [
        {"text": "Inject 20 at bedtime"},
        {"text": "20 units (twenty units) at bedtime"},
        {"text": "20 units, at most 20 units a day"},
        {"additionalInstruction": [{"text": "take 20 units with food"}]},
    ],
)
def test_a_text_that_would_go_on_stating_the_old_dose_stops_the_suggestion(more):
    with pytest.raises(NotAdjustable) as refusal:
        with_daily_dose(draft(instruction(**more)), 22)
    assert refusal.value.why is WhyNotAdjustable.TEXT


def test_a_note_that_states_the_old_dose_stops_the_suggestion():
    with pytest.raises(NotAdjustable):
        with_daily_dose(draft(instruction(), note=[{"text": "20 units as agreed"}]), 22)
    kept = with_daily_dose(draft(instruction(), note=[{"text": "agreed with the patient"}]), 22)
    assert kept["note"] == [{"text": "agreed with the patient"}]


def test_a_narrative_follows_the_dose_or_goes():
    div = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
    generated = {"status": "generated", "div": div.format("glargine 20 units daily")}
    assert "22 units daily" in with_daily_dose(draft(instruction(), text=generated), 22)["text"]["div"]
    unclear = {"status": "generated", "div": div.format("glargine 20 daily")}
    assert "text" not in with_daily_dose(draft(instruction(), text=unclear), 22)
    with pytest.raises(NotAdjustable):
        with_daily_dose(draft(instruction(), text=unclear | {"status": "additional"}), 22)


def in_volume() -> dict:
    order = draft(instruction(0.2))
    quantity_of(order).update(unit="mL", code="mL")
    return order


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (draft(instruction(), instruction()), WhyNotAdjustable.SEVERAL_INSTRUCTIONS),
        (draft(instruction(timing={"repeat": DAILY | {"frequency": 2}})), WhyNotAdjustable.NOT_ONCE_DAILY),
        (draft(instruction(timing={})), WhyNotAdjustable.NOT_ONCE_DAILY),
        (draft(instruction(asNeededBoolean=True)), WhyNotAdjustable.NOT_ONCE_DAILY),
        (draft({"text": "18 units nightly"}), WhyNotAdjustable.NOT_ONCE_DAILY),
        (draft(instruction(text="30 units nightly")), WhyNotAdjustable.NOT_ONCE_DAILY),
        (draft(instruction(maxDosePerPeriod={"numerator": {"value": 20}})), WhyNotAdjustable.ABOVE_MAXIMUM),
        (draft(instruction(modifierExtension=[{"url": "u"}])), WhyNotAdjustable.MEANING_MODIFIED),
        (draft(instruction(), modifierExtension=[{"url": "u"}]), WhyNotAdjustable.MEANING_MODIFIED),
        (draft(modifierExtension=[{"url": "u"}]), WhyNotAdjustable.MEANING_MODIFIED),
        (in_volume(), WhyNotAdjustable.IN_VOLUME),
        (draft(medicationCodeableConcept={"text": "Lantus"}), WhyNotAdjustable.NOT_BASAL),
        (draft(medicationCodeableConcept={"text": "insulin lispro 100 UNT/ML"}), WhyNotAdjustable.NOT_BASAL),
        (draft(medicationCodeableConcept={"text": "metformin"}), WhyNotAdjustable.NOT_BASAL),
        (draft(doNotPerform=True), WhyNotAdjustable.NOT_BASAL),
        ({}, WhyNotAdjustable.NOT_BASAL),
    ],
)
def test_a_draft_that_is_not_one_daily_dose_of_basal_insulin_is_not_adjusted(order, why):
    with pytest.raises(NotAdjustable) as refusal:
        with_daily_dose(order, 22)
    assert refusal.value.why is why


@pytest.mark.parametrize("dose_u", [0, -2, 0.25, 20.1, 200.5, float("nan"), float("inf")])
def test_a_dose_that_no_pen_can_give_is_refused(dose_u):
    with pytest.raises(ValueError, match="no dose to suggest"):
        with_daily_dose(draft(), dose_u)


def test_the_medication_of_a_draft_may_be_in_the_bundle():
    medication = {"resourceType": "Medication", "id": "m", "code": GLARGINE}
    order = draft(instruction(), medicationReference={"reference": "Medication/m"})
    del order["medicationCodeableConcept"]
    assert quantity_of(with_daily_dose(order, 22, {"Medication/m": medication}))["value"] == 22


def test_an_operation_outcome_is_valid_in_r4_and_r5():
    outcome = operation_outcome("error", "invalid", "unknown hook", "$.hook")
    OperationOutcome.model_validate(outcome)
    OperationOutcomeR5.model_validate(outcome)
    assert "expression" not in operation_outcome("warning", "incomplete", "page 2 failed")["issue"][0]
