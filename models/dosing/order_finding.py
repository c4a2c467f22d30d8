"""What the check of an insulin order can find, and how severe each finding is by rule.

Made by `models.dosing.order_check`, written on cards by `hooks.insulin_order_check`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.assessment import Reason
from models.patient_record import InsulinOrder


class Severity(StrEnum):
    """How much a finding matters before the order is signed."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


SEVERITY: Final[Mapping[str, Severity]] = {
    "very_low_now": Severity.CRITICAL,
    "low_now": Severity.WARNING,
    "raised_after_low": Severity.WARNING,
    "ten_times_more": Severity.CRITICAL,
    "ten_times_less": Severity.WARNING,
    "far_above_weight": Severity.CRITICAL,
    "overbasalisation": Severity.WARNING,
    "start_too_high": Severity.WARNING,
    "product_maximum": Severity.WARNING,
    "step_too_large": Severity.WARNING,
    "changed_too_soon": Severity.WARNING,
    "bolus_high": Severity.WARNING,
    "bolus_very_high": Severity.CRITICAL,
    "insulin_on_board": Severity.WARNING,
    "duplicate_basal": Severity.WARNING,
    "concentrated": Severity.WARNING,
    "concentration_unknown": Severity.WARNING,
    "concentration_mismatch": Severity.CRITICAL,
    "dose_contradiction": Severity.CRITICAL,
    "kidneys": Severity.WARNING,
    "reduced_need": Severity.WARNING,
    "weight": Severity.WARNING,
    "ketoacidosis": Severity.CRITICAL,
    "pregnancy": Severity.WARNING,
    "unawareness": Severity.WARNING,
    "severe_low": Severity.WARNING,
    "drug": Severity.INFO,
    "child": Severity.WARNING,
    "deceased": Severity.CRITICAL,
}
"""One severity for each rule; no text and no caller raises or lowers it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at before signing: the rule, and a sentence with its numbers and limit."""

    rule: str
    text: str

    @property
    def severity(self) -> Severity:
        """Severity by rule."""
        return SEVERITY[self.rule]


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """The check of one order: what was found, most severe first, and what could not be checked."""

    order: InsulinOrder
    findings: tuple[Finding, ...]
    not_checked: tuple[Reason, ...]
