"""What arrived, what was used, what was dropped and why, which codes are unknown: an integrator's table.

Sits beside `points`; it reads every resource again and is no part of answering a request.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_mappers.codes import names_of
from fhir_mappers.points import summary
from fhir_mappers.references import names
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import Mapped, map_pages, record_of


@dataclass(slots=True)
class Line:
    """Resources of one type and code: how many came, how many gave a value, and why the others did not."""

    name: str = ""
    arrived: int = 0
    used: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def explain(
    patient_id: str, pages: Mapping[str, Sequence[bytes]], *, as_of_ms: int, site: Site
) -> dict[str, Any]:
    """The summary of the record, a line per resource type and code, and the codes nobody here knows.

    A resource neither used nor dropped is not read: a Device, or an Observation that only groups others.
    Raises NotFhir where a body is no FHIR JSON.
    """
    mapped = map_pages(patient_id, pages, site, as_of_ms)
    lines = _lines(mapped)
    return summary(record_of(mapped)) | {
        "arrived": [
            {
                "type": kind,
                "code": code,
                "name": line.name,
                "arrived": line.arrived,
                "used": line.used,
                "dropped": dict(sorted(line.dropped.items())),
                "not_read": line.arrived - line.used - line.dropped.total(),
            }
            for (kind, code), line in sorted(lines.items())
        ],
        "unknown_codes": {
            code: line.dropped["code_unmapped"]
            for (_, code), line in sorted(lines.items())
            if line.dropped["code_unmapped"]
        },
    }


def _lines(mapped: Mapped) -> dict[tuple[str, str], Line]:
    used, reasons = _used(mapped), {drop.reference: drop.reason for drop in mapped.drops}
    older = {drop.reference: drop.reason for drop in mapped.arrival.current.drops}
    lines: dict[tuple[str, str], Line] = {}
    current = mapped.arrival.current
    for number, entries in enumerate(current.entries):
        for position in range(len(entries.names)):
            kind, reference = entries.sorted.kind(position), entries.reference(position)
            resource = entries.page.resource(position) or {}
            code = names_of(resource.get("code")) if kind == "Observation" else ""
            line = lines.setdefault((kind, code), Line(_printed(resource) if code else ""))
            line.arrived += 1
            if (number, position) in current.lost:
                line.dropped[older[reference]] += 1
            elif reference in used:
                line.used += 1
            elif reference in reasons:
                line.dropped[reasons[reference]] += 1
    return lines


def _printed(resource: Mapping[str, Any]) -> str:
    """What is printed for the code of a resource where it first comes."""
    return next(iter(names(resource.get("code"))), "")


def _used(mapped: Mapped) -> set[str]:
    """References of all resources that a value, an order, a drug or a problem comes from or stands in."""
    treatment = mapped.treatment
    used = {order.reference for order in treatment.orders}
    used |= {medication.reference for medication in treatment.medications}
    used |= {condition.reference for condition in treatment.conditions}
    if mapped.facts is not None:
        used.add(f"Patient/{mapped.facts.patient_id}")
    for series in mapped.series.values():
        used |= {series.references[number] for number in series.reference.tolist()}
    return used | {reference.partition("#")[0] for reference in used}
