"""Insulin therapy, other drugs and problems of one patient, with a drop for each resource left out.

Sits under `to_patient_record`, beside the Observations; the mappers of each type judge, this only asks them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fhir_mappers.arrival import Arrival
from fhir_mappers.conditions import condition_drop_reason, to_conditions
from fhir_mappers.encounters import in_hospital
from fhir_mappers.insulin_doses import may_be_of, to_insulin_doses
from fhir_mappers.losses import NOTHING_LOST, Loss, losses_of
from fhir_mappers.medications import to_medications, to_past_medications
from fhir_mappers.observed_time import Reading, impossible
from fhir_mappers.references import Json, index_medications, reference_to
from fhir_mappers.row import Drop, Row
from fhir_mappers.therapy import order_drop_reason, to_insulin_orders, to_past_insulin_orders
from models.patient_record import Condition, InsulinOrder, Medication

TREATMENT_KINDS: Final = (
    "MedicationRequest", "MedicationStatement", "MedicationAdministration", "Condition", "Encounter",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is ordered, taken, given and wrong, and what of it was left out; `losses` are of insulin given."""

    orders: tuple[InsulinOrder, ...]
    medications: tuple[Medication, ...]
    past_medications: tuple[Medication, ...]
    past_insulin_orders: tuple[InsulinOrder, ...]
    conditions: tuple[Condition, ...]
    in_hospital: bool
    doses: tuple[Row, ...]
    drops: tuple[Drop, ...]
    losses: tuple[Loss, ...]


def map_treatment(arrival: Arrival, reading: Reading) -> Treatment:
    """The treatment of this patient as of now."""
    drops: list[Drop] = []
    admitted = {kind: _admitted(arrival, kind, reading, drops) for kind in TREATMENT_KINDS}
    drugs = _drugs(arrival)
    requests = admitted["MedicationRequest"]
    for request in requests:
        reason = order_drop_reason(request, drugs, reading.as_of_ms)
        drops += [Drop(reference_to(request), reason)] if reason else []
    for condition in admitted["Condition"]:
        reason = condition_drop_reason(condition)
        drops += [Drop(reference_to(condition), reason)] if reason else []
    given, refused = to_insulin_doses(admitted["MedicationAdministration"], drugs, reading.zone, reading.pace)
    doses = [row for row in given if _possible(row, reading, drops)]
    drops += refused
    return Treatment(
        orders=to_insulin_orders(requests, drugs, reading.as_of_ms),
        medications=to_medications(requests, admitted["MedicationStatement"], drugs),
        past_medications=to_past_medications(requests, drugs),
        past_insulin_orders=to_past_insulin_orders(requests, drugs),
        conditions=to_conditions(admitted["Condition"]),
        in_hospital=in_hospital(admitted["Encounter"], reading.as_of_ms),
        doses=tuple(doses),
        drops=tuple(drops),
        losses=_lost_doses(arrival.resources("MedicationAdministration"), drugs, drops, reading),
    )


def _drugs(arrival: Arrival) -> Mapping[str, Json]:
    entries = [(arrived.full_url, arrived.resource) for arrived in arrival.others.get("Medication", ())]
    return index_medications(entries)


def _admitted(arrival: Arrival, kind: str, reading: Reading, drops: list[Drop]) -> Sequence[Json]:
    """The resources of one type that are about this patient and real; the others are dropped."""
    kept = []
    for resource in reading.pace.over(arrival.resources(kind)):
        if (reason := reading.admission.refusal(resource)) is None:
            kept.append(resource)
        else:
            drops.append(Drop(reference_to(resource), reason))
    return reading.pace.over(kept)


def _lost_doses(
    administrations: Sequence[Json], drugs: Mapping[str, Json], drops: Sequence[Drop], reading: Reading
) -> tuple[Loss, ...]:
    """Of insulin given; a lost basal dose says nothing against boluses that could be counted."""
    why = {drop.reference: drop for drop in drops if drop.reason not in NOTHING_LOST}
    found = ((one, why.get(reference_to(one))) for one in administrations)
    return tuple(
        replace(loss, signal=may_be_of(one, drugs))
        for one, drop in found
        if drop
        for loss in losses_of(one, drop, reading)
    )


def _possible(row: Row, reading: Reading, drops: list[Drop]) -> bool:
    reason = impossible(row.at_ms, row.until_ms, reading.as_of_ms)
    drops += [Drop(row.reference, reason)] if reason else []
    return reason is None
