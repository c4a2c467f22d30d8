"""What is known around an insulin order about to be signed: the order it replaces, lows, weight, kidneys.

Sits under `models.dosing.order_check`; every rule of the check reads these facts and nothing else.
"""

from dataclasses import dataclass, replace
from typing import Final

from models.assessment import Input, Reason
from models.dosing.basal_order import BASAL_KINDS, daily_dose_before_u, in_force_ms
from models.dosing.dosing_inputs import read_egfr, read_weight
from models.dosing.limits import BasalLimits
from models.dosing.order_dose_in_use import Change, DoseInUse, changes, dose_in_use
from models.dosing.order_overlap import may_coincide, same_insulin
from models.dosing.order_readings import Readings, readings_of_a_day
from models.dosing.population import age_years
from models.dosing.recent_lows import RecentLows, recent_lows
from models.patient_record import WHOLE, InsulinKind, InsulinOrder, PatientRecord

MEALTIME_KINDS: Final = frozenset({InsulinKind.RAPID, InsulinKind.SHORT, InsulinKind.INHALED})


@dataclass(frozen=True, slots=True)
class Signing:
    """An order about to be signed, the other insulin orders signed with it, and what it says it replaces."""

    order: InsulinOrder
    others: tuple[InsulinOrder, ...] = ()
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The facts of one check.

    `replaced` are the active orders that this one changes, newest first; `current` the other insulin orders
    that stay in force beside it. `changes` compare it with the dose in use, none where either is unknown.
    """

    record: PatientRecord
    signing: Signing
    as_of_ms: int
    limits: BasalLimits
    lows: RecentLows
    readings: Readings
    weight: Input | Reason
    egfr: Input | Reason
    age: int | None
    replaced: tuple[InsulinOrder, ...]
    current: tuple[InsulinOrder, ...]
    in_use: DoseInUse | None
    changes: tuple[Change, ...]

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
    def previous(self) -> InsulinOrder | None:
        """The newest of the orders that this one changes."""
        return self.replaced[0] if self.replaced else None

    @property
    def previous_u(self) -> float | None:
        """The daily dose in use; None where none is known."""
        return self.in_use.daily_u if self.in_use else None

    @property
    def orders_known(self) -> bool:
        """Whether the medication orders of the record are all there are."""
        state = self.record.completeness.get("medications")
        return state in WHOLE

    @property
    def raises(self) -> bool:
        """Whether the order starts an insulin or raises its dose; unknown doses count as raised."""
        return not self.changes or any(change.ratio > 1 for change in self.changes)

    @property
    def lowers(self) -> bool:
        """Whether the order lowers the dose."""
        return not self.raises and any(change.ratio < 1 for change in self.changes)

    @property
    def answer_to_lows(self) -> Input | None:
        """How the dose was lowered since the lows, with when and the order that did; None where that is not
        certain: without an earlier order on record, or with a low since.
        """
        low_ms, order = self.lows.newest_counted_ms, self.previous
        if low_ms is None or order is None or order.daily_dose_u is None:
            return None
        since_ms, before_u = in_force_ms(order), daily_dose_before_u(self.record, order)
        if since_ms is None or since_ms <= low_ms or before_u is None or before_u <= order.daily_dose_u:
            return None
        lowered = Change(before_u, order.daily_dose_u, "a day")
        return Input("dose lowered since the low", lowered.text, "", since_ms, order.reference)

    @property
    def change_text(self) -> str:
        """What happens to the dose: `started`, `raised 20 to 24 units a day`, `repeated`, `lowered`."""
        if not self.changes:
            return "started" if self.in_use is None and not self.replaced else "not known to be lower"
        largest = max(self.changes, key=lambda change: change.ratio)
        if largest.ratio == 1 and not self.lowers:
            return "repeated"
        return f"raised {largest.text}" if largest.ratio > 1 else f"lowered {largest.text}"


def order_facts(record: PatientRecord, signing: Signing, as_of_ms: int, limits: BasalLimits) -> OrderFacts:
    """The facts around one order as of an instant."""
    active = tuple(o for o in record.insulin_orders if o.status == "active")
    replaced = _replaced(active, signing)
    current = (*(o for o in active if o not in replaced), *signing.others)
    in_use = dose_in_use(record, replaced or _other_basal(active, signing.order), signing.order, as_of_ms)
    return OrderFacts(
        record=record,
        signing=signing,
        as_of_ms=as_of_ms,
        limits=limits,
        lows=recent_lows(record, as_of_ms),
        readings=readings_of_a_day(record, as_of_ms),
        weight=read_weight(record, as_of_ms),
        egfr=read_egfr(record, as_of_ms),
        age=age_years(record.birth_date, as_of_ms, record.zone) if record.birth_date else None,
        replaced=replaced,
        current=current,
        in_use=in_use,
        changes=tuple(changes(in_use, signing.order)),
    )


def upper_end(order: InsulinOrder) -> InsulinOrder:
    """The order at the upper end of its range of doses; an order with one dose as it is."""
    if order.dose_u is not None or order.dose_range_u is None:
        return order
    highest_u, per_day = order.dose_range_u[1], order.doses_per_day
    daily_u = highest_u * per_day if per_day and not order.as_needed else None
    return replace(order, dose_u=highest_u, daily_dose_u=daily_u)


def _other_basal(active: tuple[InsulinOrder, ...], order: InsulinOrder) -> tuple[InsulinOrder, ...]:
    """The basal orders that a basal insulin new to the patient is most likely switched from."""
    return tuple(o for o in active if {o.product.kind, order.product.kind} <= BASAL_KINDS)


def _replaced(active: tuple[InsulinOrder, ...], signing: Signing) -> tuple[InsulinOrder, ...]:
    """The orders that this one changes: itself, what it says it replaces, else the same insulin."""
    order = signing.order
    stated = [o for o in active if o.reference in {order.reference, signing.replaces}]
    same = [o for o in active if same_insulin(o, order) and may_coincide(o, order)]
    return tuple(stated or same)
