"""How much of what each query asked for is here, from what the pages themselves admit.

Sits beside `to_patient_record`. A page can only make a query less complete than the caller said.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhir_mappers.plain_readings import Sorted
from fhir_mappers.references import objects, text
from models.patient_record import WHOLE, Completeness

HARMLESS: Final = frozenset({"information", "success"})
"""OperationOutcome severities that say nothing was lost."""

OUTCOME: Final = "OperationOutcome"


def completeness_of(
    pages: Mapping[str, Sequence[Sorted]], stated: Mapping[str, Completeness]
) -> dict[str, Completeness]:
    """Completeness by query: as the caller stated, lowered where the pages show that something is missing."""
    return {key: _of_query(pages.get(key), stated.get(key)) for key in sorted({*pages, *stated})}


def _of_query(pages: Sequence[Sorted] | None, stated: Completeness | None) -> Completeness:
    if pages is None or (stated is not None and stated not in WHOLE):
        return stated or Completeness.NOT_ASKED
    matches = sum(_matches(page) for page in pages)
    if any(_complains(page) for page in pages):
        return Completeness.PARTIAL if matches else Completeness.FAILED
    total = next((found.page.total for found in pages if found.page.total is not None), None)
    if (total is not None and total > matches) or (pages and pages[-1].page.has_next):
        return Completeness.PARTIAL
    return Completeness.COMPLETE if matches else Completeness.EMPTY


def _matches(page: Sorted) -> int:
    """Entries that answer the query. Only a page of several types can hold included ones."""
    entries = range(len(page.ids))
    if not page.other_kinds:
        return len(entries)
    answers = [position for position in entries if page.kind(position) != OUTCOME]
    if len({page.kind(position) for position in answers}) <= 1:
        return len(answers)
    return sum(not page.page.is_included(position) for position in answers)


def _complains(page: Sorted) -> bool:
    """Whether an OperationOutcome in the page says more than that all is well."""
    outcomes = [page.page.resource(p) or {} for p, kind in page.other_kinds.items() if kind == OUTCOME]
    return any(_is_grave(outcome) for outcome in outcomes)


def _is_grave(outcome: Mapping[str, object]) -> bool:
    severities = {text(issue, "severity") for issue in objects(outcome.get("issue"))}
    return not severities or not severities <= HARMLESS
