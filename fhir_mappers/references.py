"""Finds what a resource points to: the medication meant by an order, and the codes of a concept.

Sits under therapy, medications and conditions; every shape of reference and every FHIR version ends here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

OTHER_ADDRESSES: Final[Mapping[str, str]] = {
    "2.16.840.1.113883.6.96": "snomed.info/sct",
    "2.16.840.1.113883.6.88": "www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.6.90": "hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.3": "hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.73": "www.whocc.no/atc",
    "fhir.de/codesystem/bfarm/icd-10-gm": "hl7.org/fhir/sid/icd-10",
    "fhir.de/codesystem/bfarm/atc": "www.whocc.no/atc",
}
"""HL7 identifiers (terminology.hl7.org, external code systems) and national copies of code systems."""


class Coding(NamedTuple):
    """One code of a concept; `system` is normalised by `same_system`, absent parts are empty strings."""

    system: str
    code: str
    display: str


def objects(value: object) -> list[Json]:
    """The JSON objects in a value that should be a list of them; anything else counts as absent."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def member(container: object, name: str) -> Json:
    """The JSON object under a name, empty when it is absent or of another type."""
    value = container.get(name) if isinstance(container, dict) else None
    return value if isinstance(value, dict) else {}


def text(container: object, name: str) -> str:
    """The string under a name without surrounding space, empty when it is absent or of another type."""
    value = container.get(name) if isinstance(container, dict) else None
    return value.strip() if isinstance(value, str) else ""


def same_system(system: str) -> str:
    """A code system's address in one spelling: lower case, no scheme or outer slashes, one of its names."""
    bare = system.strip().lower().removeprefix("urn:oid:")
    bare = bare.removeprefix("https://").removeprefix("http://").strip("/")
    return OTHER_ADDRESSES.get(bare, bare)


def codings(concept: object) -> Iterator[Coding]:
    """The codes of a CodeableConcept that have both system and code."""
    for coding in objects(concept.get("coding")) if isinstance(concept, dict) else ():
        system, code = text(coding, "system"), text(coding, "code")
        if system and code:
            yield Coding(same_system(system), code, text(coding, "display"))


def system_codes(concept: object) -> frozenset[str]:
    """The codes of a concept as `system|code`, the system as it was sent."""
    coded = objects(concept.get("coding")) if isinstance(concept, dict) else []
    pairs = ((text(c, "system"), text(c, "code")) for c in coded)
    return frozenset(f"{system}|{code}" for system, code in pairs if system and code)


def names(concept: object) -> tuple[str, ...]:
    """What is printed for a concept: its text, then the display of each code, repeats removed."""
    coded = objects(concept.get("coding")) if isinstance(concept, dict) else []
    printed = [text(concept, "text"), *(text(c, "display") for c in coded)]
    return tuple(dict.fromkeys(name for name in printed if name))


def code_words(concept: object, *systems: str) -> frozenset[str]:
    """The codes of a concept, of the systems named or of any."""
    return frozenset(c.code for c in codings(concept) if not systems or c.system in systems)


def reference_to(resource: Json) -> str:
    """`Type/id` of a resource, or `Type` alone when it has no id."""
    return "/".join(part for part in (text(resource, "resourceType"), text(resource, "id")) if part)


def index_medications(entries: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    """Medications by every name they may be referred to: pairs of (fullUrl or empty string, Medication)."""
    index: dict[str, Json] = {}
    for full_url, resource in entries:
        index |= {key: resource for key in (full_url, reference_to(resource)) if key}
    return index


def medication_concept(resource: Json, medications: Mapping[str, Json]) -> Json | None:
    """What an order, statement or administration names as its medication, as a CodeableConcept.

    Reads R4 `medication[x]` and the R5 CodeableReference. None when it points to a Medication that is not
    here and prints no name: then nobody knows which drug is meant.
    """
    either = member(resource, "medication")
    concept = member(resource, "medicationCodeableConcept") or member(either, "concept")
    if concept:
        return concept
    pointer = member(resource, "medicationReference") or member(either, "reference")
    found = _resolve(text(pointer, "reference"), objects(resource.get("contained")), medications)
    code = member(found, "code")
    if not code and (printed := text(pointer, "display")):
        return {"text": printed}
    return code or None


def _resolve(reference: str, contained: Sequence[Json], medications: Mapping[str, Json]) -> Json | None:
    """The Medication a reference names: contained, relative, absolute or urn:uuid; a version is ignored."""
    if reference.startswith("#"):
        return next((c for c in contained if text(c, "id") == reference[1:]), None)
    bare = reference.split("/_history/")[0]
    if bare in medications or "/" not in bare:
        return medications.get(bare)
    tail = "/".join(bare.rsplit("/", 2)[-2:])
    elsewhere = "://" in bare and any("://" in key and key.endswith("/" + tail) for key in medications)
    return None if elsewhere else medications.get(tail)
