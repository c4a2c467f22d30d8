"""Limits that never adapt to a patient: the newest reading of each vital sign against published ones.

One check of the vital-signs review, and the newest values from which it computes NEWS2.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, ReasonCode
from models.features.sampling import DAY_MS, MINUTE_MS
from models.features.targets import PREGNANCY
from models.patient_record import PatientRecord
from models.risk import news2
from models.risk.point_score import Bands
from models.risk.pregnancy_pressure import SOURCE as PREGNANCY_SOURCE
from models.risk.pregnancy_pressure import pregnancy_pressure
from models.risk.vital_comparison import (
    Answer,
    Comparison,
    Level,
    Urgency,
    assessed,
    not_assessed,
    unit_text,
)
from models.time_series import TimeSeries

NOW_MS: Final = 60 * MINUTE_MS
"""NEWS2 asks for another set within an hour of a single red sign: an older reading is no longer now."""

LATEST_MS: Final = DAY_MS
"""Older readings are not held against a limit (our judgement)."""

TOGETHER_MS: Final = 15 * MINUTE_MS
FEWEST_TO_OUTVOTE: Final = 3
"""Three readings or more of so long are read as one, by their median: an artefact is outvoted. Of two,
nobody knows which is the artefact, so the newest counts."""

NEWS2_MS: Final = 12 * 60 * MINUTE_MS
"""The longest interval between observations that NEWS2 itself allows (RCP 2017, score 0: 12-hourly)."""

REST_MS: Final = 30 * MINUTE_MS
REST_STEPS: Final = 300
"""At rest: a cuff reading within 15 minutes, or under 300 counted steps in the half hour (our judgement)."""

COPD_RED_PERCENT: Final = news2.SPO2_SCALE_2_AIR.upper[0]

NEWS2_SOURCE: Final = "NEWS2 (RCP 2017): this sign alone scores 3"
SEVERE_SOURCE: Final = "ACC/AHA 2017, Hypertension 2018;71:e13: above 180/120 mmHg"
FEVER_SOURCE: Final = "NEWS2 (RCP 2017): 39.1 and above scores 2"


@dataclass(frozen=True, slots=True)
class Limited:
    """A vital sign with its limits: red by its NEWS2 bands, and beyond `severe_above` worth a look soon."""

    signal: str
    label: str
    unit: str
    decimals: int
    bands: Bands | None
    severe_above: float | None = None
    severe_source: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one reading means: how soon it wants a person (None: not at all), in words, by which source."""

    urgency: Urgency | None
    says: str
    source: str


LIMITED: Final = (
    Limited(signals.HEART_RATE, "Heart rate", "/min", 0, news2.PULSE),
    Limited(signals.RESPIRATION_RATE, "Respiratory rate", "/min", 0, news2.RESPIRATION),
    Limited(signals.SPO2, "Oxygen saturation", "%", 0, news2.SPO2_SCALE_1),
    Limited(signals.BODY_TEMPERATURE, "Body temperature", "Cel", 1, news2.TEMPERATURE, 39.0, FEVER_SOURCE),
    Limited(signals.SYSTOLIC, "Systolic pressure", "mmHg", 0, news2.SYSTOLIC, 180.0, SEVERE_SOURCE),
    Limited(signals.DIASTOLIC, "Diastolic pressure", "mmHg", 0, None, 120.0, SEVERE_SOURCE),
)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest value of a signal, with the readings of the quarter of an hour before it."""

    value: float
    at_ms: int
    readings: int
    reference: str

    def as_input(self, signal: str, unit: str) -> Input:
        """The value as an input of a score."""
        return Input(signal, self.value, unit, self.at_ms, self.reference)


def latest(series: TimeSeries | None, as_of_ms: int, within_ms: int) -> Latest | None:
    """The newest value not older than `within_ms`, None where there is none."""
    recent = None if series is None else series.between(as_of_ms - within_ms - 1, as_of_ms)
    if recent is None or not len(recent):
        return None
    at_ms = int(recent.at_ms[-1])
    together = recent.between(at_ms - TOGETHER_MS, at_ms)
    reference = recent.references[int(recent.reference[-1])]
    outvoted = len(together) >= FEWEST_TO_OUTVOTE
    value = float(np.median(together.value)) if outvoted else float(together.value[-1])
    return Latest(value, at_ms, len(together), reference)


def limit_checks(record: PatientRecord, as_of_ms: int) -> tuple[Answer, ...]:
    """The newest reading of each vital sign against its limits."""
    return tuple(_check(limited, record, as_of_ms) for limited in LIMITED)


def news2_inputs(record: PatientRecord, as_of_ms: int) -> news2.VitalSigns:
    """The vital signs of the last twelve hours; consciousness is not measured by any device."""

    def given(signal: str, unit: str) -> Input | None:
        found = latest(record.series.get(signal), as_of_ms, NEWS2_MS)
        return None if found is None else found.as_input(signal, unit)

    return news2.VitalSigns(
        respiration_per_min=given(signals.RESPIRATION_RATE, "/min"),
        spo2_percent=given(signals.SPO2, "%"),
        on_oxygen=_on_oxygen(record, as_of_ms),
        systolic_mmhg=given(signals.SYSTOLIC, "mm[Hg]"),
        pulse_per_min=given(signals.HEART_RATE, "/min"),
        temperature_c=given(signals.BODY_TEMPERATURE, "Cel"),
    )


def _on_oxygen(record: PatientRecord, as_of_ms: int) -> Input | None:
    """1 with a flow above 0 L/min or more than the 21 % of air, 0 where one is stated and is not above."""
    for signal, air in ((signals.SPO2_FLOW, 0.0), (signals.SPO2_FIO2, 21.0)):
        stated = latest(record.series.get(signal), as_of_ms, NEWS2_MS)
        if stated is not None:
            return Input(signal, float(stated.value > air), "1", stated.at_ms, stated.reference)
    return None


def _check(limited: Limited, record: PatientRecord, as_of_ms: int) -> Answer:
    found = latest(record.series.get(limited.signal), as_of_ms, LATEST_MS)
    if found is None:
        stale = limited.signal in record.series
        why = "no reading of the last 24 h for the absolute limits" if stale else "none in the data received"
        code, text = (ReasonCode.STALE if stale else ReasonCode.MISSING), f"{limited.label}: {why}"
        return not_assessed(code, limited.signal, text, as_of_ms)
    judged = _judged(limited, found, record)
    recent = as_of_ms - found.at_ms <= NOW_MS
    comparison = Comparison(
        name=f"{limited.signal}_limit",
        kind="limit",
        label=limited.label,
        unit=limited.unit,
        decimals=limited.decimals,
        now=Level(found.value, None, None, found.readings, "readings"),
        usual=None,
        usual_is="absolute limit",
        urgency=judged.urgency if recent or judged.urgency != Urgency.NOW else Urgency.SOON,
        says=judged.says,
        since_ms=found.at_ms,
        since_or_before=False,
        statistic="",
        source=judged.source,
        earlier=None if judged.urgency is not None else _earlier(limited, record, as_of_ms),
    )
    return assessed(comparison, as_of_ms, (found.as_input(limited.signal, limited.unit),))


def _judged(limited: Limited, found: Latest, record: PatientRecord) -> Judged:
    """The worst that is to be said of a reading, as if it were taken now."""
    red = _red_limit(limited, found.value)
    if red is not None:
        side = "at or below" if found.value <= red else "at or above"
        doubt = _doubt(limited, found, record)
        says = f"{side} {_limit_text(limited, red)}{doubt}"
        return Judged(Urgency.SOON if doubt else Urgency.NOW, says, NEWS2_SOURCE)
    in_pregnancy = pregnancy_pressure(limited.signal, found.value, record)
    if in_pregnancy is not None:
        return Judged(*in_pregnancy, PREGNANCY_SOURCE)
    if limited.severe_above is not None and found.value > limited.severe_above:
        says = f"above {_limit_text(limited, limited.severe_above)}"
        return Judged(Urgency.SOON, says, limited.severe_source)
    return Judged(None, _unremarkable(limited, found, record), NEWS2_SOURCE)


def _earlier(limited: Limited, record: PatientRecord, as_of_ms: int) -> tuple[float, int] | None:
    """Value and time of the lowest or highest reading of the last day, if it was beyond a limit for sure."""
    day = record.series[limited.signal].between(as_of_ms - LATEST_MS - 1, as_of_ms)
    for at in (int(day.value.argmin()), int(day.value.argmax())):
        then = Latest(float(day.value[at]), int(day.at_ms[at]), 1, "")
        if _judged(limited, then, record).urgency is not None and not _doubt(limited, then, record):
            return then.value, then.at_ms
    return None


def _limit_text(limited: Limited, limit: float) -> str:
    return f"{limit:.{limited.decimals}f} {unit_text(limited.unit)}"


def _unremarkable(limited: Limited, found: Latest, record: PatientRecord) -> str:
    """Inside the limits, and still with its points, so that a sum of small deviations is seen.

    In pregnancy NEWS2 does not hold, and with COPD it is not known which of its saturation scales does.
    """
    concepts = record.concepts()
    outside = concepts & PREGNANCY or (limited.signal == signals.SPO2 and "copd" in concepts)
    points = 0 if limited.bands is None or outside else limited.bands.at(found.value)
    return f"within the absolute limits; scores {points} in NEWS2" if points else "within the absolute limits"


def _red_limit(limited: Limited, value: float) -> float | None:
    """The bound that the value is at or beyond, where this sign alone scores three points in NEWS2."""
    bands = limited.bands
    if bands is None or bands.at(value) != news2.URGENT_SINGLE:
        return None
    low = bands.upper[0]
    return low if value < low + bands.step else bands.upper[-1] + bands.step


def _doubt(limited: Limited, found: Latest, record: PatientRecord) -> str:
    """Why a red reading may not mean what it seems to; it is still said, but not as an emergency."""
    if limited.signal == signals.SPO2 and found.value > COPD_RED_PERCENT and "copd" in record.concepts():
        return "; COPD is on record, its target may be 88-92 %"
    high_pulse = limited.signal == signals.HEART_RATE and found.value > news2.PULSE.upper[-1]
    if high_pulse and not _at_rest(record, found.at_ms):
        return "; not known to be at rest"
    return ""


def _at_rest(record: PatientRecord, at_ms: int) -> bool:
    cuff, steps = record.series.get(signals.SYSTOLIC), record.series.get(signals.STEPS)
    if cuff is not None and len(cuff.between(at_ms - TOGETHER_MS - 1, at_ms + TOGETHER_MS)):
        return True
    counted = None if steps is None else steps.between(at_ms - REST_MS, at_ms)
    return counted is not None and len(counted) > 0 and float(counted.value.sum()) < REST_STEPS
