"""The dose that an insulin order changes: from the orders it replaces, else from the insulin given.

Sits under the facts of the order check. What nobody ordered and nobody recorded is no dose, and no zero.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input
from models.dosing.basal_order import BASAL_KINDS
from models.dosing.dose_format import stated_units_text
from models.dosing.order_overlap import is_split, same_insulin
from models.features.sampling import DAY_MS
from models.patient_record import InsulinOrder, PatientRecord
from models.time_series import TimeSeries

GIVEN_DAYS: Final = 7
FEWEST_GIVEN: Final = 3
"""Administrations that make a habit; fewer may be a single correction (our judgement)."""


@dataclass(frozen=True, slots=True)
class DoseInUse:
    """Units a day and units of one dose, None where they are not fixed, and where they come from.

    `ordered`: from orders in force, else from the doses given.
    """

    daily_u: float | None
    single_u: float | None
    source: Input
    ordered: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A dose before and after, of a day or of one time (`per`)."""

    before_u: float
    after_u: float
    per: str

    @property
    def ratio(self) -> float:
        """After over before."""
        return self.after_u / self.before_u

    @property
    def after_text(self) -> str:
        """`40 units a day`."""
        return f"{stated_units_text(self.after_u)} {self.per}"

    @property
    def text(self) -> str:
        """`20 to 40 units a day`."""
        return f"{self.before_u:.4g} to {self.after_text}"


def dose_text(daily_u: float | None, single_u: float | None) -> str:
    """The dose of a day where it is fixed, else the single dose: `20 units a day`, `4 units a dose`."""
    if daily_u is not None:
        return f"{stated_units_text(daily_u)} a day"
    return "dose not fixed" if single_u is None else f"{stated_units_text(single_u)} a dose"


def dose_in_use(
    record: PatientRecord, before: Sequence[InsulinOrder], order: InsulinOrder, as_of_ms: int
) -> DoseInUse | None:
    """The dose of the orders before (added up where they are split over the day), else what was given."""
    if before:
        return _ordered(before if is_split(before) else before[:1])
    basal = order.product.kind in BASAL_KINDS
    given = record.series.get(signals.INSULIN_BASAL if basal else signals.INSULIN_BOLUS)
    if given is None or order.product.kind is None:
        return None
    recent = given.between(as_of_ms - GIVEN_DAYS * DAY_MS, as_of_ms)
    points = recent.take((recent.until_ms == recent.at_ms) & (recent.value > 0))
    return _given(points, basal, as_of_ms) if len(points) >= FEWEST_GIVEN else None


def dose_last_ordered(record: PatientRecord, order: InsulinOrder) -> DoseInUse | None:
    """The dose of the newest ended order of the same insulin: no dose in use, but one to compare with."""
    past = [o for o in record.past_insulin_orders if same_insulin(o, order)]
    return _ordered([max(past, key=lambda o: o.authored_ms or 0)]) if past else None


def changes(in_use: DoseInUse | None, order: InsulinOrder) -> Iterator[Change]:
    """What the order changes: the dose of a day, and for mealtime insulin or without it the single dose."""
    if in_use is None:
        return
    daily = _change(in_use.daily_u, order.daily_dose_u, "a day")
    single = _change(in_use.single_u, order.dose_u, "a dose")
    yield from daily
    if not daily or order.product.kind not in BASAL_KINDS:
        yield from single


def _change(before_u: float | None, after_u: float | None, per: str) -> tuple[Change, ...]:
    return (Change(before_u, after_u, per),) if before_u and after_u else ()


def _ordered(orders: Sequence[InsulinOrder]) -> DoseInUse | None:
    daily = [order.daily_dose_u for order in orders]
    known = [dose_u for dose_u in daily if dose_u is not None]
    daily_u = sum(known) if len(known) == len(daily) else None
    single_u = max((o.dose_u for o in orders if o.dose_u is not None), default=None)
    if daily_u is None and single_u is None:
        return None
    written = [at for o in orders for at in (o.authored_ms, o.start_ms) if at is not None]
    names, newest_ms = ", ".join(o.reference for o in orders), max(written, default=None)
    source = _source("dose ordered", daily_u, single_u, newest_ms, names)
    return DoseInUse(daily_u, single_u, source, ordered=True)


def _given(points: TimeSeries, basal: bool, as_of_ms: int) -> DoseInUse:
    """The median dose, and for basal insulin the median of the days on which some was given."""
    days = (as_of_ms - points.at_ms) // DAY_MS
    totals = [points.value[days == day].sum() for day in np.unique(days)]
    daily_u = float(np.median(totals)) if basal else None
    single_u = float(np.median(points.value))
    name = f"median of {len(points)} doses given"
    return DoseInUse(daily_u, single_u, _source(name, daily_u, single_u, points.newest_ms, ""), ordered=False)


def _source(
    name: str, daily_u: float | None, single_u: float | None, at_ms: int | None, reference: str
) -> Input:
    return Input(name, dose_text(daily_u, single_u), "", at_ms, reference)
