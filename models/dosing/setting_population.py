"""For whom type 1 settings may be looked at: an inclusion list, and the conditions that end it.

Sits in front of the setting adjustment (hazard H-13); what all dosing rules share comes from `population`.
Anything unknown that the list needs is a reason too, and all reasons are given at once.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from models.assessment import Reason, ReasonCode
from models.dosing.dosing_inputs import read_inputs
from models.dosing.population import (
    NO_DOSING_WITH,
    drug_reasons,
    excluded,
    incomplete_data,
    not_an_adult_at_home,
    not_settled,
    recent_severe_low,
)
from models.patient_record import WHOLE, Completeness, PatientRecord

TYPE_1: Final = "type_1_diabetes"
DIARY: Final = "diary"
"""The data need that brings carbohydrate entries; its key is that of the services."""

EXCLUDING: Final[Mapping[str, str]] = {
    "type_2_diabetes": "Type 2 diabetes is on the problem list beside type 1.",
    "other_diabetes": "Another type of diabetes is on the problem list beside type 1.",
    **NO_DOSING_WITH,
}


def is_known_not_type_1(record: PatientRecord) -> bool:
    """Whether the whole problem list is here and holds no type 1 diabetes: the service is not for them."""
    known = record.completeness.get("conditions") in WHOLE
    return known and TYPE_1 not in record.concepts()


def setting_reasons(record: PatientRecord, as_of_ms: int, zone: str | None) -> tuple[Reason, ...]:
    """Why no settings may be proposed for this patient now; empty when they may."""
    measured = read_inputs(record, as_of_ms)
    return (
        *not_an_adult_at_home(record, as_of_ms, zone, "two weeks at home say little about these days"),
        *not_settled(record, TYPE_1, "Type 1 diabetes", as_of_ms),
        *excluded(record, EXCLUDING),
        *recent_severe_low(record, as_of_ms),
        *drug_reasons(record, as_of_ms),
        *(measured if isinstance(measured, tuple) else ()),
        *incomplete_data(record),
        *_diary(record),
    )


def _diary(record: PatientRecord) -> Iterator[Reason]:
    state = record.completeness.get(DIARY, Completeness.NOT_ASKED)
    if state not in WHOLE:
        text = f"Not all carbohydrate entries could be read ({state.value.replace('_', ' ')})."
        yield Reason(ReasonCode.INCOMPLETE, DIARY, text)
