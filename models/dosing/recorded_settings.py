"""The therapy settings on record as they hold now: carb ratio, insulin sensitivity, glucose target.

Sits between the record and what computes with one value of a setting: the bolus check, the action outlook.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord

SETTING_DAYS: Final = 90
"""A setting that nobody confirmed for a quarter is not taken for the one in use (our judgement: visits and
downloads of pumps are quarterly)."""

SETTINGS: Final[Mapping[str, tuple[str, tuple[float, float]]]] = {
    signals.CARB_RATIO: ("carb ratio", (2.0, 150.0)),
    signals.INSULIN_SENSITIVITY: ("insulin sensitivity", (10.0, 500.0)),
    signals.GLUCOSE_TARGET: ("glucose target", (80.0, 180.0)),
}
"""Names and plausible ranges, g or mg/dL per unit and mg/dL: Loop's absolute guard rails, target rounded."""


def setting_on_record(record: PatientRecord, signal: str, as_of_ms: int) -> Input | Reason:
    """The newest value of one of `SETTINGS`, or why it is not known: missing, ambiguous, old, implausible."""
    name, (low, high) = SETTINGS[signal]
    series = record.series.get(signal)
    known = series.take(series.at_ms <= as_of_ms) if series is not None else None
    if known is None or not len(known):
        return Reason(ReasonCode.MISSING, signal, f"No {name} is on record.")
    newest = known.take(known.at_ms == known.at_ms[-1])
    if np.unique(newest.value).size > 1:
        return Reason(ReasonCode.CONFLICT, signal, f"Several values of the {name} hold at once.")
    value, at_ms = float(newest.value[0]), int(newest.at_ms[0])
    if as_of_ms - at_ms > SETTING_DAYS * DAY_MS:
        return Reason(ReasonCode.STALE, signal, f"The {name} on record is older than {SETTING_DAYS} days.")
    if not low <= value <= high:
        return Reason(ReasonCode.IMPLAUSIBLE, signal, f"The {name} on record, {value:g}, is not plausible.")
    return Input(name, value, newest.unit, at_ms, newest.references[newest.reference[0]])
