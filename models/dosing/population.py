"""For whom a basal insulin dose may be computed: an inclusion list, and the conditions that end it.

Sits in front of every dosing rule (hazard H-13, limits and abstentions of section 9.4 of the model
specification). Anything unknown that the list needs is a reason too. All reasons are given at once.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from models import signals
from models.assessment import Reason, ReasonCode
from models.features.sampling import DAY_MS
from models.patient_record import WHOLE, Completeness, Condition, Medication, PatientRecord

ADULT_YEARS: Final = 18
NEW_DIAGNOSIS_DAYS: Final = 183
"""Half a year: in the first months insulin need still changes fast."""

SEVERE_LOW_DAYS: Final = 30
NEW_DRUG_DAYS: Final = 28
STEROID_DAYS: Final = 7
DELIVERY_DAYS: Final = 14

NEEDED_DATA: Final[Mapping[str, str]] = {
    "cgm": "sensor glucose",
    "fingersticks": "fingerstick glucose",
    "conditions": "the problem list",
    "medications": "the medication orders",
    "past-medications": "the medication orders that ended lately",
    "insulin": "the insulin given",
    "weight": "body weight",
    "renal": "kidney function",
}
"""What must be known to be all there is. The keys are those of the data needs of the services."""

NO_DOSING_WITH: Final[Mapping[str, str]] = {
    "gestational_diabetes": "Gestational diabetes is on the problem list.",
    "pregnancy": "Pregnancy is on the problem list.",
    "dialysis": "Dialysis is on the problem list.",
    "dka": "Diabetic ketoacidosis is on the problem list: look for ketones now.",
    "hypoglycaemia_unawareness": "Unawareness of hypoglycaemia is on the problem list.",
    "eating_disorder": "An eating disorder is on the problem list.",
    "hospice": "Hospice care is on the problem list.",
}
"""Problems under which no dosing rule of either type of diabetes speaks."""

EXCLUDING: Final[Mapping[str, str]] = {
    "type_1_diabetes": "Type 1 diabetes is on the problem list; these tables are for type 2.",
    "other_diabetes": "Another type of diabetes is on the problem list; these tables are for type 2.",
    **NO_DOSING_WITH,
}

SEVERE_LOW: Final = "hypoglycaemia_in_diabetes"
NEW_DRUGS: Final[Mapping[str, str]] = {
    "glp1_receptor_agonist": "A GLP-1 receptor agonist",
    "sglt2_inhibitor": "An SGLT2 inhibitor",
    "sulfonylurea": "A sulfonylurea",
    "glinide": "A glinide",
}
UNREADABLE: Final = (
    "unit_", "wrong_patient", "medication_unknown", "conversion_", "malformed", "subject", "value_", "time",
    "implausible", "code_unmapped", "code_missing", "status:unknown", "status_missing", "modifier",
    "data_absent:error", "data_absent:negative-infinity",
)  # fmt: skip
"""Beginnings of the mapper's reasons for leaving out what may be a low glucose or another insulin."""


def population_reasons(record: PatientRecord, as_of_ms: int, zone: str | None = None) -> tuple[Reason, ...]:
    """Why no basal dose may be computed for this patient now; empty when it may."""
    return (
        *incomplete_data(record),
        *not_an_adult_at_home(record, as_of_ms, zone, "the tables are for doses at home"),
        *excluded(record, EXCLUDING),
        *not_settled(record, "type_2_diabetes", "Type 2 diabetes", as_of_ms),
        *recent_severe_low(record, as_of_ms),
        *drug_reasons(record, as_of_ms),
        *_delivery(record, as_of_ms),
    )


def age_years(birth_date: date, as_of_ms: int, zone: str | None = None) -> int:
    """Completed years of life on the calendar day of `as_of_ms` in the zone, or in UTC without one."""
    today = datetime.fromtimestamp(as_of_ms / 1000, ZoneInfo(zone) if zone else UTC).date()
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def incomplete_data(record: PatientRecord) -> Iterator[Reason]:
    """What of the needed data may be missing, and entries that could not be used."""
    for key, name in NEEDED_DATA.items():
        state = record.completeness.get(key, Completeness.NOT_ASKED)
        if state not in WHOLE:
            text = f"Not all of {name} could be read ({state.value.replace('_', ' ')})."
            yield Reason(ReasonCode.INCOMPLETE, key, text)
    for reason, rejection in sorted(record.rejected.items()):
        if reason.startswith(UNREADABLE):
            words = reason.replace("_", " ").replace(":", " ")
            entries = "1 entry" if rejection.count == 1 else f"{rejection.count} entries"
            text = f"{entries} of the record could not be used ({words})."
            yield Reason(ReasonCode.INCOMPLETE, reason, text)


def not_an_adult_at_home(
    record: PatientRecord, as_of_ms: int, zone: str | None, why_not_in_hospital: str
) -> Iterator[Reason]:
    """What is known against it, or missing, that this is a living adult outside hospital."""
    if record.deceased:
        yield Reason(ReasonCode.OUT_OF_POPULATION, "patient", "The patient is recorded as deceased.")
    if record.birth_date is None:
        yield Reason(ReasonCode.MISSING, "birth_date", "The date of birth is not known.")
    elif age_years(record.birth_date, as_of_ms, zone) < ADULT_YEARS:
        yield Reason(ReasonCode.OUT_OF_POPULATION, "age", "The patient is under 18.")
    if record.in_hospital:
        text = f"The patient is in hospital; {why_not_in_hospital}."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "inpatient", text)


def excluded(record: PatientRecord, excluding: Mapping[str, str]) -> Iterator[Reason]:
    """The problems on record that end it, each with its sentence."""
    concepts = record.concepts()
    for concept, text in excluding.items():
        if concept in concepts:
            yield Reason(ReasonCode.OUT_OF_POPULATION, concept, text)


def not_settled(record: PatientRecord, concept: str, name: str, as_of_ms: int) -> Iterator[Reason]:
    """Why this diabetes is not one that was diagnosed half a year ago or longer."""
    diagnoses = [c for c in record.conditions if c.concept == concept]
    onsets = (c.onset_ms if c.onset_ms is not None else c.recorded_ms for c in diagnoses)
    since = [at for at in onsets if at is not None]
    if not diagnoses:
        yield Reason(ReasonCode.MISSING, concept, f"{name} is not on the problem list.")
    elif not since:
        yield Reason(ReasonCode.MISSING, "diagnosis_date", "Since when diabetes is known is not on record.")
    elif as_of_ms - min(since) < NEW_DIAGNOSIS_DAYS * DAY_MS:
        text = f"{name} was diagnosed less than 6 months ago; insulin need still changes fast."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "new_diagnosis", text)


def recent_severe_low(record: PatientRecord, as_of_ms: int) -> Iterator[Reason]:
    """Hypoglycaemia as a problem of the last weeks."""
    severe = [c for c in record.conditions if c.concept == SEVERE_LOW]
    if any(recorded_within(c, SEVERE_LOW_DAYS, as_of_ms) for c in severe):
        text = (
            f"Hypoglycaemia was recorded as a problem in the last {SEVERE_LOW_DAYS} days, or without a date."
        )
        yield Reason(ReasonCode.UNSAFE, "severe_hypoglycaemia", text)


def drug_reasons(record: PatientRecord, as_of_ms: int) -> Iterator[Reason]:
    """Drugs that change the need of insulin, or speak of a severe low, with when they count."""
    for drug in record.medications:
        if not drug.name and not drug.codes:
            text = "A current medication has neither name nor code."
            yield Reason(ReasonCode.INCOMPLETE, "medications", text)
        elif (reason := _drug_reason(drug, as_of_ms)) is not None:
            yield reason
    current = {drug.drug_class for drug in record.medications}
    for drug in record.past_medications:
        if drug.drug_class not in current and (reason := _past_drug_reason(drug, as_of_ms)) is not None:
            yield reason


def _drug_reason(drug: Medication, as_of_ms: int) -> Reason | None:
    kind = drug.drug_class
    if kind == "insulin":
        text = "The patient reports an insulin beside the orders on record."
        return Reason(ReasonCode.CONFLICT, "reported_insulin", text)
    if kind == "systemic_steroid" and not _ended_before(drug, as_of_ms - STEROID_DAYS * DAY_MS):
        text = f"A systemic steroid is taken now or was within {STEROID_DAYS} days."
        return Reason(ReasonCode.OUT_OF_POPULATION, "systemic_steroid", text)
    if kind == "glucagon" and _begun_after(drug, as_of_ms - SEVERE_LOW_DAYS * DAY_MS):
        text = f"Glucagon was ordered within {SEVERE_LOW_DAYS} days, or on an unknown date."
        return Reason(ReasonCode.UNSAFE, "glucagon", text)
    if kind is not None and kind in NEW_DRUGS and _begun_after(drug, as_of_ms - NEW_DRUG_DAYS * DAY_MS):
        text = f"{NEW_DRUGS[kind]} was begun or changed within 4 weeks, or on an unknown date."
        return Reason(ReasonCode.OUT_OF_POPULATION, kind, text)
    return None


def _past_drug_reason(drug: Medication, as_of_ms: int) -> Reason | None:
    """A drug that ended lately, or on an unknown date, and is not taken any more."""
    kind = drug.drug_class
    if kind == "systemic_steroid" and not _ended_before(drug, as_of_ms - STEROID_DAYS * DAY_MS):
        text = f"A systemic steroid ended within {STEROID_DAYS} days, or on an unknown date."
        return Reason(ReasonCode.OUT_OF_POPULATION, "systemic_steroid", text)
    if kind is not None and kind in NEW_DRUGS and not _ended_before(drug, as_of_ms - NEW_DRUG_DAYS * DAY_MS):
        text = f"{NEW_DRUGS[kind]} ended within 4 weeks, or on an unknown date."
        return Reason(ReasonCode.OUT_OF_POPULATION, kind, text)
    return None


def _delivery(record: PatientRecord, as_of_ms: int) -> Iterator[Reason]:
    """Automated or pump delivery: a basal rate, or basal given over an interval."""
    start_ms = as_of_ms - DELIVERY_DAYS * DAY_MS
    rate = record.series.get(signals.INSULIN_BASAL_RATE)
    basal = record.series.get(signals.INSULIN_BASAL)
    by_rate = rate is not None and len(rate.between(start_ms, as_of_ms)) > 0
    recent = basal.between(start_ms, as_of_ms) if basal is not None else None
    if by_rate or (recent is not None and bool((recent.until_ms > recent.at_ms).any())):
        text = f"Basal insulin came from a pump within {DELIVERY_DAYS} days."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "insulin_pump", text)


def recorded_within(condition: Condition, days: int, as_of_ms: int) -> bool:
    """Begun or recorded in the last days, or undated."""
    dates = [at for at in (condition.onset_ms, condition.recorded_ms) if at is not None]
    return not dates or as_of_ms - max(dates) <= days * DAY_MS


def _ended_before(drug: Medication, at_ms: int) -> bool:
    return drug.end_ms is not None and drug.end_ms < at_ms


def _begun_after(drug: Medication, at_ms: int) -> bool:
    return drug.start_ms is None or drug.start_ms > at_ms
