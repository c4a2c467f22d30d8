"""Whether the patient is in hospital now, from Encounters.

Sits beside conditions under the patient record: dosing rules made for home do not hold on a ward.
"""

from collections.abc import Sequence
from typing import Final

from fhir_mappers.references import Json, code_words, member, names, objects, text
from fhir_mappers.therapy import period_span

UNDER_WAY: Final = frozenset({"arrived", "triaged", "in-progress", "onleave", "on-hold"})
"""Encounter.status of R4 and R5 between arrival and end."""

HOSPITAL: Final = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS", "EMER"})
"""HL7 v3 ActCode: inpatient (acute, non-acute), observation, short stay, emergency."""

HOSPITAL_WORDS: Final = ("inpatient", "emergency", "observation", "hospital stay")
"""For classes under a code of the site's own."""


def in_hospital(encounters: Sequence[Json], as_of_ms: int) -> bool:
    """Whether any stay in hospital is under way at an instant."""
    return any(_is_stay(encounter) and _is_under_way(encounter, as_of_ms) for encounter in encounters)


def _is_under_way(encounter: Json, as_of_ms: int) -> bool:
    period = member(encounter, "period") or member(encounter, "actualPeriod")
    _, end_ms = period_span(period)
    return text(encounter, "status") in UNDER_WAY and (end_ms is None or end_ms >= as_of_ms)


def _is_stay(encounter: Json) -> bool:
    """R4 has one Coding as class, R5 a list of concepts."""
    written = encounter.get("class")
    classes = [{"coding": [written]}] if isinstance(written, dict) else objects(written)
    codes = {code.upper() for concept in classes for code in code_words(concept)}
    bare = {text(coding, "code").upper() for concept in classes for coding in objects(concept.get("coding"))}
    printed = " ".join(name for concept in classes for name in names(concept)).lower()
    return bool((codes | bare) & HOSPITAL) or any(word in printed for word in HOSPITAL_WORDS)
