"""What one might do instead of the proposed basal dose; each other dose has passed the same clamp.

Sits inside basal titration: a proposal without alternatives invites to follow it blindly (hazard H-17).
"""

from typing import Final

from models.dosing.basal_case import Case
from models.dosing.basal_proposal import Alternative
from models.dosing.basal_wish import LARGEST_REDUCTION, SMALLEST_REDUCTION, reduced_u
from models.dosing.dose_format import units_text
from models.dosing.limits import clamp_basal

SECRETAGOGUES: Final = ("glinide", "sulfonylurea")
"""ADA Standards of Care, section 9: beside insulin they are to be lowered or stopped where lows occur."""

LOOK_FIRST = Alternative(
    "Leave the order and look first at missed doses, injection technique, late meals, faulty measurement."
)


def alternatives(case: Case, proposed_u: float) -> tuple[Alternative, ...]:
    """At least two other ways, doses first."""
    current_u = case.basal.dose_u
    if current_u is None:
        found = [_dose(case, 0.1 * case.inputs.weight_kg, "0.1 units per kg, the lower published start")]
    elif proposed_u > current_u:
        half_u = current_u + (proposed_u - current_u) / 2
        found = [
            _dose(case, current_u, "keep the present dose and collect more fasting values"),
            _dose(case, half_u, "a smaller step"),
        ]
    elif proposed_u < current_u:
        less_u = reduced_u(current_u, SMALLEST_REDUCTION, case.rule.increment_u)
        further_u = reduced_u(current_u, LARGEST_REDUCTION, case.rule.increment_u)
        found = [
            _dose(case, current_u, "keep the present dose if a cause explains the low and is gone"),
            _dose(case, less_u, "a reduction by about 10 %"),
            _dose(case, further_u, "a reduction by up to 20 %"),
            *_secretagogue(case),
        ]
    else:
        lower_u = reduced_u(current_u, SMALLEST_REDUCTION, case.rule.increment_u)
        found = [_dose(case, lower_u, "reduce by 10 % if there were lows that are not on record")]
    distinct = {a.dose_u or a.text: a for a in found if a is not None and a.dose_u != proposed_u}
    return (*distinct.values(), LOOK_FIRST)


def _secretagogue(case: Case) -> tuple[Alternative, ...]:
    """Drugs that cause lows themselves, above all beside insulin."""
    taken = {drug.drug_class for drug in case.record.medications}
    return tuple(Alternative(f"Lower or stop the {drug} first.") for drug in SECRETAGOGUES if drug in taken)


def _dose(case: Case, dose_u: float, text: str) -> Alternative | None:
    """The dose as an alternative, or None where the clamp would not let it pass or leaves nothing of it."""
    allowed_u = clamp_basal(dose_u, case.situation(), case.rule.limits.basal).dose_u
    return Alternative(f"{units_text(allowed_u)}: {text}.", allowed_u) if allowed_u else None
