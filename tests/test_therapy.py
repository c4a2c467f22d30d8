"""Insulin orders from MedicationRequests: what is current, what is a copy, and what has a dose."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.dosage import WhyNoDose
from fhir_mappers.therapy import order_drop_reason, to_insulin_order, to_insulin_orders
from models.patient_record import InsulinKind

AS_OF_MS = 1_714_600_000_000  # 2024-05-01T21:46:40Z
GLARGINE = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "311041"}]}
DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}


def order(value: object = 20, **more: object) -> dict:
    quantity = {"value": value, "unit": "units", "system": "http://unitsofmeasure.org", "code": "[iU]"}
    instruction = {"timing": {"repeat": DAILY}, "doseAndRate": [{"doseQuantity": quantity}]}
    return {
        "resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": GLARGINE,
        "dosageInstruction": [instruction],
    } | more  # fmt: skip


def bounded(**bounds: object) -> dict:
    request = order()
    request["dosageInstruction"][0]["timing"] = {"repeat": DAILY | bounds}
    return request


def quirks(shared, resource_type: str) -> list[dict]:
    cases = json.loads((shared / "data/quirks/quirk_cases.json").read_text())["cases"]
    return [
        c for c in cases if isinstance(c["input"], dict) and c["input"].get("resourceType") == resource_type
    ]


@pytest.mark.spec("Q56", "Q58")
def test_every_published_order_quirk_gives_the_expected_order_or_drop_reason(shared):
    cases = quirks(shared, "MedicationRequest")
    assert len(cases) >= 6
    for case in cases:
        expected, request = case["expect"], case["input"]
        assert order_drop_reason(request, {}, AS_OF_MS) == expected["drop_reason"], case["id"]
        orders = to_insulin_orders([request], {}, AS_OF_MS)
        assert len(orders) == len(expected["points"]), case["id"]
        for found, point in zip(orders, expected["points"], strict=True):
            actual = {
                "metric": "insulin_order", "ingredient": found.product.ingredient, "kind": found.product.kind,
                "concentration": found.product.units_per_ml, "dose_units": found.dose_u,
                "per_day": found.doses_per_day, "total_daily": found.daily_dose_u, "when": list(found.when),
                "dose_range": list(found.dose_range_u or ()), "text": found.instruction_text,
            }  # fmt: skip
            assert {name: actual[name] for name in point} == point, case["id"]
            why = [WhyNoDose(found.why_no_dose).name.lower()] if found.why_no_dose else []
            assert why == expected["flags"], case["id"]


def test_a_structured_basal_order_gives_its_daily_dose():
    (found,) = to_insulin_orders([order(20, authoredOn="2024-04-01")], {}, AS_OF_MS)
    assert (found.reference, found.daily_dose_u, found.product.kind) == (
        "MedicationRequest/r",
        20.0,
        InsulinKind.LONG,
    )
    assert found.why_no_dose is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "stopped"}, "status:stopped"),
        ({"status": "on-hold"}, "status:on-hold"),
        ({"status": "draft"}, "status:draft"),
        ({"status": None}, "status:missing"),
        ({"intent": "plan"}, "intent:plan"),
        ({"doNotPerform": True}, "do_not_perform"),
        ({"medicationCodeableConcept": None, "medicationReference": {"reference": "Medication/9"}}, "medication_unknown"),
        ({"medicationCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "1"}]}}, "medication_unknown"),
    ],
)  # fmt: skip
def test_an_order_that_is_not_todays_therapy_says_why(change, reason):
    request = order(**change)
    assert order_drop_reason(request, {}, AS_OF_MS) == reason
    assert to_insulin_orders([request], {}, AS_OF_MS) == ()


@pytest.mark.parametrize(
    "intent", ["order", "filler-order", "instance-order", "original-order", "reflex-order"]
)
def test_every_authorising_intent_is_therapy(intent):
    assert order_drop_reason(order(intent=intent), {}, AS_OF_MS) is None


@pytest.mark.spec("Q58")
@pytest.mark.parametrize(
    ("request_", "expired"),
    [
        (bounded(boundsPeriod={"end": "2024-04-30"}), True),
        (bounded(boundsPeriod={"end": "2024-05-01"}), False),
        (bounded(boundsPeriod={"end": "2024-05-01T21:00:00Z"}), True),
        (bounded(boundsPeriod={"end": "2024-06-01"}), False),
        (bounded(boundsPeriod={"start": "2024-04-01"}), False),
        (bounded(boundsDuration={"value": 7, "code": "d"}) | {"authoredOn": "2024-04-01"}, True),
        (bounded(boundsDuration={"value": 7, "code": "wk"}) | {"authoredOn": "2024-04-01"}, False),
        (order(effectiveDosePeriod={"end": "2024-04-01"}), True),
    ],
)
def test_an_order_whose_bounds_are_over_is_not_current_therapy(request_, expired):
    assert order_drop_reason(request_, {}, AS_OF_MS) == ("order_expired" if expired else None)


@pytest.mark.spec("Q57")
def test_a_refill_and_the_brand_copy_of_an_order_count_once_and_the_newest_stands():
    brand = {"text": "insulin glargine 100 UNT/ML Injectable Solution [Lantus]"}
    copies = [
        order(id="old", authoredOn="2024-01-01"),
        order(id="new", authoredOn="2024-04-01"),
        order(id="brand", authoredOn="2024-02-01", medicationCodeableConcept=brand),
    ]
    for _ in range(6):
        random.Random(1).shuffle(copies)
        assert [o.reference for o in to_insulin_orders(copies, {}, AS_OF_MS)] == ["MedicationRequest/new"]


@pytest.mark.parametrize(
    "other",
    [
        order(22, id="b"),
        order(id="b", medicationCodeableConcept={"text": "Toujeo 300 units/mL"}),
        order(id="b", dosageInstruction=[{"text": "18 units nightly"}]),
    ],
    ids=["other dose", "other concentration", "no coded dose"],
)
def test_orders_that_differ_stay_apart_for_the_clinician_to_see(other):
    assert len(to_insulin_orders([order(id="a"), other], {}, AS_OF_MS)) == 2


def test_two_orders_without_a_dose_are_never_taken_for_copies():
    text_only = [{"text": "18 units nightly"}]
    twice = [order(id=i, dosageInstruction=text_only) for i in "ab"]
    assert len(to_insulin_orders(twice, {}, AS_OF_MS)) == 2


@pytest.mark.spec("CX7", "CX10")
def test_CX10_a_draft_is_mapped_from_itself_whatever_its_status_or_intent():
    medication = {"resourceType": "Medication", "id": "m", "code": GLARGINE}
    draft = order(
        status="draft", intent="proposal", contained=[medication], medicationReference={"reference": "#m"}
    )
    del draft["medicationCodeableConcept"]
    found = to_insulin_order(draft, {})
    assert (found.status, found.intent, found.daily_dose_u) == ("draft", "proposal", 20.0)


def test_a_draft_without_dosage_is_an_order_without_a_dose():
    draft = order(status="draft")
    del draft["dosageInstruction"]
    found = to_insulin_order(draft, {})
    assert (found.daily_dose_u, found.why_no_dose) == (None, "the order states no dose")


def test_an_order_for_another_drug_or_against_insulin_is_no_insulin_order():
    assert to_insulin_order(order(medicationCodeableConcept={"text": "metformin 500 MG"}), {}) is None
    assert to_insulin_order(order(doNotPerform=True), {}) is None


def test_an_r5_order_is_read_like_its_r4_form():
    r5 = order(medication={"concept": GLARGINE}, renderedDosageInstruction="20 units daily")
    del r5["medicationCodeableConcept"]
    assert to_insulin_order(r5, {}).daily_dose_u == 20.0


def test_a_modifier_extension_on_the_order_leaves_no_total():
    found = to_insulin_order(order(modifierExtension=[{"url": "https://example.org/only-if"}]), {})
    assert (found.daily_dose_u, WhyNoDose(found.why_no_dose)) == (None, WhyNoDose.MEANING_MODIFIED)


@given(st.permutations([order(id=c, value=v) for c, v in zip("abcd", (10, 20, 20, 30), strict=True)]))
def test_the_order_of_arrival_changes_nothing(requests):
    references = [o.reference for o in to_insulin_orders(requests, {}, AS_OF_MS)]
    assert references == ["MedicationRequest/a", "MedicationRequest/b", "MedicationRequest/d"]


@pytest.mark.spec("H-09")
def test_H09_two_brands_of_one_insulin_are_two_pens_and_stay_apart():
    brands = ["Lantus 100 units/mL", "Basaglar 100 units/mL", "insulin glargine 100 units/mL"]
    orders = [
        order(id=name[:4], medicationCodeableConcept={"text": name}, authoredOn=f"2024-04-0{i + 1}")
        for i, name in enumerate(brands[:2])
    ]
    assert len(to_insulin_orders(orders, {}, AS_OF_MS)) == 2
    assert len(to_insulin_orders([orders[0], order(id="gen")], {}, AS_OF_MS)) == 1
