"""The last word on a basal insulin dose: a clamp that knows the limits and nothing of how a dose was made.

It sits between every calculation of a basal dose and its card, and imports none of them (hazards H-01, H-02,
H-05, H-23). It takes a wished dose and the patient's situation, and gives back a dose that is never higher
than allowed, never rounded up, never negative; or no dose at all.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

LimitName = Literal[
    "no_dose_while_low",
    "no_increase_after_low",
    "no_increase_time_below_range",
    "no_increase_before_interval",
    "no_increase_above_ceiling",
    "start",
    "step",
    "ceiling",
    "product_maximum",
    "not_negative",
    "rounded_down",
    "out_of_bounds",
]

PLAUSIBLE_WEIGHT_KG: Final = (20.0, 350.0)
"""Adult weights outside are refused (hazard H-24)."""

HIGHEST_CURRENT_DOSE_U: Final = 300.0
"""A daily basal dose above this is taken for a reading error: it would empty a full 3 mL pen every day."""

_ROUNDING_SLACK: Final = 1e-9
"""Binary fractions: 0.2 units/kg x 45 kg must floor to 9 and not to 8."""


@dataclass(frozen=True, slots=True)
class WeeklyStep:
    """A larger step for a weekly table: up to the lower of the two, once in `interval_days`."""

    units: float
    fraction: float
    interval_days: float


@dataclass(frozen=True, slots=True)
class BasalLimits:
    """Limits on a basal dose; `models.dosing.safety_limits` reads them from a signed file."""

    start_units: float
    start_units_per_kg: float
    step_units: float
    step_fraction: float
    interval_days: float
    ceiling_units_per_kg: float
    weekly_step: WeeklyStep | None


@dataclass(frozen=True, slots=True)
class Situation:
    """What the clamp must know of the patient. `current_dose_u` None means that basal insulin is not in use.

    `low_now`: the current glucose is below 70 mg/dL (3.9 mmol/L). `low_recently`: any below 70 mg/dL in 24 h
    or below 54 mg/dL (3.0 mmol/L) in 7 days. `time_below_over_target`: more than 4 % of CGM time below 70 or
    more than 1 % below 54 mg/dL in 14 days. `increment_u`: what the product can deliver, 1 or 0.5 units.
    `product_max_u`: the daily dose at which the product's other drug is at its highest, None without one.
    """

    current_dose_u: float | None
    weight_kg: float
    days_since_change: float | None
    low_now: bool
    low_recently: bool
    time_below_over_target: bool
    weekly_table: bool
    increment_u: float
    product_max_u: float | None = None


@dataclass(frozen=True, slots=True)
class Clamped:
    """The dose allowed, None for no dose, and the limits that changed it, in the order they did."""

    dose_u: float | None
    limits: tuple[LimitName, ...] = ()


def clamp_basal(wished_u: float, situation: Situation, limits: BasalLimits) -> Clamped:
    """The highest dose allowed that is not above `wished_u`, in units a day; a hold stays as it is."""
    current_u = situation.current_dose_u
    if not _plausible(wished_u, situation):
        return Clamped(None, ("out_of_bounds",))
    if situation.low_now:
        return Clamped(None, ("no_dose_while_low",))
    if current_u is None:
        return _clamp_start(wished_u, situation, limits)
    if wished_u > current_u:
        return _clamp_increase(wished_u, current_u, situation, limits)
    if wished_u < current_u:
        return _deliverable(wished_u, situation.increment_u)
    return Clamped(current_u)


def _clamp_start(wished_u: float, situation: Situation, limits: BasalLimits) -> Clamped:
    after_low = _after_low(situation)
    if after_low:
        return Clamped(None, (after_low,))
    highest_u = min(limits.start_units, limits.start_units_per_kg * situation.weight_kg)
    return _at_most(highest_u, "start", wished_u, situation.increment_u)


def _clamp_increase(wished_u: float, current_u: float, situation: Situation, limits: BasalLimits) -> Clamped:
    stop = _after_low(situation) or _too_soon_or_too_high(current_u, situation, limits)
    if stop:
        return Clamped(current_u, (stop,))
    highest_u, name = min(_upper_bounds(current_u, situation, limits), key=lambda bound: bound[0])
    raised = _at_most(highest_u, name, wished_u, situation.increment_u)
    return Clamped(max(current_u, raised.dose_u or 0.0), raised.limits)


def _upper_bounds(
    current_u: float, situation: Situation, limits: BasalLimits
) -> tuple[tuple[float, LimitName], ...]:
    """Each bound on a raised dose with its name; of equal ones the first is named."""
    maximum_u = math.inf if situation.product_max_u is None else situation.product_max_u
    return (
        (current_u + _allowed_step_u(current_u, situation, limits), "step"),
        (limits.ceiling_units_per_kg * situation.weight_kg, "ceiling"),
        (maximum_u, "product_maximum"),
    )


def _after_low(situation: Situation) -> LimitName | None:
    if situation.low_recently:
        return "no_increase_after_low"
    return "no_increase_time_below_range" if situation.time_below_over_target else None


def _too_soon_or_too_high(current_u: float, situation: Situation, limits: BasalLimits) -> LimitName | None:
    if not _waited(situation.days_since_change, limits.interval_days):
        return "no_increase_before_interval"
    if current_u > limits.ceiling_units_per_kg * situation.weight_kg:
        return "no_increase_above_ceiling"
    return None


def _waited(days: float | None, interval_days: float) -> bool:
    """Whether the interval has passed; unknown, or not a number, has not."""
    return days is not None and days >= interval_days


def _allowed_step_u(current_u: float, situation: Situation, limits: BasalLimits) -> float:
    """The greater of the fixed and the relative step; a weekly table may be allowed more."""
    allowed_u = max(limits.step_units, limits.step_fraction * current_u)
    weekly = limits.weekly_step
    if weekly and situation.weekly_table and _waited(situation.days_since_change, weekly.interval_days):
        return max(allowed_u, min(weekly.units, weekly.fraction * current_u))
    return allowed_u


def _at_most(highest_u: float, name: LimitName, wished_u: float, increment_u: float) -> Clamped:
    if wished_u <= highest_u:
        return _deliverable(wished_u, increment_u)
    lowered = _deliverable(highest_u, increment_u)
    return Clamped(lowered.dose_u, (name, *lowered.limits))


def _deliverable(dose_u: float, increment_u: float) -> Clamped:
    """A dose brought down to what the product can deliver, and to zero where it is negative (H-23)."""
    if dose_u < 0:
        return Clamped(0.0, ("not_negative",))
    rounded_u = math.floor(dose_u / increment_u + _ROUNDING_SLACK) * increment_u
    return Clamped(rounded_u, ("rounded_down",) if dose_u - rounded_u > _ROUNDING_SLACK else ())


def _plausible(wished_u: float, situation: Situation) -> bool:
    low_kg, high_kg = PLAUSIBLE_WEIGHT_KG
    current_u = situation.current_dose_u
    return (
        math.isfinite(wished_u)
        and low_kg <= situation.weight_kg <= high_kg
        and (current_u is None or 0 < current_u <= HIGHEST_CURRENT_DOSE_U)
        and situation.increment_u in (0.5, 1.0)
    )
