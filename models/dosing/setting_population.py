"""For whom type 1 settings may be looked at: an inclusion list, and the conditions that end it.

Sits in front of the setting adjustment (hazard H-13); what all dosing rules share comes from `population`.
Anything unknown that the list needs is a reason too, and all reasons are given at once.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from models.assessment import Reason, ReasonCode
from models.dosing.dosing_inputs import read_inputs
from models.dosing.population import (
    ADULT_YEARS,
    NEW_DIAGNOSIS_DAYS,
    SEVERE_LOW,
    SEVERE_LOW_DAYS,
    age_years,
    drug_reasons,
    incomplete_data,
    recorded_within,
)
from models.features.sampling import DAY_MS
from models.patient_record import Completeness, PatientRecord

TYPE_1: Final = "type_1_diabetes"
DIARY: Final = "diary"
"""The data need that brings carbohydrate entries; its key is that of the services."""

EXCLUDING: Final[Mapping[str, str]] = {
    "type_2_diabetes": "Type 2 diabetes is on the problem list beside type 1.",
    "other_diabetes": "Another type of diabetes is on the problem list beside type 1.",
    "gestational_diabetes": "Gestational diabetes is on the problem list.",
    "pregnancy": "Pregnancy is on the problem list.",
    "dialysis": "Dialysis is on the problem list.",
    "dka": "Diabetic ketoacidosis is on the problem list: look for ketones now.",
    "hypoglycaemia_unawareness": "Unawareness of hypoglycaemia is on the problem list.",
    "eating_disorder": "An eating disorder is on the problem list.",
    "hospice": "Hospice care is on the problem list.",
}


def is_known_not_type_1(record: PatientRecord) -> bool:
    """Whether the whole problem list is here and holds no type 1 diabetes: the service is not for them."""
    known = record.completeness.get("conditions") in (Completeness.COMPLETE, Completeness.EMPTY)
    return known and TYPE_1 not in record.concepts()


def setting_reasons(record: PatientRecord, as_of_ms: int, zone: str | None) -> tuple[Reason, ...]:
    """Why no settings may be proposed for this patient now; empty when they may."""
    measured = read_inputs(record, as_of_ms)
    return (
        *_person(record, as_of_ms, zone),
        *_problems(record, as_of_ms),
        *drug_reasons(record, as_of_ms),
        *(measured if isinstance(measured, tuple) else ()),
        *incomplete_data(record),
        *_diary(record),
    )


def _person(record: PatientRecord, as_of_ms: int, zone: str | None) -> Iterator[Reason]:
    if record.deceased:
        yield Reason(ReasonCode.OUT_OF_POPULATION, "patient", "The patient is recorded as deceased.")
    if record.birth_date is None:
        yield Reason(ReasonCode.MISSING, "birth_date", "The date of birth is not known.")
    elif age_years(record.birth_date, as_of_ms, zone) < ADULT_YEARS:
        yield Reason(ReasonCode.OUT_OF_POPULATION, "age", "The patient is under 18.")
    if record.in_hospital:
        text = "The patient is in hospital; two weeks at home say little about these days."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "inpatient", text)


def _problems(record: PatientRecord, as_of_ms: int) -> Iterator[Reason]:
    concepts = record.concepts()
    if TYPE_1 not in concepts:
        yield Reason(ReasonCode.MISSING, TYPE_1, "Type 1 diabetes is not on the problem list.")
    for concept, text in EXCLUDING.items():
        if concept in concepts:
            yield Reason(ReasonCode.OUT_OF_POPULATION, concept, text)
    type_1 = [c for c in record.conditions if c.concept == TYPE_1]
    onsets = (c.onset_ms if c.onset_ms is not None else c.recorded_ms for c in type_1)
    since = [at for at in onsets if at is not None]
    if type_1 and not since:
        yield Reason(ReasonCode.MISSING, "diagnosis_date", "Since when diabetes is known is not on record.")
    elif since and as_of_ms - min(since) < NEW_DIAGNOSIS_DAYS * DAY_MS:
        text = "Type 1 diabetes was diagnosed less than 6 months ago; insulin need still changes fast."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "new_diagnosis", text)
    severe = [c for c in record.conditions if c.concept == SEVERE_LOW]
    if any(recorded_within(c, SEVERE_LOW_DAYS, as_of_ms) for c in severe):
        text = f"Hypoglycaemia is a problem recorded in the last {SEVERE_LOW_DAYS} days, or without a date."
        yield Reason(ReasonCode.UNSAFE, "severe_hypoglycaemia", text)


def _diary(record: PatientRecord) -> Iterator[Reason]:
    state = record.completeness.get(DIARY, Completeness.NOT_ASKED)
    if state not in (Completeness.COMPLETE, Completeness.EMPTY):
        text = f"Not all carbohydrate entries could be read ({state.value.replace('_', ' ')})."
        yield Reason(ReasonCode.INCOMPLETE, DIARY, text)
