"""The therapy settings on record as they hold now: carb ratio, insulin sensitivity, glucose target.

Sits between the record and what computes with one value of a setting: the bolus check, the action outlook.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import WHOLE, PatientRecord
from models.time_series import TimeSeries

SETTING_DAYS: Final = 90
"""A setting that nobody confirmed for a quarter is not taken for the one in use (our judgement: visits and
downloads of pumps are quarterly)."""

BEGINS_EARLIER_MS: Final = 14 * 60 * MINUTE_MS
"""Where nobody knows the zone a date is kept as of UTC; it begins so much earlier in the easternmost zone."""

ASKED_AS: Final = ("settings", "bolus")
"""Keys of the data needs that ask for settings; a service that asks under one has no other."""

ONLY_END: Final = "period_without_start"
"""The mapper's flag of a period that states no start."""

ONLY_DATE: Final = "date_precision"
"""The mapper's flag of a time that is only a date."""

SETTINGS: Final[Mapping[str, tuple[str, tuple[float, float]]]] = {
    signals.CARB_RATIO: ("carb ratio", (2.0, 150.0)),
    signals.INSULIN_SENSITIVITY: ("insulin sensitivity", (10.0, 500.0)),
    signals.GLUCOSE_TARGET: ("glucose target", (80.0, 180.0)),
}
"""Names and plausible ranges, g or mg/dL per unit and mg/dL: Loop's absolute guard rails, target rounded."""


def setting_on_record(record: PatientRecord, signal: str, as_of_ms: int) -> Input | Reason:
    """The newest value of one of `SETTINGS`, or why it is not known.

    It may be missing, not fully read, ambiguous, ended, old or implausible; an older value never stands in.
    """
    name, (low, high) = SETTINGS[signal]
    newest = _newest(record.series.get(signal), as_of_ms)
    if (unread := _unread(record, signal, newest)) is not None:
        return Reason(ReasonCode.INCOMPLETE, signal, unread.format(name))
    if newest is None:
        return Reason(ReasonCode.MISSING, signal, f"No {name} is on record.")
    if record.zone is None and _may_have_begun(record.series[signal], as_of_ms):
        text = f"A newer {name} on record is of a date that may have begun."
        return Reason(ReasonCode.CONFLICT, signal, text)
    if np.unique(newest.value).size > 1:
        return Reason(ReasonCode.CONFLICT, signal, f"Several values of the {name} hold at once.")
    if _ended(newest, as_of_ms):
        return Reason(ReasonCode.STALE, signal, f"The newest {name} on record has ended.")
    value, at_ms = float(newest.value[0]), int(newest.at_ms[0])
    if as_of_ms - at_ms > SETTING_DAYS * DAY_MS:
        return Reason(ReasonCode.STALE, signal, f"The {name} on record is older than {SETTING_DAYS} days.")
    if not low <= value <= high:
        return Reason(ReasonCode.IMPLAUSIBLE, signal, f"The {name} on record, {value:g}, is not plausible.")
    return Input(name, value, newest.unit, at_ms, newest.references[newest.reference[0]])


def _newest(series: TimeSeries | None, as_of_ms: int) -> TimeSeries | None:
    """The values that began last; None without any."""
    known = series.take(series.at_ms <= as_of_ms) if series is not None else None
    return known.take(known.at_ms == known.at_ms[-1]) if known is not None and len(known) else None


def _unread(record: PatientRecord, signal: str, newest: TimeSeries | None) -> str | None:
    """Why a newer value may exist than the newest that could be read; None where all was."""
    if newest is None:
        return "The {} on record could not be used." if record.may_lack(signal, 0) else None
    asked_for = {record.completeness[key] for key in ASKED_AS if key in record.completeness}
    if not asked_for <= WHOLE:
        return "The {} may have a newer value: not all therapy settings could be read."
    newer = record.may_lack(signal, int(newest.at_ms[0]))
    return "Another {} on record may be newer and could not be used." if newer else None


def _may_have_begun(series: TimeSeries, as_of_ms: int) -> bool:
    """Whether a value is of a date that has begun only east of UTC."""
    soon = (series.at_ms > as_of_ms) & (series.at_ms <= as_of_ms + BEGINS_EARLIER_MS)
    return bool((soon & _flagged(series, ONLY_DATE)).any())


def _flagged(series: TimeSeries, flag: str) -> NDArray[np.bool_]:
    return np.array([flag in series.flag_sets[number] for number in series.flags.tolist()], np.bool_)


def _ended(newest: TimeSeries, as_of_ms: int) -> bool:
    """Whether the period of a value is over, or only its end is known."""
    over = (newest.until_ms > newest.at_ms) & (newest.until_ms <= as_of_ms)
    return bool((over | _flagged(newest, ONLY_END)).any())
