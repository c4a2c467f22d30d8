"""What is known around an insulin order about to be signed: the order it replaces, lows, weight, kidneys.

Sits under `models.dosing.order_check`; every rule of the check reads these facts and nothing else.
"""

from dataclasses import dataclass
from typing import Final

from models.assessment import Input, Reason
from models.dosing.basal_order import BASAL_KINDS
from models.dosing.dosing_inputs import read_egfr, read_weight
from models.dosing.limits import BasalLimits
from models.dosing.population import age_years
from models.dosing.recent_lows import RecentLows, recent_lows
from models.patient_record import Completeness, InsulinKind, InsulinOrder, PatientRecord

MEALTIME_KINDS: Final = frozenset({InsulinKind.RAPID, InsulinKind.SHORT, InsulinKind.INHALED})


@dataclass(frozen=True, slots=True)
class Signing:
    """An order about to be signed, the other insulin orders signed with it, and what it says it replaces."""

    order: InsulinOrder
    others: tuple[InsulinOrder, ...] = ()
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The facts of one check. `previous` is the active order of the same insulin, None where there is none.

    `current` are the other insulin orders that stay in force beside this one.
    """

    record: PatientRecord
    signing: Signing
    as_of_ms: int
    limits: BasalLimits
    lows: RecentLows
    weight: Input | Reason
    egfr: Input | Reason
    age: int | None
    previous: InsulinOrder | None
    current: tuple[InsulinOrder, ...]

    @property
    def order(self) -> InsulinOrder:
        """The order about to be signed."""
        return self.signing.order

    @property
    def is_basal(self) -> bool:
        """Long or intermediate acting, premixed, or combined with a GLP-1 receptor agonist."""
        return self.order.product.kind in BASAL_KINDS

    @property
    def is_mealtime(self) -> bool:
        """Rapid or short acting."""
        return self.order.product.kind in MEALTIME_KINDS

    @property
    def weight_kg(self) -> float | None:
        """Body weight in kg where it can be used."""
        return float(self.weight.value) if isinstance(self.weight, Input) else None

    @property
    def previous_u(self) -> float | None:
        """The daily dose that this order changes; None where none is known."""
        return self.previous.daily_dose_u if self.previous else None

    @property
    def orders_known(self) -> bool:
        """Whether the medication orders of the record are all there are."""
        state = self.record.completeness.get("medications")
        return state in (Completeness.COMPLETE, Completeness.EMPTY)

    @property
    def raises(self) -> bool:
        """Whether the order starts an insulin or raises its dose; unknown doses count as raised."""
        if self.previous_u is None or self.order.daily_dose_u is None:
            return True
        return self.order.daily_dose_u > self.previous_u


def order_facts(record: PatientRecord, signing: Signing, as_of_ms: int, limits: BasalLimits) -> OrderFacts:
    """The facts around one order as of an instant."""
    order = signing.order
    active = tuple(
        o for o in record.insulin_orders if o.status == "active" and o.reference != order.reference
    )
    replaced = {signing.replaces, *(o.reference for o in active if _same_insulin(o, order))}
    own = [o for o in record.insulin_orders if o.reference == order.reference]
    same = [*own, *(o for o in active if o.reference in replaced)]
    return OrderFacts(
        record=record,
        signing=signing,
        as_of_ms=as_of_ms,
        limits=limits,
        lows=recent_lows(record, as_of_ms),
        weight=read_weight(record, as_of_ms),
        egfr=read_egfr(record, as_of_ms),
        age=age_years(record.birth_date, as_of_ms) if record.birth_date else None,
        previous=same[0] if same else None,
        current=(*(o for o in active if o.reference not in replaced), *signing.others),
    )


def _same_insulin(one: InsulinOrder, other: InsulinOrder) -> bool:
    """The same ingredient and action, so that a new order is taken for a change of the old one."""
    if one.product.ingredient is None or one.product.kind is None:
        return False
    return (one.product.ingredient, one.product.kind) == (other.product.ingredient, other.product.kind)
