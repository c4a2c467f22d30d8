"""What a model answers: an assessment with its reasons, or a typed refusal naming what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

Result_co = TypeVar("Result_co", covariant=True)


class Outcome(StrEnum):
    """The five answers. Only ASSESSED_NEGATIVE may be silent on a card."""

    ASSESSED_POSITIVE = "assessed_positive"
    ASSESSED_NEGATIVE = "assessed_negative"
    PARTIAL = "partial"
    NOT_ASSESSED = "not_assessed"
    REFUSED = "refused"


class ReasonCode(StrEnum):
    """Why a model did not answer."""

    MISSING = "missing"
    STALE = "stale"
    SPARSE = "sparse"
    IMPLAUSIBLE = "implausible"
    INCOMPLETE = "incomplete"
    CONFLICT = "conflict"
    OUT_OF_POPULATION = "out_of_population"
    UNSAFE = "unsafe"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason not to answer: what it is about (`body_weight`), and a sentence a clinician reads."""

    code: ReasonCode
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Input:
    """A value that was used, with its unit, when it was taken, and where it came from."""

    name: str
    value: float | str
    unit: str
    at_ms: int | None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One term of an additive score; the terms and the intercept add up to the score."""

    name: str
    value: float | None
    points: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its interval at the stated level (0.9 for a 90 % interval)."""

    value: float
    low: float
    high: float
    level: float = 0.9


@dataclass(frozen=True, slots=True)
class Assessment(Generic[Result_co]):
    """A model's answer. `limits` names each safety limit that changed the number."""

    model: str
    version: str
    as_of_ms: int
    outcome: Outcome
    result: Result_co
    contributions: tuple[Contribution, ...] = ()
    limits: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    checks: tuple[str, ...] = ()
    notes: tuple[Reason, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """The model could not answer: data are missing, stale, sparse or implausible."""

    model: str
    version: str
    as_of_ms: int
    reasons: tuple[Reason, ...]
    outcome: Outcome = Outcome.NOT_ASSESSED


@dataclass(frozen=True, slots=True)
class Refused:
    """The model could compute something, and must not: outside its population, or unsafe now."""

    model: str
    version: str
    as_of_ms: int
    reasons: tuple[Reason, ...]
    inputs: tuple[Input, ...] = ()
    outcome: Outcome = Outcome.REFUSED
