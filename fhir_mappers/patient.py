"""Who the patient is: the facts of a Patient resource that models ask for.

Sits under the patient record. A fact that is absent, partial or not understood is None.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, get_args
from zoneinfo import ZoneInfo

from fhir_mappers.references import Json, member, objects, text
from fhir_mappers.timing import Moment, Precision, parse_time
from models.patient_record import Sex

ZONE_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/timezone"

DECEASED: Final = ("deceasedBoolean", "deceasedDateTime")
"""Whoever writes anything but `false` there does not call the patient alive."""


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What a Patient says. `replaced_by` is the record that this one was merged into."""

    patient_id: str
    birth_date: date | None
    sex: Sex | None
    deceased: bool
    zone: str | None
    replaced_by: str | None = None


def to_patient(resource: Json) -> PatientFacts:
    """The facts of a Patient. A birth date without its day is None: an age is not guessed from a year."""
    gender = text(resource, "gender")
    return PatientFacts(
        patient_id=text(resource, "id"),
        birth_date=_date(text(resource, "birthDate")),
        sex=next((sex for sex in get_args(Sex) if sex == gender), None),
        deceased=any(resource.get(name) not in (None, False) for name in DECEASED),
        zone=_zone(resource),
        replaced_by=_replaced_by(resource),
    )


def _date(written: str) -> date | None:
    moment = parse_time(written)
    whole = isinstance(moment, Moment) and moment.precision is Precision.DAY
    return date.fromisoformat(written) if whole else None


def _zone(resource: Json) -> str | None:
    """The zone of the patient, else of the address in use, as an IANA name that exists."""
    addresses = [a for a in objects(resource.get("address")) if text(a, "use") not in ("old", "temp")]
    for element in (resource, *addresses):
        for extension in objects(element.get("extension")):
            name = text(extension, "valueCode") or text(extension, "valueString")
            if extension.get("url") == ZONE_EXTENSION and _exists(name):
                return name
    return None


def _exists(zone: str) -> bool:
    """Whether the IANA zone is known. ZoneInfo refuses names that are paths with ValueError."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _replaced_by(resource: Json) -> str | None:
    links = [link for link in objects(resource.get("link")) if link.get("type") == "replaced-by"]
    return text(member(links[0], "other"), "reference") or "another, not named" if links else None
