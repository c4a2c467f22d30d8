"""A mealtime dose computed again from the record, to hold the drafted one against it; never to propose one.

Sits under the order check. Food and correction as in the bolus manual of Medtronic's pumps: insulin on board
takes from the correction and never from the food; below target the correction is negative and insulin on
board is left out. What the record does not hold, or holds only in an old version, is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.dosing.glucose_momentum import momentum_mgdl_per_min
from models.dosing.insulin_doses import InsulinDoses
from models.dosing.insulin_on_board import (
    AFREZZA,
    FIASP,
    LYUMJEV,
    RAPID_ADULT,
    InsulinCurve,
    insulin_on_board_u,
)
from models.dosing.recorded_settings import SETTINGS, setting_on_record
from models.dosing.uncounted_insulin import uncounted_insulin
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import Completeness, InsulinKind, InsulinProduct, PatientRecord
from models.time_series import TimeSeries

CGM_MIN: Final = 15
METER_MIN: Final = 30
CARBS_MIN: Final = 30
"""Greatest ages for a dose now (hazard H-07: sensor 15 minutes); the other two are our judgement."""

TREND_MIN: Final = 15
FALLING_MGDL_PER_MIN: Final = -2.0
"""Falling fast: the down arrow of sensors (Aleppo 2017, J Endocr Soc 1:1445)."""

BRAND_CURVES: Final[Mapping[str, InsulinCurve]] = {"fiasp": FIASP, "lyumjev": LYUMJEV, "afrezza": AFREZZA}


@dataclass(frozen=True, slots=True)
class BolusInputs:
    """Everything a mealtime dose follows from; `falling` when the sensor's trend is steeply down."""

    carb_ratio: Input
    sensitivity: Input
    target: Input
    carbs: Input
    glucose: Input
    on_board: Input
    falling: bool

    @property
    def on_board_u(self) -> float:
        """Units that still act."""
        return float(self.on_board.value)

    @property
    def evidence(self) -> tuple[Input, ...]:
        """The values with their times and sources, for the card."""
        return (self.carbs, self.carb_ratio, self.glucose, self.target, self.sensitivity, self.on_board)


@dataclass(frozen=True, slots=True)
class RecomputedBolus:
    """The parts of a dose in units: food, correction after insulin on board (negative below target), sum."""

    food_u: float
    correction_u: float

    @property
    def total_u(self) -> float:
        """Never below zero."""
        return max(0.0, self.food_u + self.correction_u)


def recompute(inputs: BolusInputs) -> RecomputedBolus:
    """Units for the carbohydrates, and for glucose beside the target."""
    above_mgdl = float(inputs.glucose.value) - float(inputs.target.value)
    correction_u = above_mgdl / float(inputs.sensitivity.value)
    if above_mgdl > 0:
        correction_u = max(0.0, correction_u - inputs.on_board_u)
    return RecomputedBolus(float(inputs.carbs.value) / float(inputs.carb_ratio.value), correction_u)


def read_bolus_inputs(
    record: PatientRecord, product: InsulinProduct, as_of_ms: int
) -> BolusInputs | tuple[Reason, ...]:
    """The inputs as of an instant, or every one that is missing, stale or not to be believed."""
    ratio, sensitivity, target = (setting_on_record(record, signal, as_of_ms) for signal in SETTINGS)
    carbs, glucose = _carbs(record, as_of_ms), _glucose(record, as_of_ms)
    on_board = _on_board(record, product, as_of_ms)
    found = (ratio, sensitivity, target, carbs, glucose, on_board)
    reasons = tuple(f for f in found if isinstance(f, Reason))
    if reasons:
        return reasons
    falling = _falling(record, as_of_ms)
    ratio, sensitivity, target, carbs, glucose, on_board = (f for f in found if isinstance(f, Input))
    return BolusInputs(ratio, sensitivity, target, carbs, glucose, on_board, falling)


def carbs_now(record: PatientRecord, as_of_ms: int) -> TimeSeries | None:
    """The carbohydrates recorded in the last half hour, None without any."""
    series = record.series.get(signals.CARBS)
    return _last(series, CARBS_MIN, as_of_ms)


def _last(series: TimeSeries | None, minutes: int, as_of_ms: int) -> TimeSeries | None:
    """The samples at most this many minutes old, None without any."""
    recent = series.between(as_of_ms - minutes * MINUTE_MS - 1, as_of_ms) if series is not None else None
    return recent if recent is not None and len(recent) else None


def _carbs(record: PatientRecord, as_of_ms: int) -> Input | Reason:
    recent = carbs_now(record, as_of_ms)
    if recent is None:
        text = f"No carbohydrates of the last {CARBS_MIN} minutes are on record."
        return Reason(ReasonCode.MISSING, signals.CARBS, text)
    bolus = record.series.get(signals.INSULIN_BOLUS)
    if bolus is not None and len(bolus.between(int(recent.at_ms[0]) - 1, as_of_ms)):
        text = "Insulin was given since these carbohydrates were recorded; what it covers is not known."
        return Reason(ReasonCode.CONFLICT, signals.CARBS, text)
    total_g, at_ms = float(recent.value.sum()), int(recent.at_ms[-1])
    return Input("carbohydrates", total_g, "g", at_ms, recent.references[recent.reference[-1]])


def _glucose(record: PatientRecord, as_of_ms: int) -> Input | Reason:
    """The newest glucose that is fresh enough to dose on; beyond a sensor's range it is no number."""
    fresh = []
    for signal, minutes in ((signals.GLUCOSE_CGM, CGM_MIN), (signals.GLUCOSE_SMBG, METER_MIN)):
        recent = _last(record.series.get(signal), minutes, as_of_ms)
        if recent is not None:
            fresh.append(recent.take(np.array([len(recent) - 1])))
    if not fresh:
        text = f"No sensor glucose of the last {CGM_MIN}, or meter glucose of the last {METER_MIN} minutes."
        return Reason(ReasonCode.STALE, "glucose", text)
    newest = max(fresh, key=lambda series: int(series.at_ms[0]))
    if newest.censored[0]:
        return Reason(ReasonCode.IMPLAUSIBLE, "glucose", "Glucose is beyond what the device measures.")
    reference = newest.references[newest.reference[0]]
    return Input(newest.signal, float(newest.value[0]), newest.unit, int(newest.at_ms[0]), reference)


def _on_board(record: PatientRecord, product: InsulinProduct, as_of_ms: int) -> Input | Reason:
    """Units of mealtime insulin that still act; unknown where not every dose given is on record."""
    bolus = record.series.get(signals.INSULIN_BOLUS)
    complete = record.completeness.get("insulin") is Completeness.COMPLETE
    if not complete or uncounted_insulin(record, as_of_ms) or bolus is None or not len(bolus):
        text = "Insulin given is not, or not fully, on record: what still acts is not known."
        return Reason(ReasonCode.MISSING, "insulin_given", text)
    if product.kind is not InsulinKind.RAPID:
        text = "How long this insulin acts is not known well enough to compute what still acts."
        return Reason(ReasonCode.OUT_OF_POPULATION, "insulin_product", text)
    curve = BRAND_CURVES.get(product.brand or "", RAPID_ADULT)
    recent = bolus.between(as_of_ms - DAY_MS, as_of_ms)
    doses = InsulinDoses(recent.at_ms, recent.until_ms, recent.value)
    return Input("insulin on board", float(insulin_on_board_u(doses, as_of_ms, curve)), "units", None)


def _falling(record: PatientRecord, as_of_ms: int) -> bool:
    cgm = record.series.get(signals.GLUCOSE_CGM)
    if cgm is None:
        return False
    slope = momentum_mgdl_per_min(cgm.between(as_of_ms - TREND_MIN * MINUTE_MS, as_of_ms))
    return slope is not None and slope <= FALLING_MGDL_PER_MIN


def unknown_inputs(reasons: tuple[Reason, ...]) -> Iterator[Reason]:
    """One reason that names every input the dose could not be computed from."""
    said = " ".join(reason.text for reason in reasons)
    yield Reason(ReasonCode.INCOMPLETE, "bolus_inputs", f"The dose was not computed again. {said}")
