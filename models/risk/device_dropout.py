"""Devices that fell silent: signals with a value nearly every day that have stopped.

One check of the vital-signs review: silence is never read as nothing having changed.
"""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models import signals
from models.assessment import Input, ReasonCode
from models.features.local_time import local_day
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed
from models.time_series import TimeSeries

ABOUT: Final = "device_dropout"
WINDOW_DAYS: Final = 28
DAILY_DAYS: Final = 14
DAILY_SHARE: Final = 0.8
"""A signal is daily with values on 80 % of the 14 days that end with its newest (our judgement)."""

SILENT_DAYS: Final = 2.0
MARGIN_DAYS: Final = 1.0
"""Twice the interval that is expected of a daily signal (hazard H-20 of the risk analysis), and a day more
than the longest gap that this signal had while it was daily."""

LABELS: Final = {
    signals.HEART_RATE_RESTING: "resting heart rate",
    signals.HEART_RATE: "heart rate",
    signals.HRV_SDNN: "heart rate variability",
    signals.HRV_RMSSD: "heart rate variability",
    signals.RESPIRATION_RATE: "respiratory rate",
    signals.SPO2: "oxygen saturation",
    signals.BODY_TEMPERATURE: "temperature",
    signals.SYSTOLIC: "blood pressure",
    signals.STEPS_PER_DAY: "steps",
    signals.STEPS: "steps",
    signals.SLEEP_DURATION: "sleep",
    signals.BODY_WEIGHT: "weight",
    signals.GLUCOSE_CGM: "sensor glucose",
}


def assess_dropout(record: PatientRecord, clock: ZoneInfo, as_of_ms: int) -> Answer:
    """Which daily signals have had no value for two days, and since when."""
    daily = {
        signal: int(record.series[signal].until_ms.max())
        for signal in LABELS
        if signal in record.series and _was_daily(record, signal, clock, as_of_ms)
    }
    if not daily:
        text = f"Devices: no signal with a value on {100 * DAILY_SHARE:.0f} % of {DAILY_DAYS} days"
        return not_assessed(ReasonCode.SPARSE, ABOUT, text, as_of_ms)
    silence = {
        signal: (as_of_ms - at) / _longest_silence_ms(record.series[signal], as_of_ms)
        for signal, at in daily.items()
    }
    silent = {signal: at for signal, at in daily.items() if silence[signal] > 1}
    newest_ms = min(silent.values(), default=max(daily.values()))
    names = ", ".join(dict.fromkeys(LABELS[signal] for signal in silent))
    found = Comparison(
        name=ABOUT,
        kind="report",
        label="Daily signals still arriving",
        unit="",
        decimals=0,
        now=Level(float(len(daily) - len(silent)), None, None, len(daily), "signals"),
        usual=Level(float(len(daily)), None, None, DAILY_DAYS, "days"),
        usual_is="daily",
        urgency=Urgency.NOTE if silent else None,
        says=f"No more data of {names}" if silent else "no finding",
        since_ms=newest_ms if silent else None,
        since_or_before=False,
        statistic=f"no value for more than {SILENT_DAYS:.0f} days",
        source="own rule: twice the expected interval",
    )
    inputs = tuple(Input(signal, "newest value", "", at) for signal, at in silent.items())
    return assessed(found, as_of_ms, inputs, details={"silence_over_limit": max(silence.values())})


def _was_daily(record: PatientRecord, signal: str, clock: ZoneInfo, as_of_ms: int) -> bool:
    window = record.series[signal].between(as_of_ms - WINDOW_DAYS * DAY_MS, as_of_ms)
    if not len(window):
        return False
    days = np.unique(local_day(window.at_ms, clock))
    return bool(np.count_nonzero(days > days[-1] - DAILY_DAYS) >= DAILY_SHARE * DAILY_DAYS)


def _longest_silence_ms(series: TimeSeries, as_of_ms: int) -> float:
    """How long this signal may be silent."""
    at_ms = series.between(as_of_ms - WINDOW_DAYS * DAY_MS, as_of_ms).at_ms
    daily = at_ms[at_ms > at_ms[-1] - DAILY_DAYS * DAY_MS]
    longest_gap_ms = float(np.diff(daily).max(initial=0))
    return max(SILENT_DAYS * DAY_MS, longest_gap_ms + MARGIN_DAYS * DAY_MS)
