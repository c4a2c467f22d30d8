"""What the check of an insulin order can find, and how severe each finding is by rule.

Made by `models.dosing.order_check`, written on cards by `hooks.order_card`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.assessment import Input, Reason
from models.patient_record import InsulinOrder


class Severity(StrEnum):
    """How much a finding matters before the order is signed."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


SEVERITY: Final[Mapping[str, Severity]] = {
    "deceased": Severity.CRITICAL,
    "two_products": Severity.CRITICAL,
    "very_low_now": Severity.CRITICAL,
    "ten_times_more": Severity.CRITICAL,
    "doubled": Severity.CRITICAL,
    "far_above_weight": Severity.CRITICAL,
    "bolus_very_high": Severity.CRITICAL,
    "bolus_far_above": Severity.CRITICAL,
    "concentration_mismatch": Severity.CRITICAL,
    "duplicate_insulin": Severity.CRITICAL,
    "duplicate_long": Severity.CRITICAL,
    "very_low_in_24_h": Severity.CRITICAL,
    "ketoacidosis": Severity.CRITICAL,
    "very_high_now": Severity.CRITICAL,
    "persistently_high": Severity.CRITICAL,
    "dose_contradiction": Severity.CRITICAL,
    "kidneys_and_raised": Severity.WARNING,
    "low_now": Severity.WARNING,
    "raised_after_low": Severity.WARNING,
    "repeated_after_low": Severity.WARNING,
    "severe_low": Severity.WARNING,
    "steroid_stopped": Severity.WARNING,
    "frequency_contradiction": Severity.WARNING,
    "raised_by_half": Severity.WARNING,
    "start_far_above": Severity.WARNING,
    "ten_times_less": Severity.WARNING,
    "halved": Severity.WARNING,
    "high_now": Severity.WARNING,
    "old_and_raised": Severity.WARNING,
    "raised_time_below": Severity.WARNING,
    "overbasalisation": Severity.WARNING,
    "start_too_high": Severity.WARNING,
    "product_maximum": Severity.WARNING,
    "step_too_large": Severity.WARNING,
    "changed_too_soon": Severity.WARNING,
    "bolus_high": Severity.WARNING,
    "bolus_differs": Severity.WARNING,
    "bolus_while_falling": Severity.WARNING,
    "insulin_on_board": Severity.WARNING,
    "duplicate_basal": Severity.WARNING,
    "duplicate_mealtime": Severity.WARNING,
    "duplicate_possible": Severity.WARNING,
    "pump_basal": Severity.WARNING,
    "concentrated": Severity.WARNING,
    "concentration_unknown": Severity.WARNING,
    "kidneys": Severity.WARNING,
    "reduced_need": Severity.WARNING,
    "weight": Severity.WARNING,
    "pregnancy": Severity.WARNING,
    "unawareness": Severity.WARNING,
    "child": Severity.WARNING,
    "drug": Severity.INFO,
}
"""One severity for each rule; no text and no caller raises or lowers it. Of findings equally severe the one
that stands first here leads the card."""

HEADLINE_LIMIT: Final = 92
"""Characters of a headline: with the longest name of an insulin and a count it fits a card's summary."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at before signing.

    `headline` says it with its number in at most 92 characters, `detail` what follows from it, `evidence` the
    values of the record that it rests on.
    """

    rule: str
    headline: str
    detail: str = ""
    evidence: tuple[Input, ...] = ()

    @property
    def severity(self) -> Severity:
        """Severity by rule."""
        return SEVERITY[self.rule]


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """The check of one order: what was found, most severe first, and what could not be checked.

    `in_use` is the dose that the order changes, None where none is known.
    """

    order: InsulinOrder
    findings: tuple[Finding, ...]
    not_checked: tuple[Reason, ...]
    in_use: Input | None = None
