"""Signs that more basal insulin is not what is missing: overbasalisation.

Sits beside basal titration, which stops raising where a sign is present. Signs as listed in the ADA Standards
of Care, section 9; the thresholds that it leaves open are named here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import signals
from models.assessment import Reason
from models.dosing.dose_format import glucose_text
from models.features.fasting import FastingValue
from models.features.glycemic import REPORT_DAYS, GlycemicMetrics
from models.features.local_time import local_day, minute_of_day, zone_of
from models.features.meals import meal_responses
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import TimeSeries

NIGHT_DROP_MGDL: Final = 50.0
"""ADA: bedtime-to-morning drop of 50 mg/dL or more."""

HIGH_VARIABILITY_PERCENT: Final = 36.0
"""Coefficient of variation above this is unstable glucose (Monnier 2017; consensus of 2019)."""

MEAL_RISE_MGDL: Final = 50.0
"""ADA names no number for the rise after meals; the 50 mg/dL of the night are taken."""

BEDTIME_FROM_MIN: Final = 22 * 60
"""Bedtime glucose is the mean of the sensor from 22:00 to midnight (our definition)."""

FEWEST: Final = 3
"""Nights, or meals, that a median is taken of."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign, in words with its number. `stops_increase` is false for a sign that only needs a look."""

    name: str
    text: str
    stops_increase: bool = True


def overbasalisation_signs(
    record: PatientRecord,
    fasting: Sequence[FastingValue],
    metrics: GlycemicMetrics | None,
    as_of_ms: int,
    zone: str | None,
) -> tuple[Sign, ...]:
    """The signs in glucose. The dose per kilogram is a limit of its own (`models.dosing.limits`)."""
    sensor = record.series.get(signals.GLUCOSE_CGM)
    if sensor is None or metrics is None:
        return ()
    recent = sensor.between(as_of_ms - REPORT_DAYS * DAY_MS, as_of_ms)
    cgm = usable_cgm(recent).series
    return (
        *_night_drop(cgm, fasting, zone),
        *_variability(metrics),
        *_meal_rise(record, cgm),
    )


def _night_drop(cgm: TimeSeries, fasting: Sequence[FastingValue], zone: str | None) -> Iterator[Sign]:
    drops = night_drops_mgdl(cgm, fasting, zone)
    if len(drops) >= FEWEST and np.median(drops) >= NIGHT_DROP_MGDL:
        text = (
            f"Glucose falls by {glucose_text(float(np.median(drops)))} from bedtime to morning "
            f"(median of {len(drops)} nights; {glucose_text(NIGHT_DROP_MGDL)} or more is a sign)."
        )
        yield Sign("night_drop", text)


def night_drops_mgdl(cgm: TimeSeries, fasting: Sequence[FastingValue], zone: str | None) -> list[float]:
    """Mean glucose of 22:00-24:00 minus the next fasting value, one per night that has both."""
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return []
    late = cgm.take(minute_of_day(cgm.at_ms, clock) >= BEDTIME_FROM_MIN)
    day = local_day(late.at_ms, clock)
    bedtime = {int(d): float(late.value[day == d].mean()) for d in np.unique(day)}
    return [bedtime[value.day - 1] - value.mgdl for value in fasting if value.day - 1 in bedtime]


def _variability(metrics: GlycemicMetrics) -> Iterator[Sign]:
    if (
        metrics.sufficient
        and metrics.cv_percent is not None
        and metrics.cv_percent > HIGH_VARIABILITY_PERCENT
    ):
        text = (
            f"Glucose varies widely: coefficient of variation {metrics.cv_percent:.0f} % "
            f"(above {HIGH_VARIABILITY_PERCENT:.0f} %)."
        )
        yield Sign("variability", text)


def _meal_rise(record: PatientRecord, cgm: TimeSeries) -> Iterator[Sign]:
    carbs = record.series.get(signals.CARBS)
    if carbs is None:
        return
    rises = meal_responses(cgm, carbs).rise_mgdl
    if rises.size >= FEWEST and np.median(rises) >= MEAL_RISE_MGDL:
        text = (
            f"Glucose rises by {glucose_text(float(np.median(rises)))} after meals "
            f"(median of {rises.size} meals)."
        )
        yield Sign("meal_rise", text, stops_increase=False)
