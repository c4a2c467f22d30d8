"""How the dose of a draft compares with the dose in use, or with the one proposed to start.

Under the cards of `insulin-adjustment`: a draft far above what is taken now is what a reader must see first
(hazard H-05), whether a dose can be proposed or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappers.therapy import to_insulin_order
from models.dosing.basal_order import BASAL_KINDS
from models.dosing.dose_format import stated_units_text
from models.patient_record import PatientRecord

FAR_ABOVE: Final = 2.0
"""From twice the dose on, a draft is taken for a slip until somebody looked (our judgement)."""

Draft = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DraftSize:
    """The drafted daily dose in units beside a known one; None for what is not stated or not known.

    `beside` says what the known dose is: the dose in use, or the proposed start.
    """

    drafted_u: float | None
    known_u: float | None
    beside: str

    @property
    def times(self) -> float | None:
        """How many times the known dose the draft is."""
        return self.drafted_u / self.known_u if self.drafted_u is not None and self.known_u else None

    @property
    def far_above(self) -> bool:
        """Twice the known dose or more."""
        return self.times is not None and self.times >= FAR_ABOVE

    @property
    def multiple(self) -> str:
        """In words, without a dose: `10 times the dose in use`."""
        times = f"{self.times or 0.0:.1f}".removesuffix(".0")
        return f"{times} times the {self.beside}"

    @property
    def text(self) -> str:
        """The drafted dose, and how far above it is where it is far above."""
        if self.drafted_u is None:
            return "states no daily dose"
        drafted = stated_units_text(self.drafted_u)
        if self.far_above:
            return f"{drafted} is {self.multiple} ({stated_units_text(self.known_u or 0.0)})"
        return f"{drafted} a day"


def beside_proposal(draft: Draft, current_u: float | None, proposed_u: float) -> DraftSize:
    """The drafted dose beside the dose in use; where none is in use, beside the proposed start."""
    if current_u is None:
        return DraftSize(_drafted_u(draft), proposed_u, "proposed start")
    return DraftSize(_drafted_u(draft), current_u, "dose in use")


def beside_record(draft: Draft, record: PatientRecord) -> DraftSize:
    """The drafted dose beside the highest of the active basal orders."""
    active = [o for o in record.insulin_orders if o.status == "active" and o.product.kind in BASAL_KINDS]
    in_use = [o.daily_dose_u for o in active if o.daily_dose_u is not None]
    return DraftSize(_drafted_u(draft), max(in_use, default=None), "dose in use")


def _drafted_u(draft: Draft) -> float | None:
    """The daily dose of a draft, or one dose where the days are not said."""
    order = to_insulin_order(dict(draft), {})
    if order is None:
        return None
    return order.daily_dose_u if order.daily_dose_u is not None else order.dose_u
