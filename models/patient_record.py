"""Everything known of one patient for one answer: series, therapy, conditions, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from models.time_series import TimeSeries

UNREAD: Final = ""
"""Stands for a signal in `PatientRecord.lost` where nobody can tell which one it was."""

Sex = Literal["male", "female", "other", "unknown"]


class InsulinKind(StrEnum):
    """Action profile of an insulin product."""

    LONG = "long"
    INTERMEDIATE = "intermediate"
    RAPID = "rapid"
    SHORT = "short"
    PREMIX = "premix"
    LONG_WITH_GLP1 = "long_with_glp1"
    INHALED = "inhaled"


@dataclass(frozen=True, slots=True)
class InsulinProduct:
    """An insulin as ordered. None where the record does not say; absent is never assumed to be U-100.

    `brand` in lower case, a biosimilar by the brand that its suffix belongs to. `contradictory` are the
    products that one order names at once; ingredient, kind and concentration are None then.
    """

    name: str
    ingredient: str | None
    kind: InsulinKind | None
    units_per_ml: float | None
    brand: str | None = None
    contradictory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InsulinOrder:
    """A MedicationRequest for insulin. `daily_dose_u` only where every dose and frequency is fixed.

    `why_no_dose` is a sentence. `when` holds the times of day as ordered (`HS`, `08:00:00`).
    """

    reference: str
    product: InsulinProduct
    status: str
    intent: str
    authored_ms: int | None
    start_ms: int | None
    end_ms: int | None
    dose_u: float | None
    doses_per_day: float | None
    daily_dose_u: float | None
    as_needed: bool
    instruction_text: str
    why_no_dose: str | None = None
    when: tuple[str, ...] = ()
    dose_range_u: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Medication:
    """A current drug: name, codes as `system|code`, class (`systemic_steroid`) where known, since when.

    Among current drugs insulin stands only when the patient reports it (`drug_class` `insulin`); ordered
    insulin has a record of its own.
    """

    reference: str
    name: str
    codes: frozenset[str]
    status: str
    start_ms: int | None
    end_ms: int | None = None
    drug_class: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """An active, not refuted problem; `concept` is this project's word (`type_2_diabetes`, `pregnancy`)."""

    reference: str
    concept: str | None
    codes: frozenset[str]
    name: str
    onset_ms: int | None
    recorded_ms: int | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Resources left out for one reason, and flags of those that have some, by reference."""

    count: int
    references: tuple[str, ...] = ()
    flags: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Completeness(StrEnum):
    """How much of what one query asked for is here. Only COMPLETE and EMPTY say 'there is no more'."""

    COMPLETE = "complete"
    EMPTY = "empty"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_ASKED = "not_asked"


WHOLE: Final = frozenset({Completeness.COMPLETE, Completeness.EMPTY})
"""States in which all that was asked for is here."""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """One patient as the models see them. Missing values are None, missing signals are absent keys.

    `past_medications` are drugs whose order was completed or stopped; `end_ms` is None where no end was said.
    `past_insulin_orders` are those of them that are insulin, with their doses. `in_hospital`: a stay in
    hospital is under way; whether anybody asked is said by `completeness`. `lost` are the signals of which
    something was sent that could not be used, with the last instant it may be of, None where nobody can tell.
    """

    patient_id: str
    birth_date: date | None = None
    sex: Sex | None = None
    deceased: bool = False
    zone: str | None = None
    series: Mapping[str, TimeSeries] = field(default_factory=dict)
    insulin_orders: tuple[InsulinOrder, ...] = ()
    medications: tuple[Medication, ...] = ()
    past_medications: tuple[Medication, ...] = ()
    past_insulin_orders: tuple[InsulinOrder, ...] = ()
    conditions: tuple[Condition, ...] = ()
    in_hospital: bool = False
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    lost: Mapping[str, int | None] = field(default_factory=dict)
    completeness: Mapping[str, Completeness] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def may_lack(self, signal: str, since_ms: int) -> bool:
        """Whether something of a signal that could not be used may be of this instant or later."""
        latest = [self.lost[name] for name in (signal, UNREAD) if name in self.lost]
        return any(until_ms is None or until_ms >= since_ms for until_ms in latest)

    def concepts(self) -> frozenset[str]:
        """The problems of this patient in this project's words."""
        return frozenset(c.concept for c in self.conditions if c.concept)
