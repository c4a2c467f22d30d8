"""One titration's facts: what the organisation chose, what is in use, the glucose and the limits around it.

Sits under `models.dosing.basal_wish`; made by `models.dosing.basal_titration`, read by every rule of it.
"""

from dataclasses import dataclass
from typing import Final

from models.dosing.basal_order import BasalInUse
from models.dosing.basal_products import BasalProduct
from models.dosing.cautious_goal import CAUTIOUS_GOAL
from models.dosing.dosing_inputs import DosingInputs
from models.dosing.limits import Situation
from models.dosing.overbasalisation import Sign
from models.dosing.recent_lows import RecentLows
from models.dosing.safety_limits import SafetyLimits
from models.dosing.titration_table import Edge, TitrationTable
from models.features.fasting import FastingValue
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord

CAUTIOUS_FROM_YEARS: Final = 70
CAUTIOUS_BELOW_EGFR: Final = 60.0
"""From this age, or below this eGFR, the lower start and no weekly step (hazard H-14)."""

LOW_EDGE: Final = Edge(70, 3.9)


@dataclass(frozen=True, slots=True)
class TitrationRule:
    """What an organisation chose: the table, the limits it signed, and what its pens deliver (1 or 0.5).

    `cautious_goal`: its patients are titrated to the goal for older adults with complex health.
    """

    table: TitrationTable
    limits: SafetyLimits
    increment_u: float = 1.0
    cautious_goal: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that one titration rests on.

    `fasting` are the fasting values used, `fasting_week` all of the last 7 days, oldest first.
    `cautious_because` says in a few words why the cautious goal holds, None where the table's own does.
    """

    record: PatientRecord
    as_of_ms: int
    rule: TitrationRule
    age_years: int
    inputs: DosingInputs
    basal: BasalInUse
    product: BasalProduct
    lows: RecentLows
    fasting: tuple[FastingValue, ...]
    fasting_week: tuple[FastingValue, ...]
    signs: tuple[Sign, ...]
    cautious_because: str | None = None

    @property
    def fasting_mgdl(self) -> float:
        """Mean, or what else the table is for, of the fasting values used."""
        return self.rule.table.fasting_mgdl([value.mgdl for value in self.fasting])

    @property
    def goal(self) -> tuple[Edge, Edge]:
        """The fasting goal of this patient: the table's, or the cautious one."""
        return CAUTIOUS_GOAL if self.cautious_because else self.rule.table.goal

    @property
    def cautious(self) -> bool:
        """Age, kidney function or complex health call for the lower start and the smaller steps."""
        older = self.age_years >= CAUTIOUS_FROM_YEARS or self.cautious_because is not None
        return older or self.inputs.egfr_value < CAUTIOUS_BELOW_EGFR

    @property
    def low_fasting(self) -> FastingValue | None:
        """The lowest fasting value of the week if below 70 mg/dL: what was low by morning gets no more."""
        lowest = min(self.fasting_week, key=lambda value: value.lowest_mgdl)
        return None if LOW_EDGE.reached_by(lowest.lowest_mgdl) else lowest

    @property
    def low_mornings(self) -> tuple[FastingValue, ...]:
        """Fasting values that call for less, lowest first: mean below the goal, or on goal with one low.

        Values that the last change of the dose has answered already are left out.
        """
        low, high = self.goal
        below_goal = not low.reached_by(self.fasting_mgdl)
        if not below_goal and (self.low_fasting is None or high.exceeded_by(self.fasting_mgdl)):
            return ()
        edge = low if below_goal else LOW_EDGE
        found = [
            v for v in self.fasting_week if not edge.reached_by(v.lowest_mgdl) and self.unanswered(v.at_ms)
        ]
        return tuple(sorted(found, key=lambda value: value.lowest_mgdl))

    @property
    def below_goal(self) -> bool:
        """Mornings below the goal on average, or on goal with one below 70 mg/dL among them."""
        low, high = self.goal
        on_average = not low.reached_by(self.fasting_mgdl)
        return on_average or (self.low_fasting is not None and not high.exceeded_by(self.fasting_mgdl))

    @property
    def lows_answered(self) -> bool:
        """Whether every low that lasted lies before the last change of the dose."""
        newest_ms = self.lows.newest_low_ms
        return newest_ms is not None and not self.unanswered(newest_ms)

    def unanswered(self, at_ms: int) -> bool:
        """Whether a low of this instant came on the present dose, or on a lower or equal one before."""
        changed_ms = self.basal.changed_ms
        return changed_ms is None or self.basal.not_lowered or at_ms > changed_ms

    @property
    def waited(self) -> bool:
        """Whether the table's interval since the last change has passed."""
        return self.basal.waited(self.rule.table.cadence_days, self.as_of_ms)

    def next_step_ms(self, proposed_u: float) -> int:
        """When the dose may next be changed: an interval after this change, or after the last one."""
        table_ms = round(self.rule.table.cadence_days * DAY_MS)
        allowed_ms = round(self.rule.limits.basal.interval_days * DAY_MS)
        changed_ms = self.basal.changed_ms
        if changed_ms is not None and proposed_u == self.basal.dose_u:
            due_ms = changed_ms + max(table_ms, allowed_ms)
            if due_ms > self.as_of_ms:
                return due_ms
        return self.as_of_ms + table_ms

    def situation(self) -> Situation:
        """The facts that the clamp asks for."""
        return Situation(
            current_dose_u=self.basal.dose_u,
            weight_kg=self.inputs.weight_kg,
            days_since_change=self.basal.days_since_change(self.as_of_ms),
            low_now=self.lows.low_now,
            low_recently=self.lows.recently,
            time_below_over_target=self.lows.time_below_over_target,
            weekly_table=self.rule.table.weekly and not self.cautious,
            increment_u=self.rule.increment_u,
            product_max_u=self.product.max_u,
        )
