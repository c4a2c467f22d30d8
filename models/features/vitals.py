"""All features of vital signs, activity and sleep of one patient, for the signals that the record has.

Sits over the single features; the vital-signs review reads them from here.
"""

from collections.abc import Callable
from typing import Final

from models import signals
from models.features import activity, blood_pressure, heart, oxygen, respiration, sleep, temperature
from models.features.feature import Feature
from models.patient_record import PatientRecord
from models.time_series import TimeSeries

Compute = Callable[[TimeSeries, int, str | None], Feature]


def _unzoned(compute: Callable[[TimeSeries, int], Feature]) -> Compute:
    return lambda series, as_of_ms, zone: compute(series, as_of_ms)


PRESSURE: Final[tuple[Compute, ...]] = (
    _unzoned(blood_pressure.home_mean), blood_pressure.morning_minus_evening, blood_pressure.nocturnal_dip,
)  # fmt: skip

FEATURES: Final[dict[str, tuple[Compute, ...]]] = {
    signals.HEART_RATE: (heart.nocturnal_dip,),
    signals.HEART_RATE_RESTING: (heart.resting_heart_rate_change,),
    signals.HRV_SDNN: (heart.sdnn_change,),
    signals.HRV_RMSSD: (heart.rmssd_change,),
    signals.SYSTOLIC: PRESSURE,
    signals.DIASTOLIC: PRESSURE,
    signals.SPO2: tuple(map(_unzoned, (oxygen.spo2_nadir, oxygen.spo2_below_90, oxygen.desaturation_index))),
    signals.BODY_TEMPERATURE: (_unzoned(temperature.highest_temperature), temperature.temperature_change),
    signals.RESPIRATION_RATE: (respiration.respiration_change,),
    signals.SLEEP_DURATION: (sleep.sleep_duration, sleep.sleep_midpoint_sd),
}


def vital_features(record: PatientRecord, as_of_ms: int) -> tuple[Feature, ...]:
    """Every feature of every signal in the record, with its value or why there is none.

    A signal that the record does not have gives no feature: that it is missing is for the reader to say.
    """
    found = [
        compute(record.series[signal], as_of_ms, record.zone)
        for signal, computes in FEATURES.items()
        if signal in record.series
        for compute in computes
    ]
    found += _probabilities(record, as_of_ms)
    steps = activity.ActivityInputs(
        daily_steps=record.series.get(signals.STEPS_PER_DAY),
        interval_steps=record.series.get(signals.STEPS),
        heart_rate=record.series.get(signals.HEART_RATE),
        worn_percent=record.series.get(signals.DEVICE_ACTIVE_PERCENT),
    )
    if steps.daily_steps is not None or steps.interval_steps is not None:
        found.append(activity.steps_per_day(steps, as_of_ms, record.zone))
    return tuple(found)


def _probabilities(record: PatientRecord, as_of_ms: int) -> list[Feature]:
    """For each guideline's cut: how probable it is that the true pressure lies at or above it."""
    return [
        blood_pressure.probability_above(record.series[signal], cut_mmhg, as_of_ms)
        for cuts in blood_pressure.CUTS_MMHG.values()
        for signal, cut_mmhg in cuts.items()
        if signal in record.series
    ]
