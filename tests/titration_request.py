"""Builds hook requests for the insulin adjustment out of plain facts, as an EHR would send them."""

from datetime import UTC, datetime, timedelta
from typing import Any

AS_OF = datetime(2026, 5, 15, 8, 0, tzinfo=UTC)
AS_OF_MS = int(AS_OF.timestamp() * 1000)
ZONE = "Europe/Berlin"
"""Ten in the morning there."""

PATIENT = {"reference": "Patient/p1"}
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
GLARGINE = {
    "coding": [
        {"system": RXNORM, "code": "285018", "display": "insulin glargine 100 UNT/ML Injectable Solution"}
    ],
    "text": "insulin glargine 100 units/mL",
}
TOUJEO = {"text": "Toujeo (insulin glargine 300 units/mL)"}
LISPRO = {"text": "insulin lispro 100 units/mL"}
DEGLUDEC = {"text": "Tresiba (insulin degludec 100 units/mL)"}
TYPE_2 = {"coding": [{"system": "http://snomed.info/sct", "code": "44054006", "display": "Type 2 diabetes"}]}
DEMENTIA = {"coding": [{"system": "http://snomed.info/sct", "code": "52448006", "display": "Dementia"}]}
PREGNANT = {"coding": [{"system": "http://snomed.info/sct", "code": "77386006", "display": "Pregnant"}]}


def at(days_ago: float) -> str:
    return (AS_OF - timedelta(days=days_ago)).isoformat().replace("+00:00", "Z")


def observation(name: str, code: str, days_ago: float, value: float, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": PATIENT,
        "effectiveDateTime": at(days_ago),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def fingerstick(name: str, days_ago: float, value: float, unit: str = "mg/dL") -> dict[str, Any]:
    return observation(name, "14743-9" if unit == "mmol/L" else "41653-7", days_ago, value, unit)


def mornings(values: list[float], unit: str = "mg/dL") -> list[dict[str, Any]]:
    """Fingersticks at seven, newest last, today's included."""
    newest_first = enumerate(reversed(values))
    return [fingerstick(f"fasting-{back}", back + 3 / 24, value, unit) for back, value in newest_first]


def order(
    dose_u: float,
    days_ago: float = 20,
    medication: dict[str, Any] = GLARGINE,
    name: str = "basal",
    status: str = "active",
) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": medication,
        "subject": PATIENT,
        "authoredOn": at(days_ago),
        "dosageInstruction": [
            {
                "text": f"{dose_u:g} units once daily at bedtime",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}},
                "doseAndRate": [
                    {"doseQuantity": {"value": dose_u, "unit": "units", "system": UCUM, "code": "[iU]"}}
                ],
            }
        ],
    }


def tablet(name: str, days_ago: float = 400) -> dict[str, Any]:
    """A current order for a drug that is no insulin."""
    return order(1, days_ago, {"text": name}, "tablet") | {"dosageInstruction": [{"text": "1 tablet daily"}]}


def dip(lowest: float, readings: int = 1) -> list[dict[str, Any]]:
    """Two hours of a sensor yesterday evening, at 140 mg/dL but for some readings in the middle."""
    values = [140.0] * 24
    values[12 : 12 + readings] = [lowest] * readings
    sensor = {"device": {"display": "CGM"}}
    return [
        observation(f"cgm-{i}", "99504-3", 0.6 + i * 5 / 1440, value, "mg/dL") | sensor
        for i, value in enumerate(values)
    ]


def draft(dose_u: float = 20, medication: dict[str, Any] = GLARGINE) -> dict[str, Any]:
    """A draft with an extension and a note that nobody here understands."""
    drafted = order(dose_u, 0, medication, "draft-1", "draft")
    del drafted["authoredOn"]
    extension = [{"url": "https://ehr.example.org/routing", "valueString": "outpatient pharmacy"}]
    return drafted | {"extension": extension, "note": [{"text": "Patient prefers the evening."}]}


def condition(name: str, code: dict[str, Any], onset: str = "2015-03-01") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]
        },
        "code": code,
        "subject": PATIENT,
        "onsetDateTime": onset,
    }


def bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    entries = {"entry": [{"resource": resource} for resource in resources]} if resources else {}
    return {"resourceType": "Bundle", "type": "searchset", "total": len(resources)} | entries


def request(
    fingersticks: list[dict[str, Any]],
    orders: list[dict[str, Any]],
    drafted: dict[str, Any] | None = None,
    selected: tuple[str, ...] = ("MedicationRequest/draft-1",),
    **prefetch: Any,
) -> dict[str, Any]:
    """An order-select request; further prefetch entries replace the usual ones, None takes one out."""
    patient = {
        "resourceType": "Patient", "id": "p1", "birthDate": "1966-02-03", "gender": "female",
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": ZONE}],
    }  # fmt: skip
    usual = {
        "patient": patient,
        "cgm": bundle([]),
        "fingersticks": bundle(fingersticks),
        "conditions": bundle([condition("t2", TYPE_2)]),
        "medications": bundle(orders),
        "past-medications": bundle([]),
        "insulin": bundle([]),
        "weight": bundle([observation("weight", "29463-7", 12, 92.4, "kg")]),
        "renal": bundle([observation("egfr", "98979-8", 30, 78, "mL/min/{1.73_m2}")]),
        "hba1c": bundle([observation("hba1c", "4548-4", 40, 8.2, "%")]),
    }
    sent = {key: value for key, value in (usual | prefetch).items() if value is not None}
    return {
        "hook": "order-select",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/dr-1",
            "patientId": "p1",
            "selections": list(selected),
            "draftOrders": bundle([drafted or draft()]) | {"type": "collection"},
        },
        "prefetch": sent,
    }


STAY = {
    "resourceType": "Encounter",
    "id": "stay",
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": PATIENT,
    "period": {"start": at(1)},
}
ABOVE_GOAL = [148.0, 151.0, 155.0, 160.0]
ON_GOAL = [110.0, 118.0, 121.0]

ADJUSTMENT_CASES = {
    "increase": request(mornings(ABOVE_GOAL), [order(20)]),
    "start": request(mornings(ABOVE_GOAL), [], draft(30)),
    "hold-at-goal": request(mornings(ON_GOAL), [order(24)], draft(26)),
    "hold-too-soon": request(mornings(ABOVE_GOAL), [order(20, 2)], draft(24)),
    "hold-overbasalised": request(mornings(ABOVE_GOAL), [order(48)], draft(54)),
    "reduce-after-low": request([*mornings(ABOVE_GOAL), fingerstick("night", 0.3, 61)], [order(20)]),
    "low-now": request([*mornings(ABOVE_GOAL), fingerstick("now", 0.002, 52)], [order(20)]),
    "weight-missing": request(mornings(ABOVE_GOAL), [order(20)], weight=bundle([])),
    "pregnancy": request(
        mornings(ABOVE_GOAL),
        [order(20)],
        conditions=bundle([condition("t2", TYPE_2), condition("preg", PREGNANT, "2026-01-02")]),
    ),
    "concentrated": request(mornings(ABOVE_GOAL), [order(20, 20, TOUJEO)], draft(20, TOUJEO)),
    "duplicate-basal": request(mornings(ABOVE_GOAL), [order(20), order(14, 90, name="second")]),
    "mealtime": request(mornings(ABOVE_GOAL), [order(20)], draft(6, LISPRO)),
    "draft-ten-fold": request(mornings(ABOVE_GOAL), [order(20)], draft(200)),
    "hold-lows-answered": request(
        [*mornings(ON_GOAL), fingerstick("night", 4.3, 49)],
        [order(20, 3.5)],
        draft(22),
        **{"past-medications": bundle([order(24, 40, name="past", status="stopped")])},
    ),
    "hold-cautious-goal": request(
        mornings([138.0, 142.0, 146.0]),
        [order(18)],
        conditions=bundle([condition("t2", TYPE_2), condition("dementia", DEMENTIA)]),
    ),
    "hold-brief-dip": request(mornings(ABOVE_GOAL), [order(20)], cgm=bundle(dip(53))),
    "very-high": request([*mornings(ABOVE_GOAL), fingerstick("now", 0.01, 388)], [order(20)]),
    "in-hospital": request(mornings(ABOVE_GOAL), [order(20)], encounter=bundle([STAY])),
    "reduce-sulfonylurea": request(
        [*mornings(ON_GOAL), fingerstick("night", 0.5, 58)], [order(24), tablet("Amaryl 4 mg")], draft(24)
    ),
}
"""Requests for a dose, by what their answer shows."""


def signing(
    orders: list[dict[str, Any]], *drafts: dict[str, Any], extra: tuple = (), **prefetch: Any
) -> dict:
    """An order-sign request for some drafts; `extra` are further fingersticks."""
    asked = request([*mornings(ON_GOAL), *extra], orders, **prefetch)
    del asked["prefetch"]["hba1c"], asked["context"]["selections"]
    asked["context"]["draftOrders"] = bundle(list(drafts)) | {"type": "collection"}
    return asked | {"hook": "order-sign"}


SIGNING_CASES = {
    "silent": signing([order(20)], draft(22)),
    "ten-fold": signing([order(20)], draft(200)),
    "low-now": signing([order(20)], draft(22), extra=(fingerstick("now", 0.003, 51),)),
    "second-basal": signing([order(20)], draft(10, DEGLUDEC)),
    "concentration-changed": signing([order(20)], draft(20, TOUJEO)),
    "not-fully-checked": signing([order(20)], draft(20), weight=bundle([]), renal=bundle([])),
    "two-orders": signing([order(50)], draft(60), draft(32, LISPRO) | {"id": "draft-2"}),
}
"""Requests to sign orders, by what their answer shows."""
