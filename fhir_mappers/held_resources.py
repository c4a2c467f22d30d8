"""Resources that came inside another one: parameters of a Parameters, contained results of a report.

Sits under `arrival`, which opens Parameters as it opens Bundles, and `observations`, which reads the results.
"""

from collections.abc import Iterator
from typing import Any

from fhir_mappers.references import Json, member, objects, reference_to, text


def in_parameters(parameters: Any) -> list[Json]:
    """The resources of all parameters and their parts, in order."""
    held = []
    for parameter in objects(member({"": parameters}, "").get("parameter")):
        held += [resource] if (resource := member(parameter, "resource")) else []
        held += in_parameters({"parameter": parameter.get("part")})
    return held


def contained_results(report: Json) -> Iterator[tuple[str, Json]]:
    """The contained Observations that a DiagnosticReport names as results, or as members of one, each with
    the reference `DiagnosticReport/id#fragment`.

    A contained resource has no `meta` (FHIR R4, rules dom-4 and dom-5), so the version of the report is its
    version; and where it names no patient outside the report, the patient of the report is its own.
    """
    contained = objects(report.get("contained"))
    pointers = objects(report.get("result"))
    pointers += [pointer for one in contained for pointer in objects(one.get("hasMember"))]
    wanted = {text(pointer, "reference") for pointer in pointers}
    for result in contained:
        fragment = f"#{text(result, 'id')}"
        if text(result, "resourceType") == "Observation" and fragment in wanted:
            yield f"{reference_to(report)}{fragment}", _standing_alone(result, report)


def _standing_alone(result: Json, report: Json) -> Json:
    """A contained Observation with what it has from its report."""
    own = member(result, "subject")
    outside = own if own and not text(own, "reference").startswith("#") else report.get("subject")
    return result | {"meta": report.get("meta"), "subject": outside}
