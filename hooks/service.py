"""What a service is: a hook, the data it needs, and a pure function from a question to a decision.

`hooks.registry` lists the services; `cds_service.pipeline` gathers the data and asks the question.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from hooks.card import Card, Link
from hooks.prefetch import DataNeed
from hooks.protocol import Context
from models.assessment import Assessment, NotAssessed, Outcome, Refused
from models.dosing.population import age_years
from models.dosing.safety_limits import SafetyLimits
from models.patient_record import PatientRecord
from models.units import GlucoseUnit

AnyAssessment = Assessment[object] | NotAssessed | Refused


@dataclass(frozen=True, slots=True)
class Practice:
    """How the calling organisation wants its answers; from its registration, never from the request.

    `dose_limits` are limits it signed itself (None: those that come with the software), `pen_increment_u`
    the smallest step that its pens deliver. `cautious_goal`: its patients are old and frail, and are titrated
    to the fasting goal for complex health.
    """

    zone: str | None = None
    glucose_unit: GlucoseUnit = "mg/dL"
    titration_table: str | None = None
    models_url: str | None = None
    chart_link: Link | None = None
    approver: str | None = None
    dose_limits: SafetyLimits | None = None
    pen_increment_u: float = 1.0
    cautious_goal: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a service may look at. `response_id` is new for each answer; card ids derive from it."""

    record: PatientRecord
    context: Context
    as_of_ms: int
    response_id: UUID
    practice: Practice = field(default_factory=Practice)

    def uuid(self, name: str) -> str:
        """An id for a card or suggestion of this response: new per response, the same when replayed."""
        return str(uuid5(self.response_id, name))

    @property
    def age_years(self) -> int | None:
        """Age in whole years on the patient's calendar day, None without a birth date."""
        born = self.record.birth_date
        return None if born is None else age_years(born, self.as_of_ms, self.zone)

    @property
    def zone(self) -> str | None:
        """The patient's own zone where known, else the organisation's."""
        return self.record.zone or self.practice.zone


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question. Without cards only if everything was assessed and nothing is to be said.

    `basis` names what it rests on beside the models, by id: versions of signed limits and of tables.
    """

    outcome: Outcome
    cards: tuple[Card, ...]
    assessments: tuple[AnyAssessment, ...] = ()
    basis: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.cards and self.outcome is not Outcome.ASSESSED_NEGATIVE:
            raise ValueError("only ASSESSED_NEGATIVE may be silent")


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS service: one id, one hook (X3)."""

    id: str
    hook: str
    title: str
    description: str
    usage_requirements: str
    needs: tuple[DataNeed, ...]
    decide: Callable[[Question], Decision]
    dosing: bool = False
