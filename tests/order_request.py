"""Requests to sign insulin orders that a hostile prescriber would write, as an EHR would send them."""

from copy import deepcopy
from typing import Any

from titration_request import (
    DEGLUDEC,
    GLARGINE,
    LISPRO,
    TOUJEO,
    at,
    bundle,
    condition,
    dip,
    draft,
    fingerstick,
    observation,
    order,
    signing,
)

TYPE_1 = {"coding": [{"system": "http://snomed.info/sct", "code": "46635009", "display": "Type 1 diabetes"}]}
LANTUS = {"text": "Lantus SoloStar 100 units/mL"}
SEMGLEE = {"text": "insulin glargine-yfgn (Semglee) 100 units/mL"}
TWO_DRUGS = GLARGINE | {"text": "metformin 500 mg oral tablet"}
SETTING = "urn:wearable-cds:therapy-setting"


def settings(carbs_g: float | None = 60.0) -> dict[str, Any]:
    """Carb ratio 10, sensitivity 50, target 100, and carbohydrates of five minutes ago."""
    found = [
        setting("carb-ratio", 10, "g/[iU]"),
        setting("insulin-sensitivity", 50, "mg/dL/[iU]"),
        setting("glucose-target", 100, "mg/dL"),
    ]
    if carbs_g is not None:
        found.append(observation("carbs", "9059-7", 5 / 1440, carbs_g, "g"))
    return bundle(found)


def setting(code: str, value: float, unit: str) -> dict[str, Any]:
    found = observation(code, code, 30, value, unit)
    found["code"]["coding"][0]["system"] = SETTING
    return found


def given(days_ago: float, dose_u: float) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"given-{days_ago}",
        "status": "completed",
        "medicationCodeableConcept": LISPRO,
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at(days_ago),
        "dosage": {"dose": {"value": dose_u, "unit": "units", "code": "[iU]"}},
    }


def once(dose_u: float) -> dict[str, Any]:
    """One mealtime dose, for now."""
    drafted = deepcopy(draft(dose_u, LISPRO))
    drafted["dosageInstruction"][0]["timing"] = {"repeat": {"count": 1}}
    drafted["dosageInstruction"][0]["text"] = f"{dose_u:g} units now"
    return drafted


def twice_coded(dose_u: float) -> dict[str, Any]:
    """Coded twice a day, printed once daily."""
    drafted = deepcopy(draft(dose_u))
    drafted["dosageInstruction"][0]["timing"] = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
    return drafted


HOSTILE_CASES = {
    "doubled-type-1": signing([order(20)], draft(40), conditions=bundle([condition("t1", TYPE_1)])),
    "halved-type-1": signing([order(20)], draft(10), conditions=bundle([condition("t1", TYPE_1)])),
    "type-1-not-assessed": signing([order(20)], draft(20), conditions=bundle([condition("t1", TYPE_1)])),
    "start-without-weight": signing([], draft(44), weight=bundle([])),
    "same-dose-after-low": signing([order(20)], draft(20), extra=(fingerstick("night", 2.2, 48),)),
    "two-brands": signing([order(20, medication=LANTUS)], draft(20, SEMGLEE)),
    "toujeo-in-text": signing([order(20, medication=TOUJEO)], draft(20)),
    "frequency-contradicted": signing([order(20)], twice_coded(20)),
    "very-high-now": signing([order(20)], draft(22), extra=(fingerstick("now", 0.01, 412),)),
    "two-drugs": signing([order(20)], draft(20, TWO_DRUGS)),
    "bolus-far-above": signing(
        [order(20)],
        once(18),
        extra=(fingerstick("now", 5 / 1440, 200),),
        bolus=settings(),
        insulin=bundle([given(0.5, 5)]),
    ),
    "bolus-inputs-missing": signing([order(20)], once(6)),
    "raised-while-sensor-low": signing([order(20)], draft(22), cgm=bundle(dip(60, 6))),
    "switch-of-basal": signing([order(20)], draft(20, DEGLUDEC)),
}
"""By what their answer shows."""
