"""Which basal insulin the patient is on now, from the active orders, and whether the draft may change it.

Sits under basal titration. The dose in use comes from the record, never from the draft being written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import signals
from models.assessment import Reason, ReasonCode
from models.dosing.basal_products import product_rule, taken_in_the_evening
from models.features.sampling import DAY_MS
from models.patient_record import InsulinKind, InsulinOrder, InsulinProduct, PatientRecord

UNITS_PER_ML: Final = 100.0
"""The only concentration that may be dosed (hazard H-04); 200, 300 and 500 are refused."""

BASAL_KINDS: Final = frozenset(
    {InsulinKind.LONG, InsulinKind.INTERMEDIATE, InsulinKind.PREMIX, InsulinKind.LONG_WITH_GLP1}
)
TAKEN_DAYS: Final = 7
TAKEN_DIFFERS_FRACTION: Final = 0.10
TAKEN_DIFFERS_U: Final = 2.0
"""Doses taken that differ from the order by more than one titration step are another dose."""


@dataclass(frozen=True, slots=True)
class BasalInUse:
    """The active order that sets the dose, or None for both when no basal insulin is in use.

    `dose_u` in units a day; `changed_ms` when it was last ordered, which is when the dose last changed.
    `previous_u` is the daily dose of the order before it, None where that is not on record.
    """

    order: InsulinOrder | None
    dose_u: float | None
    changed_ms: int | None
    previous_u: float | None = None

    @property
    def not_lowered(self) -> bool:
        """Whether the order before is known, and this one renewed or raised its dose."""
        return self.previous_u is not None and self.dose_u is not None and self.previous_u <= self.dose_u

    def waited(self, days: float, as_of_ms: int) -> bool:
        """Whether this many days have passed since the last change; unknown has not."""
        since = self.days_since_change(as_of_ms)
        return since is not None and since >= days

    def days_since_change(self, as_of_ms: int) -> float | None:
        """Days since the last change of the dose."""
        return None if self.changed_ms is None else (as_of_ms - self.changed_ms) / DAY_MS


def basal_in_use(
    record: PatientRecord, draft: InsulinOrder, as_of_ms: int
) -> BasalInUse | tuple[Reason, ...]:
    """The basal insulin of the record, or every reason why the draft cannot be titrated from it."""
    active = [o for o in record.insulin_orders if o.status == "active"]
    basal = [o for o in active if o.product.kind is None or o.product.kind in BASAL_KINDS]
    reasons = [*_draft_reasons(draft), *_glp1_reasons(record, draft), *_duplicates(basal)]
    if not basal:
        reasons += [*_start_reasons(record, active, as_of_ms), *_no_start_of(draft)]
        return tuple(reasons) or BasalInUse(None, None, None)
    order = basal[0]
    reasons += [*_order_reasons(order, draft, as_of_ms), *_taken_reasons(record, order, as_of_ms)]
    return tuple(reasons) or BasalInUse(
        order, order.daily_dose_u, in_force_ms(order), daily_dose_before_u(record, order)
    )


def _draft_reasons(draft: InsulinOrder) -> Iterator[Reason]:
    yield from _product_reasons(draft.product, "The drafted insulin")
    if draft.as_needed or draft.doses_per_day not in (None, 1.0):
        text = "The draft is not for one dose a day."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "draft_frequency", text)
    yield from _evening_reasons(draft, "The draft")


def _product_reasons(product: InsulinProduct, name: str) -> Iterator[Reason]:
    if product_rule(product) is None:
        text = f"{name} is not one that is titrated here."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "insulin_product", text)
    if product.units_per_ml is None:
        text = f"The concentration of {name.lower().removeprefix('the ')} is not stated."
        yield Reason(ReasonCode.MISSING, "insulin_concentration", text)
    elif product.units_per_ml != UNITS_PER_ML:
        text = f"{name} is not of the standard concentration."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "insulin_concentration", text)


def _evening_reasons(order: InsulinOrder, name: str) -> Iterator[Reason]:
    rule = product_rule(order.product)
    if rule is not None and rule.evening_only and not taken_in_the_evening(order):
        text = (
            f"{name} does not say that the insulin is taken in the evening, of which fasting glucose tells."
        )
        yield Reason(ReasonCode.OUT_OF_POPULATION, "evening_dose", text)


def _glp1_reasons(record: PatientRecord, draft: InsulinOrder) -> Iterator[Reason]:
    combined = draft.product.kind is InsulinKind.LONG_WITH_GLP1
    if combined and any(drug.drug_class == "glp1_receptor_agonist" for drug in record.medications):
        text = "A GLP-1 receptor agonist is ordered beside an insulin that contains one."
        yield Reason(ReasonCode.CONFLICT, "duplicate_glp1", text)


def _duplicates(basal: list[InsulinOrder]) -> Iterator[Reason]:
    if len(basal) > 1:
        text = f"{len(basal)} active orders are, or may be, for basal insulin: {_names(basal)}."
        yield Reason(ReasonCode.CONFLICT, "duplicate_basal", text)


def _start_reasons(record: PatientRecord, active: list[InsulinOrder], as_of_ms: int) -> list[Reason]:
    """Why a first basal dose cannot be proposed although no basal order is active."""
    reasons = []
    if active:
        text = f"Mealtime insulin is ordered without a basal insulin: {_names(active)}."
        reasons.append(Reason(ReasonCode.OUT_OF_POPULATION, "mealtime_insulin", text))
    if _taken(record, as_of_ms).size:
        text = f"Basal insulin was taken within {TAKEN_DAYS} days, and no active order says how much."
        reasons.append(Reason(ReasonCode.CONFLICT, "current_dose", text))
    return reasons


def _no_start_of(draft: InsulinOrder) -> Iterator[Reason]:
    rule = product_rule(draft.product)
    if rule is not None and not rule.may_start:
        text = "The first dose of this insulin depends on the therapy before it and is not computed."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "start", text)


def _order_reasons(order: InsulinOrder, draft: InsulinOrder, as_of_ms: int) -> Iterator[Reason]:
    yield from _product_reasons(order.product, "The active basal insulin")
    if (order.product.ingredient, order.product.units_per_ml) != (
        draft.product.ingredient,
        draft.product.units_per_ml,
    ):
        text = "The draft is for another insulin than the active order; a switch is not a titration."
        yield Reason(ReasonCode.CONFLICT, "insulin_product", text)
    if order.daily_dose_u is None:
        why = order.why_no_dose or "no fixed daily dose is stated"
        yield Reason(ReasonCode.MISSING, "current_dose", f"The active order gives no daily dose: {why}.")
    elif order.daily_dose_u <= 0 or order.daily_dose_u % 0.5:
        text = "The dose of the active order is one that no pen delivers."
        yield Reason(ReasonCode.IMPLAUSIBLE, "current_dose", text)
    if order.doses_per_day != 1.0:
        text = "The active order is not for one dose a day."
        yield Reason(ReasonCode.OUT_OF_POPULATION, "order_frequency", text)
    yield from _evening_reasons(order, "The active order")
    changed_ms = in_force_ms(order)
    if changed_ms is None:
        text = "When the dose last changed is not on record."
        yield Reason(ReasonCode.MISSING, "dose_change_date", text)
    elif changed_ms > as_of_ms:
        text = "The active order starts in the future."
        yield Reason(ReasonCode.CONFLICT, "dose_change_date", text)


def _taken_reasons(record: PatientRecord, order: InsulinOrder, as_of_ms: int) -> Iterator[Reason]:
    """Doses taken since the order that are not the dose ordered."""
    changed_ms = in_force_ms(order)
    if order.daily_dose_u is None or changed_ms is None:
        return
    taken_u = _taken(record, as_of_ms, since_ms=changed_ms)
    if not taken_u.size:
        return
    usual_u = float(np.median(taken_u))
    if abs(usual_u - order.daily_dose_u) > max(TAKEN_DIFFERS_U, TAKEN_DIFFERS_FRACTION * order.daily_dose_u):
        text = "The basal doses recorded as taken differ from the dose ordered."
        yield Reason(ReasonCode.CONFLICT, "doses_taken", text)


def _taken(
    record: PatientRecord, as_of_ms: int, since_ms: int = 0
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Basal injections of the last days in units, float64[n]."""
    series = record.series.get(signals.INSULIN_BASAL)
    if series is None:
        return np.zeros(0)
    return series.between(max(since_ms, as_of_ms - TAKEN_DAYS * DAY_MS), as_of_ms).value


def in_force_ms(order: InsulinOrder) -> int | None:
    """When the ordered dose came into force: the later of writing and start."""
    return max((at for at in (order.authored_ms, order.start_ms) if at is not None), default=None)


def daily_dose_before_u(record: PatientRecord, order: InsulinOrder) -> float | None:
    """The daily dose of the last ended order for the same insulin that was written before this one."""
    began_ms = in_force_ms(order)
    before = [
        (at_ms, past.daily_dose_u)
        for past in record.past_insulin_orders
        if past.product.ingredient == order.product.ingredient
        and (at_ms := in_force_ms(past)) is not None
        and began_ms is not None
        and at_ms < began_ms
    ]
    return max(before, key=lambda dated: dated[0])[1] if before else None


def _names(orders: list[InsulinOrder]) -> str:
    return ", ".join(sorted(f"insulin {order.product.ingredient or 'of unknown kind'}" for order in orders))
