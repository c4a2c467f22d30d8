"""FHIR resources of one patient to a PatientRecord: the door of the mappers.

Everything a model may know comes through here; what does not is counted in `rejected`, with its reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from fhir_mappers.admission import Admission
from fhir_mappers.arrival import Arrival, arrive
from fhir_mappers.completeness import completeness_of
from fhir_mappers.losses import Loss, latest_losses
from fhir_mappers.observations import Observed, map_observations
from fhir_mappers.observed_time import Reading
from fhir_mappers.pace import UNHURRIED, Pace
from fhir_mappers.patient import PatientFacts, to_patient
from fhir_mappers.references import objects, reference_to
from fhir_mappers.row import Drop
from fhir_mappers.series import to_all_series
from fhir_mappers.site import Site
from fhir_mappers.treatment import TREATMENT_KINDS, Treatment, map_treatment
from models.patient_record import UNREAD, Completeness, PatientRecord, Rejection
from models.time_series import TimeSeries

NO_SITE: Final = Site()
NO_DATA: Final = {"OperationOutcome": "operation_outcome", "Goal": "code_is_goal"}
UNTOLD: Final = frozenset({"malformed", "entry_without_resource"})
"""Reasons of entries of which nobody can tell what they were."""

TEXT_RESULTS: Final = frozenset({"data_absent:astext", "value_not_numeric"})
NOTHING_STATED: Final[Mapping[str, Completeness]] = {}


@dataclass(frozen=True, slots=True)
class Mapped:
    """All that one mapping found: the facts, the series, the treatment, and every drop."""

    patient_id: str
    arrival: Arrival
    facts: PatientFacts | None
    zone: str | None
    observed: Observed
    treatment: Treatment
    series: Mapping[str, TimeSeries]
    drops: Sequence[Drop]


def to_patient_record(
    patient_id: str,
    pages: Mapping[str, Sequence[bytes]],
    *,
    as_of_ms: int,
    site: Site = NO_SITE,
    completeness: Mapping[str, Completeness] = NOTHING_STATED,
) -> PatientRecord:
    """The record of one patient from raw FHIR bodies by query (Bundles, arrays, NDJSON, single resources).

    Raises NotFhir where a body is no FHIR JSON. Resources of another patient are never used: they stand
    in `rejected["wrong_patient"]`, and a caller must refuse on them. `completeness` is what the caller
    knows of each query; the pages themselves can only lower it.
    """
    return record_of(map_pages(patient_id, pages, site, as_of_ms), completeness)


def record_of(mapped: Mapped, completeness: Mapping[str, Completeness] = NOTHING_STATED) -> PatientRecord:
    """The record that a mapping amounts to."""
    facts = mapped.facts
    return PatientRecord(
        patient_id=mapped.patient_id,
        birth_date=facts.birth_date if facts else None,
        sex=facts.sex if facts else None,
        deceased=facts.deceased if facts else False,
        zone=mapped.zone,
        series=mapped.series,
        insulin_orders=mapped.treatment.orders,
        medications=mapped.treatment.medications,
        past_medications=mapped.treatment.past_medications,
        past_insulin_orders=mapped.treatment.past_insulin_orders,
        conditions=mapped.treatment.conditions,
        in_hospital=mapped.treatment.in_hospital,
        rejected=_rejections(mapped.drops),
        lost=latest_losses(_losses(mapped)),
        completeness=completeness_of(mapped.arrival.pages, completeness),
        warnings=tuple(_warnings(mapped)),
    )


def map_pages(
    patient_id: str, pages: Mapping[str, Sequence[bytes]], site: Site, as_of_ms: int, pace: Pace = UNHURRIED
) -> Mapped:
    """Everything found on the way to a record.

    Raises NotFhir where a body is no FHIR JSON, and whatever the checkpoint of `pace` raises.
    """
    arrival = arrive(pages, pace)
    admission = Admission(patient_id, site, arrival.full_urls())
    facts, drops = _patient(arrival, admission)
    zone = (facts.zone if facts else None) or site.zone
    reading = Reading(admission, as_of_ms, ZoneInfo(zone) if zone else None, pace)
    observed = map_observations(arrival, reading)
    treatment = map_treatment(arrival, reading)
    series, copies = to_all_series(observed, treatment.doses, site, pace)
    everything = [
        *arrival.drops,
        *drops,
        *_not_used(arrival, admission),
        *observed.drops,
        *treatment.drops,
        *copies,
    ]
    return Mapped(patient_id, arrival, facts, zone, observed, treatment, series, everything)


def _patient(arrival: Arrival, admission: Admission) -> tuple[PatientFacts | None, list[Drop]]:
    """The facts of the Patient that the record is about; any other Patient is somebody else."""
    facts, drops = None, []
    for arrived in arrival.others.get("Patient", ()):
        names = (reference_to(arrived.resource), arrived.full_url)
        if any(name and admission.of_reference(name) is None for name in names):
            if arrived.resource.get("modifierExtension"):
                drops.append(Drop(reference_to(arrived.resource), "modifier_extension"))
            else:
                facts = to_patient(arrived.resource)
        else:
            drops.append(Drop(reference_to(arrived.resource), "wrong_patient"))
    return facts, drops


def _not_used(arrival: Arrival, admission: Admission) -> list[Drop]:
    """Failures of the query and goals, which are no data; of types not read, what is another patient's."""
    drops = []
    for kind in arrival.others.keys() - {"Patient", *TREATMENT_KINDS}:
        for resource in arrival.resources(kind):
            stranger = admission.about(resource) == "wrong_patient"
            reason = "wrong_patient" if stranger else NO_DATA.get(kind)
            drops += [Drop(reference_to(resource), reason)] if reason else []
    return drops


def _losses(mapped: Mapped) -> Iterator[Loss]:
    yield from (Loss(UNREAD) for drop in mapped.arrival.drops if drop.reason in UNTOLD)
    yield from mapped.observed.losses
    yield from mapped.treatment.losses


def _rejections(drops: Iterable[Drop]) -> dict[str, Rejection]:
    by_reason: dict[str, list[Drop]] = defaultdict(list)
    for drop in drops:
        by_reason[drop.reason].append(drop)
    return {
        reason: Rejection(
            count=len(those),
            references=tuple(sorted(drop.reference for drop in those)),
            flags={drop.reference: drop.flags for drop in those if drop.flags},
        )
        for reason, those in sorted(by_reason.items())
    }


def _warnings(mapped: Mapped) -> list[str]:
    """What a person should know although no number came of it: results as text or PDF, panels with gaps."""
    present = mapped.arrival.names() if mapped.observed.members else set()
    found = [
        f"Text result present, not read: {d.reference}" for d in mapped.drops if d.reason in TEXT_RESULTS
    ]
    for report in mapped.arrival.resources("DiagnosticReport"):
        if objects(report.get("presentedForm")):
            found.append(f"Printed report present, not read: {reference_to(report)}")
    outside = ((panel, name) for panel, name in mapped.observed.members if not name.startswith("#"))
    for panel, member in outside:
        if "/".join(member.split("/_history/")[0].split("/")[-2:]) not in present:
            found.append(f"Part of a panel is missing: {member} of {panel}")
    if mapped.facts and mapped.facts.replaced_by:
        found.append(f"This patient's record was merged into {mapped.facts.replaced_by}")
    return sorted(found)
