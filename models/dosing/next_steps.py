"""What is usual where more basal insulin is not what is missing: a GLP-1 agonist, or mealtime insulin.

Sits inside basal titration beside the alternatives. ADA Standards of Care, section 9: with overbasalisation,
or HbA1c above goal although fasting glucose is on goal.
"""

import math
from typing import Final

from models.dosing.basal_case import Case
from models.dosing.cautious_goal import CAUTIOUS_HBA1C_PERCENT
from models.dosing.dose_format import units_text
from models.patient_record import InsulinKind

HBA1C_GOAL_PERCENT: Final = 7.0
"""ADA's goal for many adults; the goal of this patient may be another."""

HBA1C_LOWER_BASAL_PERCENT: Final = 8.0
KEEP_SIMPLE: Final = (
    "With complex health the regimen is kept simple: look at the HbA1c goal, food and other drugs before "
    "mealtime insulin or a drug that lowers weight is added (ADA, section 13)."
)
MEALTIME_START_U: Final = 4.0
MEALTIME_START_FRACTION: Final = 0.10
MEALTIME: Final = frozenset({InsulinKind.RAPID, InsulinKind.SHORT, InsulinKind.INHALED, InsulinKind.PREMIX})


def next_steps(case: Case, proposed_u: float) -> tuple[str, ...]:
    """Sentences on what to consider beside basal insulin; empty after lows, or where basal insulin may do."""
    current_u = case.basal.dose_u
    if current_u is None or case.lows.recently or case.lows.time_below_over_target:
        return ()
    if not (_overbasalised(case, current_u) or _meals_are_left(case)):
        return ()
    if case.cautious_because:
        return (KEEP_SIMPLE,)
    return (*_glp1(case), *_mealtime(case, proposed_u))


def _overbasalised(case: Case, current_u: float) -> bool:
    ceiling_u = case.rule.limits.basal.ceiling_units_per_kg * case.inputs.weight_kg
    return current_u >= ceiling_u or any(sign.stops_increase for sign in case.signs)


def _meals_are_left(case: Case) -> bool:
    """Fasting glucose on goal, HbA1c above it."""
    hba1c = case.inputs.hba1c
    on_goal = not case.goal[1].exceeded_by(case.fasting_mgdl) and not case.below_goal
    aim_percent = CAUTIOUS_HBA1C_PERCENT if case.cautious_because else HBA1C_GOAL_PERCENT
    return on_goal and hba1c is not None and float(hba1c.value) > aim_percent


def _glp1(case: Case) -> tuple[str, ...]:
    combined = case.basal.order is not None and case.basal.order.product.kind is InsulinKind.LONG_WITH_GLP1
    taken = any(drug.drug_class == "glp1_receptor_agonist" for drug in case.record.medications)
    if combined or taken:
        return ()
    text = "A GLP-1 receptor agonist, if nothing speaks against it, is preferred to mealtime insulin (ADA)."
    dpp4 = any(drug.drug_class == "dpp4_inhibitor" for drug in case.record.medications)
    return (f"{text} It takes the place of the DPP-4 inhibitor." if dpp4 else text,)


def _mealtime(case: Case, proposed_u: float) -> tuple[str, ...]:
    """The published start of mealtime insulin, the lower of its two forms, down to a whole unit."""
    orders = [o for o in case.record.insulin_orders if o.product.kind in MEALTIME]
    start_u = math.floor(min(MEALTIME_START_U, MEALTIME_START_FRACTION * proposed_u))
    if orders or start_u < 1:
        return ()
    text = (
        f"Mealtime insulin before the largest meal: {units_text(start_u)}, the lower of "
        f"{units_text(MEALTIME_START_U)} and 10 % of the basal dose (ADA)."
    )
    hba1c = case.inputs.hba1c
    if hba1c is not None and float(hba1c.value) < HBA1C_LOWER_BASAL_PERCENT:
        text += f" With HbA1c below {HBA1C_LOWER_BASAL_PERCENT:g} % the basal dose is lowered by as much."
    return (text,)
