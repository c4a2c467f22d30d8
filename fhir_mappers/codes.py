"""The table of codes: which signal a CodeableConcept means, its units and its hard limits.

Codes are data (`codes.csv` and its neighbours); a site adds its own in `Site`. Sits under `observation`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Final

from fhir_mappers.code_tables import read_table
from fhir_mappers.references import objects, text
from fhir_mappers.row import NO_FLAGS
from fhir_mappers.site import Site

LOINC: Final = "http://loinc.org"
MDC: Final = "urn:iso:std:iso:11073:10101"
SNOMED: Final = "http://snomed.info/sct"
SYSTEM_PRIORITY: Final = (LOINC, MDC, SNOMED)
"""Of several known codes the first by this order decides; vendor systems come last."""

SYSTEM_SPELLINGS: Final[Mapping[str, str]] = {
    "loinc.org": LOINC,
    "2.16.840.1.113883.6.1": LOINC,
    "iso:std:iso:11073:10101": MDC,
    "2.16.840.1.113883.6.24": MDC,
    "snomed.info/sct": SNOMED,
    "2.16.840.1.113883.6.96": SNOMED,
}
"""Code systems by their bare name or HL7 OID; scheme, case, spaces and slashes are removed before."""

BALLOT_SYSTEM: Final = "http://hl7.org/fhir/uv/cgm/CodeSystem/cgm-summary-codes-temporary"
BALLOT_COPY: Final = "http://argo.run/cgm/CodeSystem/"
"""Ballot-era codes of the HL7 CGM guide, and where an older copy of them lived."""

PARTITION: Final = 65536
MDC_PARTITIONS: Final = (2, 128)
"""IEEE 11073-10101: code = partition x 65536 + term; 2 holds measurements, 128 disease management."""


class TimeNeed(StrEnum):
    """How exact a time must be: to the instant, to the date (a date alone is flagged), or a day's total."""

    INSTANT = "instant"
    DATE = "date"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One code. Limits are in `unit`, the unit of the code; `canonical` is the unit of the whole feature."""

    feature: str
    system: str
    code: str
    name: str
    unit: str
    canonical: str
    accepted: frozenset[str]
    low: float
    high: float
    time: TimeNeed

    @property
    def is_panel(self) -> bool:
        """Whether the code only groups others and has no value of its own."""
        return not self.unit


@dataclass(frozen=True, slots=True)
class Coded:
    """A concept that is known, and how it was found."""

    row: CodeRow
    flags: frozenset[str] = NO_FLAGS


@dataclass(frozen=True, slots=True)
class Uncoded:
    """A concept that gives no signal: the drop reason, and flags that say what was there instead."""

    reason: str
    flags: frozenset[str] = NO_FLAGS


@cache
def code_table() -> Mapping[tuple[str, str], CodeRow]:
    """All known codes by (system, code). The first row of a feature gives the feature's canonical unit."""
    canonical: dict[str, str] = {}
    table: dict[tuple[str, str], CodeRow] = {}
    for line in read_table("codes.csv"):
        unit = canonical.setdefault(line["feature"], line["unit"])
        table[line["system"], line["code"]] = CodeRow(
            feature=line["feature"], system=line["system"], code=line["code"], name=line["name"],
            unit=line["unit"], canonical=unit, accepted=frozenset(line["accepted"].split("|")) - {""},
            low=float(line["low"] or "-inf"), high=float(line["high"] or "inf"), time=TimeNeed(line["time"]),
        )  # fmt: skip
    return table


@cache
def feature_rows() -> Mapping[str, CodeRow]:
    """The leading row of each feature, for values that a site maps to a feature without one of our codes."""
    return {row.feature: row for row in reversed(list(code_table().values()))}


@cache
def excluded_codes() -> Mapping[tuple[str, str], str]:
    """Codes that look like measurements and are not, with the drop reason."""
    return {(line["system"], line["code"]): line["reason"] for line in read_table("excluded_codes.csv")}


@cache
def code_aliases() -> Mapping[tuple[str, str], CodeRow]:
    """Older codes of other systems, with the row they mean today."""
    rows = code_table()
    return {(a["system"], a["code"]): rows[LOINC, a["loinc"]] for a in read_table("code_aliases.csv")}


@cache
def coded_words() -> Mapping[tuple[str, str], str]:
    """Words for the codes of coded values."""
    return {(line["system"], line["code"]): line["word"] for line in read_table("coded_values.csv")}


def standard_system(system: str) -> str:
    """A code system's address in its standard spelling; unknown systems lose only surrounding space."""
    bare = system.strip()
    if bare.startswith(BALLOT_COPY):
        return BALLOT_SYSTEM
    lower = bare.lower()
    for scheme in ("urn:oid:", "urn:", "https://", "http://", "www."):
        lower = lower.removeprefix(scheme)
    return SYSTEM_SPELLINGS.get(lower.strip("/"), bare)


def resolve_code(concept: object, site: Site, units: frozenset[str] = NO_FLAGS) -> Coded | Uncoded:
    """What a CodeableConcept means. `units` are the units of its value, to confirm 16-bit MDC codes."""
    codings = list(_codings(concept))
    for system, code, _ in codings:
        if (reason := excluded_codes().get((system, code))) is not None:
            return Uncoded(reason)
    for system, code, spelled in sorted(codings, key=_priority):
        if (found := _known(system, code, units, site)) is not None:
            return replace(found, flags=found.flags | {"code_system_alias"}) if spelled else found
    named = site.codes.get(text(concept, "text"))
    if named is not None and named in feature_rows():
        return Coded(feature_rows()[named], frozenset({"code_from_site"}))
    return Uncoded("code_unmapped", NO_FLAGS if codings else frozenset({"code_text_only"}))


def _codings(concept: object) -> Iterator[tuple[str, str, bool]]:
    """System in its standard spelling, code, and whether the spelling differed."""
    for coding in objects(concept.get("coding") if isinstance(concept, dict) else None):
        sent, code = coding.get("system"), text(coding, "code")
        if code:
            system = standard_system(sent) if isinstance(sent, str) else ""
            yield system, code, system != sent and bool(system)


def _priority(coding: tuple[str, str, bool]) -> int:
    system = coding[0]
    return SYSTEM_PRIORITY.index(system) if system in SYSTEM_PRIORITY else len(SYSTEM_PRIORITY)


def _known(system: str, code: str, units: frozenset[str], site: Site) -> Coded | None:
    if (row := code_table().get((system, code))) is not None:
        return Coded(row)
    if (row := code_aliases().get((system, code))) is not None:
        return Coded(row, frozenset({"code_system_alias"}))
    feature = site.codes.get(f"{system}|{code}")
    if feature is not None and feature in feature_rows():
        return Coded(feature_rows()[feature], frozenset({"code_from_site"}))
    return _sixteen_bit(code, units) if system == MDC else None


def _sixteen_bit(code: str, units: frozenset[str]) -> Coded | None:
    """An MDC term without its partition: accepted only where exactly one partition fits the value's unit."""
    if not (code.isascii() and code.isdigit() and int(code[:6]) < PARTITION):
        return None
    candidates = [code_table().get((MDC, str(p * PARTITION + int(code)))) for p in MDC_PARTITIONS]
    fitting = [row for row in candidates if row is not None and row.accepted & units]
    return Coded(fitting[0], frozenset({"mdc_16bit_code"})) if len(fitting) == 1 else None


def names_of(concept: object) -> str:
    """How an integrator would look a concept up: `system|code` of each coding, or its text in quotes."""
    listed = [f"{system}|{code}" for system, code, _ in _codings(concept)]
    return ", ".join(listed) or f'"{text(concept, "text")}"'
