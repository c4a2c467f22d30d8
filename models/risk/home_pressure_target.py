"""Blood pressure at home against its target: how probable it is that the true mean lies above.

One check of the vital-signs review; mean and probability come from `models.features.blood_pressure`.
"""

from math import sqrt
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.features.blood_pressure import CUTS_MMHG, WITHIN_PERSON_SD_MMHG, home_mean, probability_above
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed
from models.time_series import TimeSeries

SURE: Final = 0.8
"""Above or below the target is said from a probability of 80 %; between 20 and 80 more days are needed."""

STAGE_2_MMHG: Final = {signals.SYSTOLIC: 140.0, signals.DIASTOLIC: 90.0}
"""Stage 2 of ACC/AHA 2017 (Hypertension 2018;71:e13)."""

LABELS: Final = {signals.SYSTOLIC: "Home systolic mean", signals.DIASTOLIC: "Home diastolic mean"}
TARGETS_MMHG: Final = CUTS_MMHG["acc_aha"]
SOURCE: Final = "target ACC/AHA 2017; 12 readings on 3 days (AHA/AMA 2020); Gaussian mean with known SD"
UNDECIDED: Final = "undecided against its target"
RANGE_SES: Final = 1.645
WEEK_MS: Final = 7 * DAY_MS
WEEKS: Final = 4


def target_checks(record: PatientRecord, as_of_ms: int) -> tuple[Answer, ...]:
    """Systolic and diastolic mean of the week against 130/80 mmHg."""
    return tuple(_check(signal, record.series.get(signal), as_of_ms) for signal in LABELS)


def _check(signal: str, pressure: TimeSeries | None, as_of_ms: int) -> Answer:
    label, target = LABELS[signal], TARGETS_MMHG[signal]
    if pressure is None:
        return not_assessed(ReasonCode.MISSING, signal, f"{label}: none in the data received", as_of_ms)
    mean, above = home_mean(pressure, as_of_ms), probability_above(pressure, target, as_of_ms)
    if mean.value is None or above.value is None:
        return not_assessed(ReasonCode.SPARSE, signal, f"{label}: {mean.why_not}", as_of_ms)
    week = pressure.between(mean.start_ms, as_of_ms)
    days = int(np.unique((as_of_ms - week.at_ms) // DAY_MS).size)
    half = RANGE_SES * WITHIN_PERSON_SD_MMHG[signal] / sqrt(days)
    is_above = above.value >= SURE
    stage_2 = mean.value >= STAGE_2_MMHG[signal]
    weeks_before = _weeks_above_before(pressure, target, as_of_ms)
    urgency = (Urgency.SOON if stage_2 else Urgency.NOTE) if is_above else None
    found = Comparison(
        name=f"{signal}_target",
        kind="target",
        label=label,
        unit="mmHg",
        decimals=0,
        now=Level(mean.value, mean.value - half, mean.value + half, len(week), "readings"),
        usual=Level(target, None, None, 0, "target"),
        usual_is="target",
        urgency=urgency,
        says=_says(above.value, target),
        since_ms=mean.start_ms - weeks_before * WEEK_MS if is_above else None,
        since_or_before=is_above,
        statistic=f"probability that the true mean is at or above {target:.0f}: {100 * above.value:.0f} %",
        source=SOURCE,
    )
    text = f"{label}: {100 * above.value:.0f} % probable to be above {target:.0f} mmHg; more days decide"
    undecided = (Reason(ReasonCode.SPARSE, signal, text),) if found.says == UNDECIDED else ()
    newest = Input(signal, float(week.value[-1]), pressure.unit, int(week.at_ms[-1]))
    return assessed(found, as_of_ms, (newest,), undecided, {"probability_above": above.value})


def _says(probability: float, target_mmhg: float) -> str:
    if 1 - SURE < probability < SURE:
        return UNDECIDED
    return f"{'above' if probability >= SURE else 'not above'} {target_mmhg:.0f} mmHg"


def _weeks_above_before(pressure: TimeSeries, target_mmhg: float, as_of_ms: int) -> int:
    """How many whole weeks before this one had a mean at or above the target, without a break."""
    for week in range(1, WEEKS):
        mean = home_mean(pressure, as_of_ms - week * WEEK_MS)
        if mean.value is None or mean.value < target_mmhg:
            return week - 1
    return WEEKS - 1
