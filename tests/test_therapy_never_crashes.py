"""Whatever JSON arrives in place of a resource, the mappers of therapy answer with values or counted reasons."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.code_tables import read_table
from fhir_mappers.conditions import to_conditions
from fhir_mappers.medications import to_medications
from fhir_mappers.outgoing import NotAdjustable, with_daily_dose
from fhir_mappers.patient import to_patient
from fhir_mappers.references import index_medications
from fhir_mappers.therapy import order_drop_reason, to_insulin_doses, to_insulin_order, to_insulin_orders

UCUM = "http://unitsofmeasure.org"
UNITS = {"value": 20, "unit": "units", "system": UCUM, "code": "[iU]"}
ORDER = {
    "resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order", "authoredOn": "2024-05-01",
    "medicationCodeableConcept": {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "311041", "display": "glargine"}],
        "text": "insulin glargine 100 UNT/ML",
    },
    "dosageInstruction": [{
        "sequence": 1, "text": "20 units at bedtime", "asNeededBoolean": False, "route": {"text": "sc"},
        "timing": {"repeat": {
            "boundsPeriod": {"start": "2024-05-01", "end": "2030-05-01"}, "frequency": 1, "period": 1,
            "periodUnit": "d", "when": ["HS"],
        }},
        "doseAndRate": [{"type": {"coding": [{"system": "t", "code": "ordered"}]}, "doseQuantity": UNITS}],
    }],
}  # fmt: skip
SEGMENT = {
    "resourceType": "MedicationAdministration", "id": "m", "status": "completed", "meta": {"lastUpdated": "2024-05-02"},
    "medicationCodeableConcept": ORDER["medicationCodeableConcept"],
    "effectivePeriod": {"start": "2024-05-02T12:00:00Z", "end": "2024-05-02T12:30:00Z"},
    "device": [{"display": "pump"}],
    "dosage": {"dose": UNITS, "rateRatio": {"numerator": UNITS, "denominator": {"value": 1, "code": "h"}}},
}  # fmt: skip
PATIENT = {
    "resourceType": "Patient", "id": "p", "birthDate": "1967-05-29", "gender": "female", "deceasedBoolean": False,
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "Europe/Paris"}],
    "address": [{"use": "home", "extension": []}],
    "link": [{"type": "replaced-by", "other": {"reference": "Patient/q"}}],
}  # fmt: skip
CONDITION = {
    "resourceType": "Condition", "id": "c", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
    "clinicalStatus": {"coding": [{"system": "s", "code": "active"}]}, "onsetPeriod": {"start": "2010"},
    "verificationStatus": {"coding": [{"system": "s", "code": "confirmed"}]}, "recordedDate": "2011-01-01",
}  # fmt: skip

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["#m", "Medication/m", "mL", "U", "units", "2 to 10 units", "2024-05-02", "24:00", "BID", "\x00"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@st.composite
def broken(draw: st.DrawFn, whole: dict) -> dict:
    """A well-formed resource in which one to three members, at any depth, hold some other JSON or are gone."""
    resource = deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        inner: Any = resource
        while True:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(inner[key], dict | list) and inner[key] and draw(st.booleans()):
                inner = inner[key]
                continue
            if draw(st.booleans()):
                inner[key] = draw(JSON)
            else:
                del inner[key]
            break
    return resource


RESOURCES = st.dictionaries(st.sampled_from([*ORDER, *SEGMENT, *PATIENT, *CONDITION]), JSON, max_size=8)


@given(RESOURCES | broken(ORDER))
def test_any_json_in_place_of_an_order_gives_an_order_or_a_reason(resource):
    reason = order_drop_reason(resource, {}, 0)
    orders = to_insulin_orders([resource], {}, 0)
    assert not (reason and orders)
    order = to_insulin_order(resource, {})
    if order is not None:
        assert (order.daily_dose_u is None) == (order.why_no_dose is not None)


@given(RESOURCES | broken(SEGMENT))
def test_any_json_in_place_of_an_administration_gives_one_row_or_one_reason(resource):
    rows, drops = to_insulin_doses([resource], {})
    assert len(rows) + len(drops) == 1
    assert all(row.value >= 0 and row.until_ms >= row.at_ms for row in rows)


@given(RESOURCES | broken(PATIENT))
def test_any_json_in_place_of_a_patient_gives_facts(resource):
    facts = to_patient(resource)
    assert facts.sex in (None, "male", "female", "other", "unknown")


@given(st.lists(RESOURCES | broken(CONDITION), max_size=4))
def test_any_json_in_place_of_conditions_gives_known_concepts_or_none(resources):
    known = {row["concept"] for row in read_table("condition_codes.csv")}
    assert all(c.concept is None or c.concept in known for c in to_conditions(resources))


@given(st.lists(RESOURCES | broken(ORDER), max_size=4))
def test_any_json_in_place_of_medications_gives_at_most_one_each(resources):
    index = index_medications([("", resource) for resource in resources])
    assert len(to_medications(resources, resources, index)) <= 2 * len(resources)


@given(RESOURCES | broken(ORDER))
def test_a_draft_of_any_shape_is_adjusted_to_the_dose_or_not_at_all(resource):
    try:
        adjusted = with_daily_dose(resource, 22)
    except NotAdjustable:
        return
    assert to_insulin_order(adjusted, {}).daily_dose_u == 22
