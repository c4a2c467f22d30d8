"""What basal titration answers: a dose, the rule that gave it, and what one might do instead.

Made by `models.dosing.basal_titration`, written on a card by `hooks.insulin_adjustment`.
"""

from dataclasses import dataclass
from enum import StrEnum

from models.assessment import Input
from models.dosing.overbasalisation import Sign
from models.dosing.safety_limits import SafetyLimits
from models.dosing.titration_table import Edge, TitrationTable
from models.features.fasting import FastingValue


class BasalAction(StrEnum):
    """What the proposed dose does to the one in use."""

    START = "start"
    INCREASE = "increase"
    HOLD = "hold"
    REDUCE = "reduce"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something else that could be done; `dose_u` is None where it is not a dose."""

    text: str
    dose_u: float | None = None


@dataclass(frozen=True, slots=True)
class BasalProposal:
    """A proposed basal dose in units a day. `current_dose_u` is None when basal insulin is to be started.

    `why` is the rule as a sentence, `cause` a few words where something else than fasting glucose decided.
    `fasting` holds the values used, `fasting_mgdl` their mean, or what else the table is for. `next_steps`
    say what is usual where more basal insulin is not what is missing, `ketones` that they are to be looked
    for. `goal` is the fasting goal held to, `cautious_because` why it is the cautious one. `lowest` is the
    lowest glucose of 7 days, `changed_ms` when the dose in use last changed, `next_step_ms` when it may next;
    `safety_limits` are those that were kept.
    """

    action: BasalAction
    current_dose_u: float | None
    proposed_dose_u: float
    why: str
    cause: str | None
    table: TitrationTable
    fasting: tuple[FastingValue, ...]
    fasting_mgdl: float
    signs: tuple[Sign, ...]
    alternatives: tuple[Alternative, ...]
    next_steps: tuple[str, ...]
    ketones: str | None
    goal: tuple[Edge, Edge]
    cautious_because: str | None
    lowest: Input | None
    weight_kg: float
    changed_ms: int | None
    next_step_ms: int
    safety_limits: SafetyLimits

    @property
    def step_u(self) -> float:
        """The change in units a day."""
        return self.proposed_dose_u - (self.current_dose_u or 0.0)

    def units_per_kg(self, dose_u: float) -> float:
        """A daily dose in units per kilogram of this patient."""
        return dose_u / self.weight_kg
