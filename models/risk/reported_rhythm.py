"""Possible atrial fibrillation as the patient's own device reports it; no ECG or pulse wave is read here.

One check of the vital-signs review: classifications of recordings, and the share of time in fibrillation.
"""

import re
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed
from models.time_series import TimeSeries

WINDOW_DAYS: Final = 28
FIBRILLATION: Final = re.compile(r"atrial[\s_-]*fibrillation", re.IGNORECASE)

LEAST_BURDEN_PERCENT: Final = 2.0
"""Devices print 2 % for all that is less (Apple AF history, instructions for use)."""

AMBIGUOUS: Final = "fraction_or_percent_ambiguous"
KNOWN: Final = "atrial_fibrillation"
SOURCE: Final = (
    "the device's own classification; ESC 2024 (Eur Heart J 45:3314): an ECG read by a clinician decides"
)


def rhythm_checks(record: PatientRecord, as_of_ms: int) -> tuple[Answer, ...]:
    """What devices said of the rhythm in the last four weeks."""
    return _classified(record, as_of_ms), _burden(record, as_of_ms)


def _window(record: PatientRecord, signal: str, as_of_ms: int) -> TimeSeries | None:
    series = record.series.get(signal)
    window = None if series is None else series.between(as_of_ms - WINDOW_DAYS * DAY_MS, as_of_ms)
    return window if window is not None and len(window) else None


def _classified(record: PatientRecord, as_of_ms: int) -> Answer:
    window = _window(record, signals.ECG_CLASSIFICATION, as_of_ms)
    if window is None or window.unit != "code":
        text = f"ECG classification by a device: none in {WINDOW_DAYS} days"
        return not_assessed(ReasonCode.MISSING, signals.ECG_CLASSIFICATION, text, as_of_ms)
    words = [window.labels[int(label)] for label in window.value]
    hits = np.flatnonzero([FIBRILLATION.search(word) is not None for word in words])
    found = _comparison(
        record,
        signals.ECG_CLASSIFICATION,
        Level(float(hits.size), None, None, len(window), "recordings"),
        f"Possible atrial fibrillation{_known(record)} in {hits.size} of {len(window)} device ECGs",
        int(window.at_ms[hits[0]]) if hits.size else None,
    )
    return assessed(found, as_of_ms, (_newest(window, words[-1]),))


def _burden(record: PatientRecord, as_of_ms: int) -> Answer:
    window = _window(record, signals.AF_BURDEN, as_of_ms)
    if window is None:
        text = f"Burden of atrial fibrillation by a device: none in {WINDOW_DAYS} days"
        return not_assessed(ReasonCode.MISSING, signals.AF_BURDEN, text, as_of_ms)
    doubtful = np.array([AMBIGUOUS in window.flag_sets[flags] for flags in window.flags])
    clear = window.take(~doubtful)
    if not len(clear):
        text = "Rhythm: the burden of atrial fibrillation may be a fraction or a percentage"
        return not_assessed(ReasonCode.IMPLAUSIBLE, signals.AF_BURDEN, text, as_of_ms)
    hits = np.flatnonzero(clear.value > LEAST_BURDEN_PERCENT)
    most = float(clear.value.max())
    found = _comparison(
        record,
        signals.AF_BURDEN,
        Level(float(clear.value[-1]), float(clear.value.min()), most, len(clear), "reports"),
        f"Device reports atrial fibrillation{_known(record)}, up to {most:.0f} % of the time",
        int(clear.at_ms[hits[0]]) if hits.size else None,
    )
    text = f"Rhythm: {np.count_nonzero(doubtful)} reports of burden may be a fraction or a percentage"
    notes = (Reason(ReasonCode.IMPLAUSIBLE, signals.AF_BURDEN, text),) if doubtful.any() else ()
    return assessed(found, as_of_ms, (_newest(clear, float(clear.value[-1])),), notes)


def _known(record: PatientRecord) -> str:
    return " (on the problem list)" if KNOWN in record.concepts() else ""


def _newest(window: TimeSeries, value: float | str) -> Input:
    reference = window.references[int(window.reference[-1])]
    return Input(window.signal, value, window.unit, int(window.at_ms[-1]), reference)


def _comparison(
    record: PatientRecord, signal: str, now: Level, says: str, since_ms: int | None
) -> Comparison:
    burden = signal == signals.AF_BURDEN
    return Comparison(
        name=signal,
        kind="report",
        label="Atrial fibrillation, by device" if burden else "Device ECGs with possible fibrillation",
        unit="% of time" if burden else "",
        decimals=0,
        now=now,
        usual=None,
        usual_is=f"devices print {LEAST_BURDEN_PERCENT:.0f} % for less" if burden else "none",
        urgency=None if since_ms is None else Urgency.NOTE if _known(record) else Urgency.SOON,
        says="no finding" if since_ms is None else says,
        since_ms=since_ms,
        since_or_before=False,
        statistic="",
        source=SOURCE,
    )
