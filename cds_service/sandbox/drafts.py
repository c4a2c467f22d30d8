"""Insulin orders in the sandbox: drafted from a form, wrapped for a hook, signed into the record.

Used by `pages`; a draft has no free text, so that a changed dose cannot contradict it.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from cds_service.sandbox.fhir_words import Resource, quantity
from cds_service.sandbox.formulary import insulin
from cds_service.sandbox.patients import PRACTITIONER_ID
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage, instant
from fhir_mappers.references import objects
from hooks.errors import BadRequest

WHEN: Final = {"HS": "at bedtime", "MORN": "in the morning"}
"""EventTiming codes that the form offers."""

MAX_FORM_UNITS: Final = 500.0
"""What the form takes; whether a dose is right is for the clinician and the CDS service to say."""


def drafted(patient_id: str, form: Mapping[str, Any], now_ms: int) -> Resource:
    """The draft MedicationRequest that the form describes. Raises BadRequest for a form we did not make."""
    if form.get("rxcui") is None or form.get("when") not in list(WHEN):
        raise BadRequest("Choose an insulin and a time of day.")
    try:
        medication = insulin(str(form["rxcui"]))
    except KeyError:
        raise BadRequest("This insulin is not on the list.") from None
    return {
        "resourceType": "MedicationRequest",
        "id": str(form.get("id") or f"draft-{uuid.uuid4()}"),
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": medication,
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": instant(now_ms),
        "requester": {"reference": f"Practitioner/{PRACTITIONER_ID}"},
        "dosageInstruction": [
            {
                "timing": {
                    "repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "when": [form["when"]]}
                },
                **_dose(form.get("units")),
            }
        ],
    }


def _dose(units: Any) -> Resource:
    """The dose, when the form has one already."""
    if units in (None, ""):
        return {}
    try:
        amount = float(units)
    except (TypeError, ValueError):
        amount = float("nan")
    if not 0 < amount <= MAX_FORM_UNITS:
        raise BadRequest("The dose is a number of units.")
    value = int(amount) if amount.is_integer() else amount
    return {"doseAndRate": [{"doseQuantity": quantity(value, "units", "[iU]")}]}


def context_of(patient_id: str, draft: Resource | None, *, selected: bool = False) -> dict[str, Any]:
    """The hook context for this patient; with a draft, the draft orders, and the selection if asked for."""
    context: dict[str, Any] = {"userId": f"Practitioner/{PRACTITIONER_ID}", "patientId": patient_id}
    if draft is not None:
        context["draftOrders"] = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": draft}],
        }
        context |= {"selections": [f"MedicationRequest/{draft['id']}"]} if selected else {}
    return context


def sign(storage: Storage, patient_id: str, draft: Resource) -> Resource:
    """Makes the draft an active order; active orders for the same product stop, as in a dose change."""
    if draft.get("subject") != {"reference": f"Patient/{patient_id}"} or draft.get("status") != "draft":
        raise BadRequest("This is no draft for this patient.")
    product = _product_code(draft)
    _check_doses(draft)
    pairs = [("patient", patient_id), ("status", "active"), ("code", product)]
    with storage.atomic():
        for former in storage.search(parse_query("MedicationRequest", pairs)):
            storage.put(former | {"status": "stopped"})
        return storage.put(draft | {"id": str(uuid.uuid4()), "status": "active"}).parsed()


def _product_code(draft: Resource) -> str:
    try:
        code = draft["medicationCodeableConcept"]["coding"][0]["code"]
    except (KeyError, IndexError, TypeError):
        raise BadRequest("The draft names no product.") from None
    if not isinstance(code, str):
        raise BadRequest("The draft names no product.")
    return code


def _check_doses(draft: Resource) -> None:
    """What is stored is shown again: a dose that is no number would break the chart for good."""
    for instruction in objects(draft.get("dosageInstruction")):
        for rate in objects(instruction.get("doseAndRate")):
            dose = rate.get("doseQuantity") or {}
            value = dose.get("value", 0) if isinstance(dose, dict) else None
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BadRequest("The dose is a number of units.")


def active_orders(storage: Storage, patient_id: str) -> list[Resource]:
    """Active MedicationRequests, newest first."""
    pairs = [("patient", patient_id), ("status", "active"), ("_sort", "-authoredon")]
    return storage.search(parse_query("MedicationRequest", pairs))


def former_orders(storage: Storage, patient_id: str) -> list[Resource]:
    """MedicationRequests that were stopped, completed or cancelled, newest first."""
    ended = "stopped,completed,cancelled"
    pairs = [("patient", patient_id), ("status", ended), ("_sort", "-authoredon")]
    return storage.search(parse_query("MedicationRequest", pairs))
