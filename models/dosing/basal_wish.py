"""The basal dose that the rules ask for, before the clamp: lows first, then the table's row.

Sits inside basal titration. What it wishes is clamped by `models.dosing.limits`, which knows nothing of it.
"""

import math
from dataclasses import dataclass
from typing import Final

from models.assessment import Input
from models.dosing.basal_order import BasalInUse
from models.dosing.basal_products import BasalProduct
from models.dosing.dose_format import glucose_text, units_text
from models.dosing.dosing_inputs import DosingInputs
from models.dosing.limits import Situation
from models.dosing.overbasalisation import Sign
from models.dosing.recent_lows import RecentLows, lowest_below
from models.dosing.safety_limits import SafetyLimits
from models.dosing.titration_table import Edge, StartRule, TitrationTable
from models.features.fasting import FastingValue
from models.patient_record import PatientRecord

# ADA Standards of Care, section 9: after a low without a clear cause lower the dose by 10 to 20 %.
SMALLEST_REDUCTION: Final = 0.10
LARGEST_REDUCTION: Final = 0.20

CAUTIOUS_FROM_YEARS: Final = 70
CAUTIOUS_BELOW_EGFR: Final = 60.0
"""From this age, or below this eGFR, the lower start and no weekly step (hazard H-14)."""

LOW_EDGE: Final = Edge(70, 3.9)


@dataclass(frozen=True, slots=True)
class TitrationRule:
    """What an organisation chose: the table, the limits it signed, and what its pens deliver (1 or 0.5)."""

    table: TitrationTable
    limits: SafetyLimits
    increment_u: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that one titration rests on.

    `fasting` are the fasting values used, `fasting_week` all of the last 7 days, oldest first.
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

    @property
    def fasting_mgdl(self) -> float:
        """Mean, or what else the table is for, of the fasting values used."""
        return self.rule.table.fasting_mgdl([value.mgdl for value in self.fasting])

    @property
    def cautious(self) -> bool:
        """Age or kidney function call for the lower start and the smaller steps."""
        return self.age_years >= CAUTIOUS_FROM_YEARS or self.inputs.egfr_value < CAUTIOUS_BELOW_EGFR

    @property
    def low_fasting(self) -> bool:
        """A fasting value of the week below 70 mg/dL: what was low by morning gets no more basal insulin."""
        return any(not LOW_EDGE.reached_by(value.lowest_mgdl) for value in self.fasting_week)

    @property
    def below_goal(self) -> bool:
        """Mornings below the goal on average, or on goal with one below 70 mg/dL among them."""
        low, high = self.rule.table.goal
        on_average = not low.reached_by(self.fasting_mgdl)
        return on_average or (self.low_fasting and not high.exceeded_by(self.fasting_mgdl))

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


@dataclass(frozen=True, slots=True)
class Wish:
    """A dose in units a day, the rule that asks for it as a sentence, and what held it back.

    `cause` is what decided, in a few words, where it was not the fasting values.
    """

    dose_u: float
    why: str
    limits: tuple[str, ...] = ()
    cause: str | None = None


def wish(case: Case) -> Wish:
    """The dose that lows and table ask for."""
    start = case.rule.table.start
    if case.basal.dose_u is None and start is not None:
        return _start(case, start)
    if case.basal.dose_u is None:
        raise ValueError(f"{case.rule.table.id} starts no insulin")
    if case.lows.recently or case.lows.time_below_over_target:
        return _after_low(case, case.basal.dose_u)
    return _by_table(case, case.basal.dose_u)


def waited(case_basal: BasalInUse, table: TitrationTable, as_of_ms: int) -> bool:
    """Whether the table's interval since the last change has passed."""
    days = case_basal.days_since_change(as_of_ms)
    return days is not None and days >= table.cadence_days


def reduced_u(current_u: float, fraction: float, increment_u: float) -> float:
    """A dose reduced by about the fraction: deliverable, and between 10 and 20 % lower where one is.

    A small dose may have none in between; then the highest one at least 10 % lower.
    """
    at_most_u = math.floor((1 - SMALLEST_REDUCTION) * current_u / increment_u + 1e-9) * increment_u
    at_least_u = math.ceil((1 - LARGEST_REDUCTION) * current_u / increment_u - 1e-9) * increment_u
    aim_u = math.floor((1 - fraction) * current_u / increment_u + 1e-9) * increment_u
    return at_most_u if at_least_u > at_most_u else min(at_most_u, max(at_least_u, aim_u))


def _start(case: Case, start: StartRule) -> Wish:
    per_kg = start.cautious_units_per_kg if case.cautious else start.units_per_kg
    why = f"Start: the lower of {units_text(start.units)} and {per_kg:g} units per kg a day"
    cause = f" (age {case.age_years}, eGFR {case.inputs.egfr_value:.0f})" if case.cautious else ""
    return Wish(min(start.units, per_kg * case.inputs.weight_kg), f"{why}{cause}.")


def _after_low(case: Case, current_u: float) -> Wish:
    """A reduction: of 10 % after glucose below 70 mg/dL, of 20 % after glucose below 54 mg/dL."""
    lows = case.lows
    severe = lows.very_low_in_7_d is not None
    fraction = LARGEST_REDUCTION if severe else SMALLEST_REDUCTION
    dose_u = reduced_u(current_u, fraction, case.rule.increment_u)
    found = [_low_text(low) for low in (lows.very_low_in_7_d, lows.low_in_24_h) if low is not None]
    share = f"{lows.time_below_70_percent or 0.0:.1f} % of sensor time below {glucose_text(70)}"
    what = found[0] if found else share
    why = f"Hypoglycaemia first: {what}. Unless a cause explains it, the dose is lowered by 10 to 20 %."
    rule = case.rule.table.reduce
    if rule and lowest_below(case.record, rule.edge, rule.days, case.as_of_ms):
        dose_u = min(dose_u, current_u + rule.step_u)
    return Wish(dose_u, why, cause=f"after {what}")


def _by_table(case: Case, current_u: float) -> Wish:
    table = case.rule.table
    low = table.reduce and lowest_below(case.record, table.reduce.edge, table.reduce.days, case.as_of_ms)
    if table.reduce and low:
        why = f"{table.title}: {_low_text(low)} lies below {table.reduce.edge}."
        return Wish(current_u + table.reduce.step_u, why, cause=f"after {_low_text(low)}")
    row = table.row_for(case.fasting_mgdl)
    if row.step_u >= 0 and case.below_goal:
        return _below_goal(case, current_u)
    why = f"{table.title}: {table.statistic} fasting glucose {table.row_text(row)}."
    if row.step_u and not waited(case.basal, table, case.as_of_ms):
        return Wish(current_u, why, ("table_interval",))
    if row.step_u > 0 and (held := _held_by(case)):
        return Wish(current_u, why, held)
    return Wish(current_u + row.step_u, why)


def _below_goal(case: Case, current_u: float) -> Wish:
    """A reduction by 10 % where mornings are below the goal and the table has no row for it."""
    lowest = glucose_text(min(value.lowest_mgdl for value in case.fasting_week))
    what = f"fasting glucose below the goal of {case.rule.table.goal[0]}, lowest {lowest}"
    why = f"Hypoglycaemia first: {what}. Unless a cause explains it, the dose is lowered by 10 %."
    dose_u = reduced_u(current_u, SMALLEST_REDUCTION, case.rule.increment_u)
    return Wish(dose_u, why, cause=f"after fasting glucose as low as {lowest}")


def _held_by(case: Case) -> tuple[str, ...]:
    """What speaks against an increase although the row asks for one."""
    rule = case.rule.table.no_increase
    low = rule is not None and lowest_below(case.record, rule.edge, rule.days, case.as_of_ms)
    signs = tuple(sign.name for sign in case.signs if sign.stops_increase)
    lows = (*(("table_low",) if low else ()), *(("low_fasting",) if case.low_fasting else ()))
    return (*lows, *signs)


def _low_text(low: Input) -> str:
    return f"a glucose of {glucose_text(float(low.value))}"
