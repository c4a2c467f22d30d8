"""Fasting glucose, one value a day, from meter or sensor: what basal titration is computed from.

Sits beside the fingerstick review; `models.dosing` decides whether the values are enough and new enough.
"""

from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.local_time import local_day, minute_of_day, zone_of
from models.features.sampling import DAY_MS, MINUTE_MS, reading_minutes
from models.preprocess.copies import lowest_per_instant
from models.preprocess.doubted import drop_doubted
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import TimeSeries
from models.units import round_native

FASTING_MARK: Final = "fasting"
OTHER_MARKS: Final = frozenset({"postprandial", "casual", "bedtime"})
"""Meal marks of the meter (IEEE 11073-10417) that say that a reading was not before breakfast."""

METER_FROM_MIN, METER_UNTIL_MIN = 4 * 60, 10 * 60
"""An unmarked meter reading is fasting when it is the first between 04:00 and 09:59 (our definition)."""

SENSOR_FROM_MIN, SENSOR_UNTIL_MIN = 4 * 60, 6 * 60
"""A sensor's fasting value is the mean of 04:00-05:59: after the night, before most breakfasts
(our definition; the titration tables were made with fingersticks before breakfast)."""

SENSOR_MEASURED_MIN: Final = 84.0
"""70 % of those two hours must be measured, the share asked of a CGM report."""

FAST_HOURS: Final = 8
"""No calories for at least 8 h (ADA Standards of Care, section 2)."""


@dataclass(frozen=True, slots=True)
class FastingValue:
    """One day's value. `native_value` in `native_unit` is the number as the device shows it.

    `at_ms` is the meter's reading or the last sensor reading used, `lowest_mgdl` the lowest one used,
    `readings` their number, `marked` whether the meter called it fasting.
    """

    at_ms: int
    day: int
    mgdl: float
    native_value: float
    native_unit: str
    source: Literal["meter", "sensor"]
    readings: int
    lowest_mgdl: float
    marked: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class FastingInputs:
    """The series that fasting values are taken from; None where the record has none.

    `marks` is the series of meal marks in words; a mark belongs to the meter reading of the same instant.
    """

    meter: TimeSeries | None = None
    sensor: TimeSeries | None = None
    carbs: TimeSeries | None = None
    marks: TimeSeries | None = None


def fasting_values(
    inputs: FastingInputs, as_of_ms: int, zone: str | None, days: int = 7
) -> tuple[FastingValue, ...] | Reason:
    """The fasting values of the `days` before `as_of_ms`, oldest first, or why mornings cannot be told.

    Where meter and sensor both give a value for a day the lower one stands, so that a second source
    never raises a dose; readings that their device doubts give none. A day with recorded carbohydrate in
    the 8 hours before gives no value.
    """
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return clock
    start_ms = as_of_ms - days * DAY_MS
    found: list[FastingValue] = []
    if inputs.meter is not None:
        readings = drop_doubted(inputs.meter.between(start_ms, as_of_ms)).then(lowest_per_instant).series
        found += _from_meter(readings, inputs.marks, clock)
    if inputs.sensor is not None:
        window = drop_doubted(inputs.sensor.between(start_ms, as_of_ms)).then(usable_cgm).series
        found += _from_sensor(window, clock)
    fasted = [value for value in found if not _ate_before(value, inputs.carbs)]
    lowest = {value.day: value for value in sorted(fasted, key=lambda value: -value.mgdl)}
    return tuple(sorted(lowest.values(), key=lambda value: value.at_ms))


def _from_meter(meter: TimeSeries, marks: TimeSeries | None, clock: ZoneInfo) -> list[FastingValue]:
    """The day's first reading marked fasting; on days without such a mark its first in the morning hours."""
    minute, day = minute_of_day(meter.at_ms, clock), local_day(meter.at_ms, clock)
    words = _words(meter, marks)
    marked = np.array([FASTING_MARK in said for said in words], bool)
    other = np.array([bool(said & OTHER_MARKS) for said in words], bool)
    morning = (minute >= METER_FROM_MIN) & (minute < METER_UNTIL_MIN) & ~other
    marked_days = np.unique(day[marked])
    usable = np.flatnonzero(marked | (morning & ~np.isin(day, marked_days)))
    _, first = np.unique(day[usable], return_index=True)
    return [_one_reading(meter, int(i), int(day[i]), bool(marked[i])) for i in usable[first]]


def _words(meter: TimeSeries, marks: TimeSeries | None) -> list[frozenset[str]]:
    """What is said of each reading: its own flags and the meal marks of its instant."""
    words = [meter.flag_sets[flag] for flag in meter.flags]
    if marks is None:
        return words
    marked = zip(marks.at_ms.tolist(), marks.value, strict=True)
    mark_at = {at_ms: frozenset({marks.labels[int(label)]}) for at_ms, label in marked}
    return [
        said | mark_at.get(at_ms, frozenset())
        for said, at_ms in zip(words, meter.at_ms.tolist(), strict=True)
    ]


def _one_reading(meter: TimeSeries, i: int, day: int, marked: bool) -> FastingValue:
    value = float(meter.value[i])
    return FastingValue(
        at_ms=int(meter.at_ms[i]),
        day=day,
        mgdl=value,
        native_value=float(meter.native_value[i]),
        native_unit=meter.native_units[meter.native_unit[i]],
        source="meter",
        readings=1,
        lowest_mgdl=value,
        marked=marked,
        reference=meter.references[meter.reference[i]],
    )


def _from_sensor(sensor: TimeSeries, clock: ZoneInfo) -> list[FastingValue]:
    minute, day = minute_of_day(sensor.at_ms, clock), local_day(sensor.at_ms, clock)
    minutes = reading_minutes(sensor.at_ms, sensor.source)
    early = (minute >= SENSOR_FROM_MIN) & (minute < SENSOR_UNTIL_MIN)
    found = []
    for morning in np.unique(day[early]):
        chosen = np.flatnonzero(early & (day == morning))
        if minutes[chosen].sum() >= SENSOR_MEASURED_MIN and np.unique(sensor.native_unit[chosen]).size == 1:
            found.append(_mean_of(sensor, chosen, int(morning)))
    return found


def _mean_of(sensor: TimeSeries, chosen: NDArray[np.int64], day: int) -> FastingValue:
    last = int(chosen[-1])
    unit = sensor.native_units[sensor.native_unit[last]]
    shown = round_native(
        sensor.native_value[chosen].mean(keepdims=True), "mmol/L" if unit == "mmol/L" else "mg/dL"
    )
    return FastingValue(
        at_ms=int(sensor.at_ms[last]),
        day=day,
        mgdl=float(sensor.value[chosen].mean()),
        native_value=float(shown[0]),
        native_unit=unit,
        source="sensor",
        readings=int(chosen.size),
        lowest_mgdl=float(sensor.value[chosen].min()),
        reference=sensor.references[sensor.reference[last]],
    )


def _ate_before(value: FastingValue, carbs: TimeSeries | None) -> bool:
    """Carbohydrate in the 8 h before the value, or during the hours it is the mean of."""
    return (
        carbs is not None and len(carbs.between(value.at_ms - FAST_HOURS * 60 * MINUTE_MS, value.at_ms)) > 0
    )
