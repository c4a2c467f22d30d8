"""What the patient takes besides ordered insulin: orders and statements to Medication, with its drug class.

Sits beside therapy under the patient record. The classes are those that dosing must know of; which code or
printed word means which class is data (`medication_codes.csv`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from fhir_mappers.code_tables import CodeTable, read_table
from fhir_mappers.insulin_products import product_of
from fhir_mappers.references import (
    Json,
    code_words,
    codings,
    medication_concept,
    member,
    names,
    reference_to,
    system_codes,
    text,
)
from fhir_mappers.therapy import ENDED, ORDER_INTENTS, order_span, period_span
from fhir_mappers.timing import Moment, parse_time
from models.patient_record import Medication

TAKEN: Final = frozenset({"active", "intended", "recorded"})
"""R4 MedicationStatement `active` and `intended`; R5 `recorded`, which says nothing without `adherence`."""

NOT_TAKEN: Final = re.compile(r"not-taking|on-hold|stopped|unknown-to")
"""R5 medication-statement-adherence codes of drugs that are not taken."""

LOCAL_USE: Final = re.compile(
    r"topical|cream|ointment|lotion|\bgel\b|foam|shampoo|inhal|nasal|ophthalmic|otic\b|\beye\b|\bear\b"
    r"|rectal|vaginal|mouthwash|medicated pad",
    re.I,
)
"""Dose forms of RxNorm names that act where they are applied: a steroid cream is not systemic."""

STEROID: Final = "systemic_steroid"
INSULIN: Final = "insulin"


def to_medications(
    requests: Sequence[Json], statements: Sequence[Json], medications: Mapping[str, Json]
) -> tuple[Medication, ...]:
    """Current drugs, by name: active orders that are not insulin, and what the patient is said to take.

    Insulin of a statement is kept with the class `insulin`: it was reported, not ordered here.
    A drug of unknown class keeps None; one whose Medication is not here has no name.
    """
    ordered = [_of(r, medications) for r in requests if _is_current_order(r)]
    stated = [_of(s, medications) for s in statements if _is_taken(s)]
    found = [m for m in ordered if m.drug_class != INSULIN] + stated
    return tuple(sorted(found, key=lambda m: (m.name.lower(), m.reference)))


def to_past_medications(requests: Sequence[Json], medications: Mapping[str, Json]) -> tuple[Medication, ...]:
    """Drugs whose order was completed or stopped, by name; insulin too. When that was is rarely said."""
    ended = [r for r in requests if text(r, "status") in ENDED and text(r, "intent") in ORDER_INTENTS]
    found = [_of(r, medications) for r in ended if r.get("doNotPerform") is not True]
    return tuple(sorted(found, key=lambda m: (m.name.lower(), m.reference)))


def drug_class(concept: Json | None) -> str | None:
    """The class of a drug by its codes, else by an ingredient or brand in its printed names."""
    if product_of(concept) is not None:
        return INSULIN
    printed = " | ".join(names(concept))
    coded = [row["drug_class"] for row in CODES.rows_of(codings(concept))]
    named = [drug for pattern, drug in WORDS if pattern.search(printed)]
    local = LOCAL_USE.search(printed) is not None
    return next((found for found in [*coded, *named] if not (found == STEROID and local)), None)


def _of(resource: Json, medications: Mapping[str, Json]) -> Medication:
    concept = medication_concept(resource, medications)
    start_ms, end_ms = _span(resource)
    return Medication(
        reference=reference_to(resource),
        name=next(iter(names(concept)), ""),
        codes=system_codes(concept),
        status=text(resource, "status"),
        start_ms=start_ms,
        end_ms=end_ms,
        drug_class=drug_class(concept),
    )


def _is_current_order(request: Json) -> bool:
    current = text(request, "status") == "active" and text(request, "intent") in ORDER_INTENTS
    return current and request.get("doNotPerform") is not True


def _is_taken(statement: Json) -> bool:
    adherence = code_words(member(member(statement, "adherence"), "code"))
    return text(statement, "status") in TAKEN and not any(NOT_TAKEN.search(code) for code in adherence)


def _span(resource: Json) -> tuple[int | None, int | None]:
    """Since when, and until when: bounds of an order or the time stated; an order counts from its writing."""
    stated = member(resource, "effectivePeriod")
    start_ms, end_ms = period_span(stated) if stated else order_span(resource)
    if start_ms is None:
        written = parse_time(resource.get("effectiveDateTime") or resource.get("authoredOn"))
        start_ms = written.at_ms if isinstance(written, Moment) else None
    return start_ms, end_ms


def _words(rows: Sequence[Mapping[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    words = (row for row in rows if row["match"] == "word")
    return [(re.compile(rf"\b{re.escape(row['code'])}\b", re.I), row["drug_class"]) for row in words]


ROWS: Final = read_table("medication_codes.csv")
CODES: Final = CodeTable.of([row for row in ROWS if row["match"] != "word"])
WORDS: Final = _words(ROWS)
