"""The answer of every check of the vital-signs review: a signal now, against what, and what that says.

Sits under the single checks (change, limits, pressure, nights, rhythm, dropout); the service prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

from models.assessment import Assessment, Input, NotAssessed, Outcome, Reason, ReasonCode

MODEL: Final = "vital-signs-review"
VERSION: Final = "1.2.0"


class Urgency(IntEnum):
    """How soon a finding wants a person, worst first."""

    NOW = 0
    SOON = 1
    NOTE = 2


Kind = Literal["change", "limit", "target", "report"]


@dataclass(frozen=True, slots=True)
class Level:
    """A typical value with the range it lies in, and what it rests on, as 21 days or 12 readings.

    `low` and `high` are None where there is no range: a published limit, a single reading.
    """

    value: float
    low: float | None
    high: float | None
    number: int
    counted: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One check. `urgency` is None where nothing was found; `says` is the finding without its time.

    Kinds: `change` against the own baseline, `limit` of one reading, `target` of a value over days, and
    `report`, whose `says` is a sentence of its own.

    `since_ms` is the start of the first changed day or the time of the reading, `since_or_before` that it may
    have begun earlier. `group` names what findings of several signals have in common.
    `earlier` is the value and time of a reading beyond a limit of the last day, where the newest is not.
    `recent_sd` holds local day numbers and distances from the own baseline in day-to-day SDs.
    """

    name: str
    kind: Kind
    label: str
    unit: str
    decimals: int
    now: Level
    usual: Level | None
    usual_is: str
    urgency: Urgency | None
    says: str
    since_ms: int | None
    since_or_before: bool
    statistic: str
    source: str
    group: str = ""
    recent_sd: tuple[tuple[int, float], ...] = ()
    earlier: tuple[float, int] | None = None


Answer = Assessment[Comparison] | NotAssessed


def unit_text(unit: str) -> str:
    """A UCUM unit as a person reads it."""
    return "°C" if unit == "Cel" else unit


NO_DETAILS: Final[Mapping[str, float]] = {}


def assessed(
    found: Comparison,
    as_of_ms: int,
    inputs: tuple[Input, ...],
    notes: tuple[Reason, ...] = (),
    details: Mapping[str, float] = NO_DETAILS,
) -> Assessment[Comparison]:
    """The answer of a check; without a finding, notes make it PARTIAL."""
    if found.urgency is not None:
        outcome = Outcome.ASSESSED_POSITIVE
    else:
        outcome = Outcome.PARTIAL if notes else Outcome.ASSESSED_NEGATIVE
    return Assessment(MODEL, VERSION, as_of_ms, outcome, found, inputs=inputs, notes=notes, details=details)


def not_assessed(code: ReasonCode, about: str, text: str, as_of_ms: int) -> NotAssessed:
    """A check that could not be made, with the reason that a clinician reads."""
    return NotAssessed(MODEL, VERSION, as_of_ms, (Reason(code, about, text),))
