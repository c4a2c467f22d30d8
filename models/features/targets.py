"""Consensus CGM targets for the patient's group, and whether each is met.

Sits over the glycaemic metrics; the glucose review and the tie-breaks of dosing read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from models.assessment import Reason, ReasonCode
from models.features.bands import PREGNANCY_RANGE, USUAL_RANGE, GlucoseRange
from models.features.glycemic import GlycemicMetrics

# Table of targets: Battelino et al., Diabetes Care 2019;42:1593, figures 1 and 2 and table 3.
OLDER_YEARS: Final = 65
"""ADA Standards of Care, section 13, speaks of older adults from 65; the consensus names no age."""

ADULT_YEARS: Final = 18
"""Below this the consensus leaves the target to age and HbA1c goal; this project assesses adults only."""

HIGH_RISK: Final = frozenset({"hypoglycaemia_unawareness", "dialysis", "hospice"})
"""Problems that put an adult of any age into the high-risk group (our reading of "high risk")."""

PREGNANCY: Final = frozenset({"pregnancy", "gestational_diabetes"})
DIABETES: Final = frozenset({"type_1_diabetes", "type_2_diabetes"})


class TargetGroup(StrEnum):
    """Whose targets apply."""

    MOST_ADULTS = "most adults with type 1 or type 2 diabetes"
    OLDER_OR_HIGH_RISK = "older or high-risk adults with diabetes"
    PREGNANCY_TYPE_1 = "pregnancy with type 1 diabetes"
    PREGNANCY_OTHER = "pregnancy with type 2 or gestational diabetes"


@dataclass(frozen=True, slots=True)
class Target:
    """More, or less, than `percent` of time in the band that `metric` of `GlycemicMetrics` measures."""

    metric: str
    band: str
    side: Literal["more than", "less than"]
    percent: float

    def met_by(self, value_percent: float) -> bool:
        """Strictly beyond the number, as the consensus prints it."""
        return value_percent > self.percent if self.side == "more than" else value_percent < self.percent


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """One target and the value that met it or did not."""

    target: Target
    value_percent: float
    met: bool


TARGETS: Final[Mapping[TargetGroup, tuple[Target, ...]]] = {
    TargetGroup.MOST_ADULTS: (
        Target("time_70_180_percent", "70-180 mg/dL", "more than", 70),
        Target("time_below_70_percent", "below 70 mg/dL", "less than", 4),
        Target("time_below_54_percent", "below 54 mg/dL", "less than", 1),
        Target("time_above_180_percent", "above 180 mg/dL", "less than", 25),
        Target("time_above_250_percent", "above 250 mg/dL", "less than", 5),
    ),
    TargetGroup.OLDER_OR_HIGH_RISK: (
        Target("time_70_180_percent", "70-180 mg/dL", "more than", 50),
        Target("time_below_70_percent", "below 70 mg/dL", "less than", 1),
        Target("time_above_250_percent", "above 250 mg/dL", "less than", 10),
    ),
    TargetGroup.PREGNANCY_TYPE_1: (
        Target("time_63_140_percent", "63-140 mg/dL", "more than", 70),
        Target("time_below_63_percent", "below 63 mg/dL", "less than", 4),
        Target("time_below_54_percent", "below 54 mg/dL", "less than", 1),
        Target("time_above_140_percent", "above 140 mg/dL", "less than", 25),
    ),
    # No consensus percentages: insufficient evidence.
    TargetGroup.PREGNANCY_OTHER: (),
}


def target_group(age_years: int | None, concepts: frozenset[str]) -> TargetGroup | Reason:
    """The group of a patient of this age with these problems, or what must be known to tell it."""
    if concepts & PREGNANCY:
        type_1 = "type_1_diabetes" in concepts
        return TargetGroup.PREGNANCY_TYPE_1 if type_1 else TargetGroup.PREGNANCY_OTHER
    if not concepts & DIABETES:
        text = "Neither type 1 nor type 2 diabetes is on the problem list, so no consensus target applies."
        return Reason(ReasonCode.MISSING, "diabetes_type", text)
    if age_years is None:
        return Reason(ReasonCode.MISSING, "birth_date", "Without an age the target group cannot be told.")
    if age_years < ADULT_YEARS:
        text = "Targets are assessed for adults only."
        return Reason(ReasonCode.OUT_OF_POPULATION, "age", text)
    older = age_years >= OLDER_YEARS or bool(concepts & HIGH_RISK)
    return TargetGroup.OLDER_OR_HIGH_RISK if older else TargetGroup.MOST_ADULTS


def range_of(concepts: frozenset[str]) -> GlucoseRange:
    """Below and above which glucose is out of range for a patient with these problems."""
    return PREGNANCY_RANGE if concepts & PREGNANCY else USUAL_RANGE


def check_targets(metrics: GlycemicMetrics, group: TargetGroup) -> tuple[TargetCheck, ...] | Reason:
    """Each target of the group with its value, or why the values cannot be held against targets."""
    if not TARGETS[group]:
        text = f"There are no consensus percentages for {group.value}."
        return Reason(ReasonCode.OUT_OF_POPULATION, "targets", text)
    if metrics.why_not is not None:
        return Reason(ReasonCode.SPARSE, "glucose_cgm", f"Targets are not assessed: {metrics.why_not}.")
    return tuple(_check(target, getattr(metrics, target.metric)) for target in TARGETS[group])


def _check(target: Target, value_percent: float) -> TargetCheck:
    return TargetCheck(target, value_percent, target.met_by(value_percent))
