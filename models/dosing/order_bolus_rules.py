"""Rules on a dose of mealtime insulin for now: insulin that still acts, and the dose computed again.

Sits inside the order check (hazard H-09). A standing order for every meal is not a dose for now.
"""

from collections.abc import Iterator
from typing import Final

from models import signals
from models.assessment import Reason, ReasonCode
from models.dosing.bolus_check import BolusInputs, carbs_now, read_bolus_inputs, recompute, unknown_inputs
from models.dosing.dose_format import stated_units_text
from models.dosing.insulin_doses import InsulinDoses
from models.dosing.insulin_on_board import RAPID_ADULT, insulin_on_board_u
from models.dosing.order_dose_rules import DOUBLED_FACTOR, DOUBLED_U
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.dosing.uncounted_insulin import uncounted_insulin
from models.features.sampling import DAY_MS
from models.patient_record import Completeness

ON_BOARD_U: Final = 0.5
"""Insulin on board below half a unit is not worth a line."""

DIFFERS_U: Final = 1.0
DIFFERS_FRACTION: Final = 0.2
"""A drafted dose further than the greater of these from the computed one is another dose (our judgement)."""


def on_board(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Mealtime insulin that is still acting, where a correction dose is ordered (hazard H-09)."""
    if not (facts.is_mealtime and facts.order.as_needed):
        return
    bolus = facts.record.series.get(signals.INSULIN_BOLUS)
    if bolus is None or not len(bolus):
        text = "No insulin given is on record: what still acts is not known."
        yield Reason(ReasonCode.MISSING, "insulin_given", text)
        return
    recent = bolus.between(facts.as_of_ms - DAY_MS, facts.as_of_ms)
    doses = InsulinDoses(recent.at_ms, recent.until_ms, recent.value)
    acting_u = float(insulin_on_board_u(doses, facts.as_of_ms, RAPID_ADULT))
    if acting_u >= ON_BOARD_U:
        yield Finding("insulin_on_board", f"about {acting_u:.1f} units of mealtime insulin are still acting")
    elif uncounted_insulin(facts.record, facts.as_of_ms):
        text = "Insulin given is not fully on record: what still acts is not known."
        yield Reason(ReasonCode.INCOMPLETE, "insulin_given", text)


def bolus(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """One dose for now against carbohydrates, glucose and insulin on board of the record."""
    dose_u = facts.order.dose_u
    state = facts.record.completeness.get("bolus")
    if facts.is_mealtime and state in (Completeness.PARTIAL, Completeness.FAILED):
        text = f"Not all carbohydrates and bolus settings could be read ({state.value})."
        yield Reason(ReasonCode.INCOMPLETE, "bolus", text)
    if dose_u is None or not _is_for_now(facts):
        return
    inputs = read_bolus_inputs(facts.record, facts.order.product, facts.as_of_ms)
    if not isinstance(inputs, BolusInputs):
        yield from unknown_inputs(inputs)
    elif inputs.falling:
        headline = "glucose is falling fast: the dose was not computed again"
        yield Finding("bolus_while_falling", headline, "Wait for the trend to settle.", inputs.evidence)
    else:
        yield from _compare(dose_u, inputs)


def _is_for_now(facts: OrderFacts) -> bool:
    """A dose once, or any mealtime dose within half an hour of recorded carbohydrates."""
    order = facts.order
    once = order.doses_per_day is None and not order.when and not order.as_needed
    return facts.is_mealtime and (once or carbs_now(facts.record, facts.as_of_ms) is not None)


def _compare(dose_u: float, inputs: BolusInputs) -> Iterator[Finding]:
    computed = recompute(inputs)
    total_u = computed.total_u
    if abs(dose_u - total_u) <= max(DIFFERS_U, DIFFERS_FRACTION * total_u):
        return
    far = dose_u >= DOUBLED_FACTOR * total_u and dose_u - total_u >= DOUBLED_U
    headline = f"{stated_units_text(dose_u)} drafted; the record computes to {total_u:.1f}"
    detail = (
        f"Food {computed.food_u:.1f}, correction {computed.correction_u:+.1f} after {inputs.on_board_u:.1f} "
        "units on board. The computed number is for comparison and is no proposal."
    )
    yield Finding("bolus_far_above" if far else "bolus_differs", headline, detail, inputs.evidence)


BOLUS_RULES: Final = (on_board, bolus)
