"""The settings that a person lives by, read from what was delivered and entered; pumps send no settings.

Sits between recorded days and the setting features: basal by hour from deliveries, carb ratios from boluses
that corrected nothing, sensitivity from those that did. What the records do not show there is not.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason, ReasonCode
from models.dosing.insulin_on_board import RAPID_ADULT, remaining_fraction
from models.dosing.recorded_days import SLOT_MIN, SLOTS_PER_DAY, SLOTS_PER_H, RecordedDays
from models.dosing.replay import joined_up
from models.dosing.schedule import Array
from models.dosing.setting_features import CORRECTED_MGDL, MEAL_G, MEALS_H
from models.dosing.therapy import HOURS, Therapy

# Two days have the same basal programme when most hours agree within a tenth (our judgement: a temporary rate
# of some hours is no new programme, and an automated system changes nearly every hour).
SAME_FRACTION, SAME_U, SAME_HOURS_SHARE = 0.10, 0.03, 0.8
AUTOMATED_DAYS_SHARE: Final = 0.5
CADENCE_DAYS: Final = 7
"""Settings are looked at again no sooner than a week after a change (safety specification, 9.4)."""

RECORDED_HOURS_SHARE: Final = 0.9
RECORDED_DAYS_SHARE: Final = 0.75
BOLUS_WITHIN_SLOTS: Final = 3
UNCORRECTED_MGDL: Final = (100.0, CORRECTED_MGDL)
"""A bolus calculator neither adds nor takes away between these (bolus calculator conventions)."""

FEWEST_BOLUSES_OF_A_MEAL, FEWEST_BOLUSES, FEWEST_PAIRS = 3, 3, 3
FURTHER_APART_MGDL: Final = 15.0
"""Between two corrections that are compared; closer ones tell more of rounding than of the setting."""

SMALLEST_CORRECTION_U: Final = 0.1
WIDEST_SLOPES: Final = 2.0
"""Upper over lower quartile of the slopes between corrections, above which they follow no one sensitivity."""


@dataclass(frozen=True)
class MealBoluses:
    """Entries of at least 20 g with their bolus and the glucose before, (n,) each."""

    slot: NDArray[np.int64]
    grams: Array
    bolus_u: Array
    before_mgdl: Array
    on_board_u: Array

    @property
    def hour(self) -> NDArray[np.int64]:
        """Hour of the local day, (n,)."""
        return np.asarray(self.slot % SLOTS_PER_DAY // SLOTS_PER_H)


def days_of_one_programme(days: RecordedDays) -> RecordedDays | Reason:
    """The days since basal was last changed, or why settings cannot be read from these days."""
    for column, name in ((days.bolus_u, "boluses"), (days.carbs_g, "carbohydrate entries")):
        seen = int((column.reshape(days.days, -1) > 0.0).any(axis=1).sum())
        if seen < RECORDED_DAYS_SHARE * days.days:
            some = f"There are {name} on {seen} of {days.days} days; days without are taken for unrecorded."
            text = some if seen else f"No {name} are on record for the last two weeks."
            return Reason(ReasonCode.INCOMPLETE if seen else ReasonCode.MISSING, name.split()[0], text)
    hourly = days.basal_u.reshape(days.days, HOURS, SLOTS_PER_H).sum(axis=2)
    if (hourly > 0.0).mean() < RECORDED_HOURS_SHARE:
        text = "Basal insulin is on record for too few hours to know how much was given."
        return Reason(ReasonCode.INCOMPLETE, "basal", text)
    changed = _changed(hourly)
    if changed.mean() > AUTOMATED_DAYS_SHARE:
        text = (
            "Basal delivery differs from day to day, as under automated delivery, where settings mean less."
        )
        return Reason(ReasonCode.OUT_OF_POPULATION, "automated_delivery", text)
    since = int(np.flatnonzero(changed)[-1]) + 1 if changed.any() else 0
    if days.days - since < CADENCE_DAYS:
        text = f"Basal insulin was changed {days.days - since} days ago, and is judged after {CADENCE_DAYS}."
        return Reason(ReasonCode.STALE, "changed_lately", text)
    return _from(days, since)


def therapy_in_use(days: RecordedDays) -> Therapy | Reason:
    """The settings of one patient as used, (1, 24) each, or which of them the records do not show."""
    meals = meal_boluses(days)
    ratio = _carb_ratio(meals)
    if isinstance(ratio, Reason):
        return ratio
    sensitivity = _sensitivity(meals, ratio)
    if isinstance(sensitivity, Reason):
        return sensitivity
    basal = np.median(days.basal_u.reshape(days.days, HOURS, SLOTS_PER_H).sum(axis=2), axis=0)
    return Therapy(basal[None], ratio[None], np.full((1, HOURS), sensitivity))


def meal_boluses(days: RecordedDays) -> MealBoluses:
    """Every meal with a bolus within a quarter of an hour and a reading in the quarter hour before."""
    around = np.ones(2 * BOLUS_WITHIN_SLOTS + 1)
    bolus_u = np.convolve(days.bolus_u, around)[BOLUS_WITHIN_SLOTS:-BOLUS_WITHIN_SLOTS]
    grams = np.convolve(days.carbs_g, around)[BOLUS_WITHIN_SLOTS:-BOLUS_WITHIN_SLOTS]
    glucose = joined_up(days.cgm_mgdl)
    used = (days.carbs_g >= MEAL_G) & (bolus_u > 0.0) & np.isfinite(glucose)
    slot = np.flatnonzero(used)
    kernel = remaining_fraction(np.arange(0.0, RAPID_ADULT.end_min + SLOT_MIN, SLOT_MIN), RAPID_ADULT)
    kernel[: BOLUS_WITHIN_SLOTS + 1] = 0.0  # the bolus of the meal itself
    on_board = np.convolve(days.bolus_u, kernel)[: days.bolus_u.size]
    return MealBoluses(slot, grams[slot], bolus_u[slot], glucose[slot], on_board[slot])


def _changed(hourly_u: Array) -> NDArray[np.bool_]:
    """Whether each day's basal differs from that of the day before, (days - 1,)."""
    before, after = hourly_u[:-1], hourly_u[1:]
    near = np.maximum(SAME_FRACTION * before, SAME_U)
    same: NDArray[np.bool_] = (np.abs(after - before) <= near).mean(axis=1) >= SAME_HOURS_SHARE
    return ~same


def _from(days: RecordedDays, since: int) -> RecordedDays:
    names = ("cgm_mgdl", "basal_u", "bolus_u", "carbs_g")
    later = {name: getattr(days, name)[since * SLOTS_PER_DAY :] for name in names}
    return replace(days, first_day=days.first_day + since, **later)


def _carb_ratio(meals: MealBoluses) -> Array | Reason:
    """Grams for each unit by hour, (24,): by meal of the day where enough boluses corrected nothing."""
    low, high = UNCORRECTED_MGDL
    plain = (meals.before_mgdl >= low) & (meals.before_mgdl <= high)
    if plain.sum() < FEWEST_BOLUSES:
        text = "Too few boluses covered a meal alone to tell the carb ratio in use."
        return Reason(ReasonCode.SPARSE, "carb_ratio", text)
    each = meals.grams / meals.bolus_u
    ratio = np.full(HOURS, float(np.median(each[plain])))
    for start, end in MEALS_H.values():
        of = plain & ((meals.hour - start) % HOURS < end - start)
        if of.sum() >= FEWEST_BOLUSES_OF_A_MEAL:
            ratio[np.arange(start, end) % HOURS] = np.median(each[of])
    return ratio


def _sensitivity(meals: MealBoluses, ratio: Array) -> float | Reason:
    """Fall per unit that boluses aimed at: how glucose before a meal goes with the insulin beside the food.

    Above the range active insulin was taken off the correction, below it insulin was taken off the food, as
    bolus calculators do; their targets drop out.
    """
    beside_u, low = meals.bolus_u - meals.grams / ratio[meals.hour], UNCORRECTED_MGDL[0]
    above = (meals.before_mgdl > CORRECTED_MGDL) & (beside_u > SMALLEST_CORRECTION_U)
    below = (meals.before_mgdl < low) & (beside_u < -SMALLEST_CORRECTION_U)
    per_mgdl = np.concatenate(
        [
            _slopes(meals.before_mgdl[above], (beside_u + meals.on_board_u)[above]),
            _slopes(meals.before_mgdl[below], beside_u[below]),
        ]
    )
    if per_mgdl.size < FEWEST_PAIRS:
        text = "Too few boluses corrected glucose to tell the sensitivity in use."
        return Reason(ReasonCode.SPARSE, "sensitivity", text)
    first, middle, third = np.quantile(per_mgdl, [0.25, 0.5, 0.75])
    if first <= 0.0 or third > WIDEST_SLOPES * first:
        text = "Corrections on record follow no one sensitivity, so the sensitivity in use is not known."
        return Reason(ReasonCode.SPARSE, "sensitivity", text)
    return float(1.0 / middle)


def _slopes(before_mgdl: Array, meant_u: Array) -> Array:
    """Units for each mg/dL between all pairs of boluses whose glucose differs enough."""
    first, second = np.triu_indices(meant_u.size, 1)
    apart = before_mgdl[first] - before_mgdl[second]
    enough = np.abs(apart) > FURTHER_APART_MGDL
    return np.asarray((meant_u[first] - meant_u[second])[enough] / apart[enough])
