"""What two weeks of recorded glucose, insulin and carbohydrate say about the settings of a type 1 therapy.

Sits under the value-of-action model and the rules that adjust settings. Pure arithmetic on five-minute slots,
for one patient or many at once; nothing is imputed: a slot without a reading takes no part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.dosing.therapy import Array, Therapy

SLOTS_PER_H = 12
SLOTS_PER_DAY = 24 * SLOTS_PER_H
# Parts of the day by hour [from, to): basal blocks and meals; dinner runs over midnight.
NIGHT_H = (0, 6)
BLOCKS_H = ((0, 6), (6, 12), (12, 18), (18, 24))
MEALS_H = {"breakfast": (4, 10), "lunch": (10, 15), "dinner": (15, 28)}
MEAL_G, AFTER_MEAL_SLOTS = 20.0, 42  # a meal is at least 20 g; it is watched for 3.5 hours
CORRECTED_MGDL = 150.0  # above, the bolus of a meal is taken to correct glucose too
STEEP_RISE_MGDL_PER_H = 45.0
FEWEST_COVERED = 0.01  # a hundredth of the carbohydrate covered by boluses is as good as none
# 500 and 1700 rules: usual carb ratio and sensitivity for a total daily dose (Walsh et al., JDST 2011;5:129)
CARB_RULE, SENSITIVITY_RULE = 500.0, 1700.0


@dataclass(frozen=True)
class TherapyRecord:
    """What a clinic sees of n patients: (n, slots) of five minutes from local midnight, and the settings in
    force.

    Attributes:
        cgm_mgdl: readings, NaN where there is none.
        basal_u, bolus_u, carbs_g: delivered and entered in each slot.
        therapy: the settings; weight_kg: (n,).
    """

    cgm_mgdl: Array
    basal_u: Array
    bolus_u: Array
    carbs_g: Array
    therapy: Therapy
    weight_kg: Array

    def take(self, index: ArrayLike) -> "TherapyRecord":
        """The records of the patients at these positions."""
        rows = np.asarray(index)
        columns = {
            n: getattr(self, n)[rows] for n in ("cgm_mgdl", "basal_u", "bolus_u", "carbs_g", "weight_kg")
        }
        return TherapyRecord(**columns, therapy=self.therapy.take(rows))


def glucose_shares(glucose_mgdl: Array) -> dict[str, Array]:
    """Percent of readings in the consensus bands and the glycaemia risk index (not capped), (n,) each."""
    seen = np.maximum(np.isfinite(glucose_mgdl).sum(axis=-1), 1)

    def share(mask: NDArray[np.bool_]) -> Array:
        return np.asarray(100.0 * mask.sum(axis=-1) / seen)

    very_low, below = share(glucose_mgdl < 54), share(glucose_mgdl < 70)
    very_high, above = share(glucose_mgdl > 250), share(glucose_mgdl > 180)
    return {
        "tir": share((glucose_mgdl >= 70) & (glucose_mgdl <= 180)),
        "tbr": below,
        "tbr54": very_low,
        "tar": above,
        "tar250": very_high,
        # Klonoff et al., J Diabetes Sci Technol 2023;17:1226
        "gri": 3.0 * very_low + 2.4 * (below - very_low) + 1.6 * very_high + 0.8 * (above - very_high),
    }


def setting_features(record: TherapyRecord) -> dict[str, Array]:
    """All features by name, (n,) each: whole period, blocks of the day, meals, insulin and settings."""
    return {
        **_overall(record.cgm_mgdl),
        **_by_block(record.cgm_mgdl),
        **_overnight(record.cgm_mgdl),
        **_after_meals(record),
        **_unexplained(record),
        **_insulin(record),
    }


def _overall(cgm: Array) -> dict[str, Array]:
    shares = glucose_shares(cgm)
    mean = np.nanmean(cgm, axis=1)
    f = 1.509 * (np.log(cgm) ** 1.084 - 5.381)  # Kovatchev et al., Diabetes Care 2006;29:2433
    return shares | {
        "mean": mean,
        "cv": 100.0 * np.nanstd(cgm, axis=1) / mean,
        "lbgi": np.nanmean(10.0 * np.minimum(f, 0.0) ** 2, axis=1),
        "hbgi": np.nanmean(10.0 * np.maximum(f, 0.0) ** 2, axis=1),
    }


def _by_block(cgm: Array) -> dict[str, Array]:
    by_day = cgm.reshape(len(cgm), -1, SLOTS_PER_DAY)
    found: dict[str, Array] = {}
    for start_h, end_h in BLOCKS_H:
        block = by_day[:, :, start_h * SLOTS_PER_H : end_h * SLOTS_PER_H].reshape(len(cgm), -1)
        shares = glucose_shares(block)
        found[f"mean_{start_h:02d}"] = np.nanmean(block, axis=1)
        found[f"tbr_{start_h:02d}"], found[f"tar_{start_h:02d}"] = shares["tbr"], shares["tar"]
        found[f"tbr54_{start_h:02d}"] = shares["tbr54"]
    return found


def _overnight(cgm: Array) -> dict[str, Array]:
    """Slope from midnight to six and how low the nights go, mean over nights."""
    nights = cgm.reshape(len(cgm), -1, SLOTS_PER_DAY)[:, :, : NIGHT_H[1] * SLOTS_PER_H]
    hour = np.arange(nights.shape[2]) / SLOTS_PER_H
    level = np.nanmean(nights, axis=1)
    slope = np.array(
        [np.polyfit(hour[ok], row[ok], 1)[0] for row, ok in zip(level, np.isfinite(level), strict=True)]
    )
    lowest = np.nanmin(np.where(np.isfinite(nights), nights, np.inf), axis=2)
    usable = np.isfinite(lowest)
    return {
        "night_slope": slope,
        "night_lowest": np.where(usable, lowest, 0.0).sum(axis=1) / np.maximum(usable.sum(axis=1), 1),
    }


@dataclass(frozen=True)
class _Meals:
    """Meals seen well enough: patient and hour of each, glucose before, and what came of it."""

    patient: NDArray[np.int64]
    hour: Array
    before: Array
    rise: Array
    change: Array
    low: Array
    high: Array

    def mean(self, name: str, of: NDArray[np.bool_], n: int) -> Array:
        """Mean of a column over these meals of each of n patients; 0 where there is none."""
        count = np.maximum(np.bincount(self.patient[of], minlength=n), 1)
        return np.asarray(np.bincount(self.patient[of], getattr(self, name)[of], minlength=n) / count)


def _meals(record: TherapyRecord) -> _Meals:
    slots = record.cgm_mgdl.shape[1]
    patient, slot = np.nonzero(record.carbs_g[:, : slots - AFTER_MEAL_SLOTS] >= MEAL_G)
    window = record.cgm_mgdl[patient[:, None], slot[:, None] + np.arange(AFTER_MEAL_SLOTS)]
    readings = np.isfinite(window)
    seen = readings[:, :3].any(axis=1) & readings[:, -6:].any(axis=1)
    patient, slot, window = patient[seen], slot[seen], window[seen]
    before, lowest, highest = (
        np.nanmean(window[:, :3], axis=1),
        np.nanmin(window, axis=1),
        np.nanmax(window, axis=1),
    )
    return _Meals(
        patient=patient,
        hour=slot % SLOTS_PER_DAY / SLOTS_PER_H,
        before=before,
        rise=highest - before,
        change=np.nanmean(window[:, -6:], axis=1) - before,
        low=100.0 * (lowest < 70),
        high=100.0 * (highest > 180),
    )


def _after_meals(record: TherapyRecord) -> dict[str, Array]:
    """Before and after meals, by meal of the day, and by whether the bolus also corrected a high glucose."""
    n, meals = len(record.cgm_mgdl), _meals(record)
    found: dict[str, Array] = {}
    for meal, (start_h, end_h) in MEALS_H.items():
        of = (meals.hour - start_h) % 24 < end_h - start_h
        for name in ("before", "rise", "change", "low", "high"):
            found[f"{meal}_{name}"] = meals.mean(name, of, n)
    corrected = meals.before > CORRECTED_MGDL
    for name in ("change", "low"):
        found[f"corrected_{name}"] = meals.mean(name, corrected, n)
        found[f"uncorrected_{name}"] = meals.mean(name, ~corrected, n)
    every = np.maximum(np.bincount(meals.patient, minlength=n), 1)
    found["corrected_share"] = np.bincount(meals.patient[corrected], minlength=n) / every
    return found


def _unexplained(record: TherapyRecord) -> dict[str, Array]:
    """Steep rises without an entry nearby (missed boluses, uncounted food), and how days differ."""
    cgm = record.cgm_mgdl
    rise = cgm[:, SLOTS_PER_H:] - cgm[:, :-SLOTS_PER_H]
    entered = np.concatenate([np.zeros((len(cgm), 1)), np.cumsum(record.carbs_g, axis=1)], axis=1)
    end = np.arange(SLOTS_PER_H, cgm.shape[1])
    around = entered[:, end + 1] - entered[:, np.maximum(end - 2 * SLOTS_PER_H, 0)]
    by_day = cgm.reshape(len(cgm), -1, SLOTS_PER_DAY)
    readings = np.isfinite(by_day)
    daily = np.full(by_day.shape[:2], np.nan)
    np.divide(np.nansum(by_day, axis=2), readings.sum(axis=2), out=daily, where=readings.any(axis=2))
    return {
        "unexplained_rise": 100.0 * np.mean((rise > STEEP_RISE_MGDL_PER_H) & (around <= 0.0), axis=1),
        "daily_mean_sd": np.nanstd(daily, axis=1),
    }


def _insulin(record: TherapyRecord) -> dict[str, Array]:
    days = record.cgm_mgdl.shape[1] / SLOTS_PER_DAY
    basal_u, bolus_u = record.basal_u.sum(axis=1) / days, record.bolus_u.sum(axis=1) / days
    daily_u = basal_u + bolus_u
    therapy = record.therapy
    carbs_g = np.maximum(record.carbs_g.sum(axis=1), 1.0)
    covered_g = bolus_u * days * therapy.carb_ratio_g_per_u.mean(axis=1)
    return {
        "daily_u_per_kg": daily_u / record.weight_kg,
        "basal_share": basal_u / daily_u,
        "carb_ratio_to_rule": np.log(therapy.carb_ratio_g_per_u.mean(axis=1) * daily_u / CARB_RULE),
        "sensitivity_to_rule": np.log(
            therapy.sensitivity_mgdl_per_u.mean(axis=1) * daily_u / SENSITIVITY_RULE
        ),
        "log_carb_ratio": np.log(therapy.carb_ratio_g_per_u.mean(axis=1)),
        "log_sensitivity": np.log(therapy.sensitivity_mgdl_per_u.mean(axis=1)),
        "carbs_per_day": record.carbs_g.sum(axis=1) / days,
        "bolus_to_carbs": np.log(np.maximum(covered_g / carbs_g, FEWEST_COVERED)),
    }
