"""What an action would do to the glucose expected: carbohydrate now, or less basal insulin for a while.

Sits on the served forecast and on the effect curves of `models.dosing`, which it adds up with the patient's
own settings. Never an edited feature, never more insulin; without the settings nothing is simulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np

from models import signals
from models.assessment import Assessment, Input, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.dosing.carb_absorption import CarbEntry, absorbed_g
from models.dosing.dynamic_carb_absorption import AbsorptionRules
from models.dosing.insulin_doses import MS_PER_MIN, InsulinDoses
from models.dosing.insulin_effect import insulin_effect_mgdl
from models.dosing.pump_basal import AUTOMATED, basal_rate_now
from models.dosing.recorded_settings import setting_on_record
from models.dosing.schedule import Array, Instants, constant
from models.dosing.uncounted_insulin import uncounted_insulin
from models.patient_record import Completeness, PatientRecord
from models.risk.glucose_forecast import GlucoseForecast
from models.risk.glucose_forecast_features import SENSOR_RANGE_MGDL
from models.risk.recorded_terms import Entries, insulin_on_board_u

MODEL: Final = "action_outlook"
VERSION: Final = "1.1.0"

FAST_MIN: Final = 30.0
MEAL_MIN: Final = 180.0
"""Absorption times of fast and of ordinary carbohydrate (LoopKit/Loop, LoopCoreConstants)."""

RULES: Final = AbsorptionRules()
"""LoopAlgorithm's: what nobody has seen absorbing yet is expected to take half as long again."""

RISE_MGDL_PER_G: Final = (1.0, 15.0)
"""What one gram can do in an adult. Above: 1 g in the plasma glucose space (1.5 to 1.9 dL/kg, Dalla Man 2007,
IEEE Trans Biomed Eng 54:1740) of somebody of 40 kg. Below: our judgement, half of what is ever prescribed."""

MOST_ACTING_U: Final = 0.5
"""More bolus insulin that is yet to act may take away what an action gives (our judgement)."""

READ_AS: Final = ("insulin", "diary")
"""Keys of the data needs under which boluses come."""

NOT_WHOLE: Final = frozenset({Completeness.PARTIAL, Completeness.FAILED})
"""Where nobody is asked for insulin, the forecast stands alone; an answer that broke off may hide a bolus."""

MIN_PER_H: Final = 60.0
MIDDLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Carbohydrate:
    """Fast carbohydrate (glucose, juice) eaten now; ValueError below zero and where it is no amount."""

    grams: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.grams < inf:
            raise ValueError("carbohydrate is eaten or not")


@dataclass(frozen=True, slots=True)
class LessBasal:
    """A pump's basal rate lowered from now on for some minutes; ValueError where that is not less."""

    by_percent: float
    for_min: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.by_percent <= 100.0 and 0.0 <= self.for_min < inf):
            raise ValueError("a basal rate can be lowered by up to 100 percent, for a while to come")


Action = Carbohydrate | LessBasal


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """The patient's own settings as of `as_of_ms`, each with its age and source, or why it is not known."""

    carb_ratio: Input | Reason
    sensitivity: Input | Reason
    basal: Input | Reason
    as_of_ms: int
    acting: Reason | None = None
    """Why nothing is computed while a bolus acts that the forecast does not know; None without one."""

    def needed(self, action: Action) -> tuple[Input | Reason, Input | Reason]:
        """What this action is simulated with: the carb ratio or the basal rate, and the sensitivity."""
        return (self.carb_ratio if isinstance(action, Carbohydrate) else self.basal), self.sensitivity

    @property
    def automated(self) -> bool:
        """Whether a system, not a programme, sets the basal rate, as far as deliveries on record tell."""
        return isinstance(self.basal, Reason) and self.basal.about == AUTOMATED

    @property
    def not_believed(self) -> Reason | None:
        """That a ratio and a sensitivity on record cannot be one adult's; None where one is unknown."""
        if isinstance(self.carb_ratio, Reason) or isinstance(self.sensitivity, Reason):
            return None
        low, high = RISE_MGDL_PER_G
        if low <= float(self.sensitivity.value) / float(self.carb_ratio.value) <= high:
            return None
        text = "The carb ratio and the insulin sensitivity on record do not fit together in an adult."
        return Reason(ReasonCode.IMPLAUSIBLE, "carb_ratio", text)


@dataclass(frozen=True, slots=True)
class ActionOutlook:
    """The forecast as it is, and with the action."""

    action: Action
    without: GlucoseForecast
    with_action: GlucoseForecast


def own_settings(record: PatientRecord, as_of_ms: int) -> OwnSettings:
    """The settings on record; never a usual value in place of one."""
    ratio, sensitivity = (
        setting_on_record(record, signal, as_of_ms)
        for signal in (signals.CARB_RATIO, signals.INSULIN_SENSITIVITY)
    )
    basal, acting = basal_rate_now(record, as_of_ms), _still_acting(record, as_of_ms)
    return OwnSettings(ratio, sensitivity, basal, as_of_ms, acting)


def _still_acting(record: PatientRecord, as_of_ms: int) -> Reason | None:
    read = {record.completeness.get(key) for key in READ_AS}
    if uncounted_insulin(record, as_of_ms) or not read.isdisjoint(NOT_WHOLE):
        text = "Insulin given could not all be read or counted, and may still act."
        return Reason(ReasonCode.INCOMPLETE, signals.INSULIN_BOLUS, text)
    boluses = record.series.get(signals.INSULIN_BOLUS)
    if boluses is None:
        return None
    acting_u = float(insulin_on_board_u(Entries.of(boluses), np.array([as_of_ms]))[0])
    if acting_u < MOST_ACTING_U:
        return None
    text = f"Bolus insulin is still acting ({acting_u:.1f} units), and the forecast does not know it."
    return Reason(ReasonCode.UNSAFE, signals.INSULIN_BOLUS, text)


def assess(
    forecast: Assessment[GlucoseForecast] | NotAssessed, settings: OwnSettings, action: Action
) -> Assessment[ActionOutlook] | NotAssessed:
    """The forecast with the action, or every reason why it cannot be computed."""
    needed = settings.needed(action)
    known = tuple(found for found in needed if isinstance(found, Input))
    missing = (found for found in needed if isinstance(found, Reason))
    reasons = (*missing, *(why for why in (settings.not_believed, settings.acting) if why))
    if isinstance(forecast, NotAssessed) or reasons:
        before = forecast.reasons if isinstance(forecast, NotAssessed) else ()
        return NotAssessed(MODEL, VERSION, settings.as_of_ms, (*before, *reasons))
    rise = _rise(action, known, settings.as_of_ms, _instants(forecast.result))
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=settings.as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE,
        result=ActionOutlook(action, forecast.result, _raised(forecast.result, rise)),
        limits=forecast.limits,
        inputs=(*forecast.inputs, *known),
    )


def lowest(forecast: GlucoseForecast, within_min: int) -> Interval:
    """The lowest point of the expected curve up to a horizon, and of both edges of its 90 % interval, mg/dL.

    The lower edge is that of single readings: the lowest of all readings to come may lie below it more often
    than one time in twenty.
    """
    stated = [forecast.within(minutes) for minutes in forecast.horizons_min if minutes <= within_min]
    return Interval(*(min(getattr(point, edge) for point in stated) for edge in ("value", "low", "high")))


def carbohydrate_rise_mgdl(entry: CarbEntry, rise_mgdl_per_g: float, at_ms: Instants) -> Array:
    """Rise of glucose by each instant from carbohydrate that nobody has seen absorbing, mg/dL, (len(at_ms),).

    LoopKit/LoopAlgorithm, CarbMath and CarbStatus (MIT).
    """
    slowed = CarbEntry(entry.at_ms, entry.grams, entry.absorption_min * RULES.initial_overrun)
    return rise_mgdl_per_g * absorbed_g(slowed, at_ms, RULES.curve, RULES.delay_min)


def less_basal_rise_mgdl(withheld: InsulinDoses, sensitivity_mgdl_per_u: float, at_ms: Instants) -> Array:
    """Rise of glucose by each instant from rapid-acting insulin not given (units below zero), mg/dL,
    (len(at_ms),).

    LoopKit/LoopAlgorithm, InsulinMath (MIT), of a dose relative to the schedule.
    """
    return insulin_effect_mgdl(withheld, constant(sensitivity_mgdl_per_u), at_ms)


@dataclass(frozen=True, slots=True)
class _Rise:
    """What an action adds at each horizon, mg/dL float64[h]: `least` to the lower edges, else `expected`."""

    least: Array
    expected: Array


def _rise(action: Action, known: Sequence[Input], as_of_ms: int, at_ms: Instants) -> _Rise:
    setting, sensitivity_mgdl_per_u = (float(found.value) for found in known)
    if isinstance(action, LessBasal):
        units = -setting * action.by_percent / 100.0 * action.for_min / MIN_PER_H
        end_ms = as_of_ms + round(action.for_min * MS_PER_MIN)
        withheld = InsulinDoses(np.array([as_of_ms]), np.array([end_ms]), np.array([units]))
        rise = less_basal_rise_mgdl(withheld, sensitivity_mgdl_per_u, at_ms)
        return _Rise(rise, rise)
    slow, fast = (
        carbohydrate_rise_mgdl(CarbEntry(as_of_ms, action.grams, m), sensitivity_mgdl_per_u / setting, at_ms)
        for m in (MEAL_MIN, FAST_MIN)
    )
    return _Rise(slow, fast)


def _raised(forecast: GlucoseForecast, rise: _Rise) -> GlucoseForecast:
    """The forecast with the rise, held within what a sensor shows; its order of quantiles stays."""

    def held(curve: Sequence[float], added: Array) -> tuple[float, ...]:
        return tuple(np.clip(np.array(curve) + added, *SENSOR_RANGE_MGDL).tolist())

    quantiles = {
        level: held(curve, rise.least if level < MIDDLE else rise.expected)
        for level, curve in forecast.quantiles_mgdl.items()
    }
    return replace(
        forecast, expected_mgdl=held(forecast.expected_mgdl, rise.expected), quantiles_mgdl=quantiles
    )


def _instants(forecast: GlucoseForecast) -> Instants:
    return forecast.asked_at_ms + np.array(forecast.horizons_min, np.int64) * MS_PER_MIN
