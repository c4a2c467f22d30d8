"""The fasting values that a titration may rest on: enough, new enough, and taken on the present dose.

Sits between the fasting values of the record and the titration table.
"""

from dataclasses import replace
from typing import Final

from models import signals
from models.assessment import Reason, ReasonCode
from models.dosing.basal_order import BasalInUse
from models.dosing.recent_lows import dips
from models.dosing.titration_table import TitrationTable
from models.features.fasting import (
    SENSOR_FROM_MIN,
    SENSOR_UNTIL_MIN,
    FastingInputs,
    FastingValue,
    fasting_values,
)
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.preprocess.copies import lowest_per_instant
from models.preprocess.error_codes import drop_error_codes
from models.time_series import TimeSeries

# Hazard H-07: at least 3 in the last 7 days, the newest within 48 hours.
DAYS: Final = 7
FEWEST: Final = 3
NEWEST_HOURS: Final = 48
_HOUR_MS: Final = DAY_MS // 24
MORNING_MS: Final = (SENSOR_UNTIL_MIN - SENSOR_FROM_MIN) * MINUTE_MS


def fasting_set(record: PatientRecord, as_of_ms: int, zone: str | None) -> tuple[FastingValue, ...] | Reason:
    """The fasting values of the last 7 days, oldest first, or why they cannot carry a dose."""
    series = record.series
    sensor = series.get(signals.GLUCOSE_CGM)
    week = None if sensor is None else sensor.between(as_of_ms - DAYS * DAY_MS, as_of_ms)
    # of several sensor readings at one instant the lowest: a contradiction must not hide a low
    cleaned = None if week is None else lowest_per_instant(drop_error_codes(week).series).series
    sources = FastingInputs(
        meter=series.get(signals.GLUCOSE_SMBG),
        sensor=cleaned,
        carbs=series.get(signals.CARBS),
        marks=series.get(signals.MEAL_MARK),
    )
    values = fasting_values(sources, as_of_ms, zone, DAYS)
    if isinstance(values, Reason):
        return values
    if len(values) < FEWEST:
        text = f"{len(values)} fasting glucose values in the last {DAYS} days; at least {FEWEST} are needed."
        return Reason(ReasonCode.SPARSE, "fasting_glucose", text)
    age_ms = as_of_ms - values[-1].at_ms
    if age_ms > NEWEST_HOURS * _HOUR_MS:
        text = f"The newest fasting glucose is {age_ms // _HOUR_MS} hours old; at most {NEWEST_HOURS} may be."
        return Reason(ReasonCode.STALE, "fasting_glucose", text)
    return values if cleaned is None else tuple(_without_dips(value, cleaned) for value in values)


def _without_dips(value: FastingValue, sensor: TimeSeries) -> FastingValue:
    """A sensor's value whose lowest reading is none of a brief dip; the dip still lowers the mean."""
    if value.source != "sensor":
        return value
    calm = sensor.take(~dips(sensor)).between(value.at_ms - MORNING_MS, value.at_ms)
    return replace(value, lowest_mgdl=float(calm.value.min())) if len(calm) else value


def values_for_table(
    values: tuple[FastingValue, ...], table: TitrationTable, basal: BasalInUse, waited: bool
) -> tuple[FastingValue, ...] | Reason:
    """The last values that the table is for.

    Once the table's interval has passed they must all be taken on the present dose: values from before the
    last change would have the same glucose answered twice.
    """
    on_dose = [v for v in values if not waited or basal.changed_ms is None or v.at_ms > basal.changed_ms]
    if len(on_dose) < table.fasting_values:
        text = (
            f"{len(on_dose)} fasting glucose values since the dose last changed; "
            f"{table.title} needs {table.fasting_values}."
        )
        return Reason(ReasonCode.SPARSE, "fasting_glucose", text)
    return tuple(on_dose[-table.fasting_values :])
