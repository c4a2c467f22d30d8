"""Orders about to be signed, for the tests of the order check."""

from titration_case import DAY, LIMITS, NOW, order

from models.assessment import Assessment
from models.dosing.order_check import check_order
from models.dosing.order_facts import Signing
from models.dosing.order_finding import Finding, OrderCheck
from models.patient_record import Condition, InsulinKind, InsulinOrder, InsulinProduct, PatientRecord

LISPRO = InsulinProduct("insulin lispro", "lispro", InsulinKind.RAPID, 100.0)
TYPE_1 = "type_1_diabetes"


def signed(dose_u: float | None = 20.0, **changes: object) -> InsulinOrder:
    return order(dose_u, 0, **({"reference": "MedicationRequest/new", "status": "draft"} | changes))


def meal(dose_u: float | None = 6.0, **changes: object) -> InsulinOrder:
    daily_u = None if dose_u is None else 3 * dose_u
    return signed(dose_u, **({"product": LISPRO, "daily_dose_u": daily_u, "doses_per_day": 3.0} | changes))


def active_meal(dose_u: float | None = 6.0, **changes: object) -> InsulinOrder:
    return meal(dose_u, **({"reference": "MedicationRequest/meal", "status": "active"} | changes))


def check(
    rec: PatientRecord, new: InsulinOrder, *others: InsulinOrder, **rest: object
) -> Assessment[OrderCheck]:
    return check_order(rec, Signing(new, others, **rest), NOW, LIMITS.basal)


def rules(answer: Assessment[OrderCheck]) -> set[str]:
    return {finding.rule for finding in answer.result.findings}


def unchecked(answer: Assessment[OrderCheck]) -> set[str]:
    return {reason.about for reason in answer.result.not_checked}


def finding(answer: Assessment[OrderCheck], rule: str) -> Finding:
    return next(found for found in answer.result.findings if found.rule == rule)


def problem(concept: str, onset_ms: int | None = NOW - 900 * DAY) -> Condition:
    return Condition(f"Condition/{concept}", concept, frozenset(), concept, onset_ms, None)
