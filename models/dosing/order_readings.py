"""The glucose readings around an order that are too high, or too low: each with its value, time and source.

Sits under the glucose rules of the order check. All sources of glucose count, in the unit that each showed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Input
from models.dosing.recent_lows import AHEAD_MIN, GLUCOSE_SIGNALS, VERY_LOW_DAYS
from models.features.bands import VERY_LOW, GlucoseLimit, shown_glucose
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.preprocess.error_codes import drop_error_codes
from models.time_series import ABOVE, BELOW, TimeSeries

HIGH: Final = GlucoseLimit(300, 16.7)
"""ADA Standards of Care, section 9: from 300 mg/dL catabolism is to be looked for; JBDS 02 (2023) and the
ADA's sick day advice test ketones well below."""

VERY_HIGH: Final = GlucoseLimit(400, 22.2)
"""Where most sensors stop measuring: a hyperosmolar state (from 30 mmol/L in JBDS 06, from 600 mg/dL in the
consensus report of 2024, Diabetes Care 47:1257) cannot be told apart any more; our judgement."""

PERSISTENT_MS: Final = 120 * MINUTE_MS
"""High all the time for two hours (ISPAD 2022 sick day guidelines repeat glucose and ketones by then)."""

CONFLICT: Final = "source_conflict"
"""The mapper's flag on a reading that was kept although another value was reported for its moment."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Of the last 24 hours: the newest where it is high, whether very high, since when all are high.

    `very_low` is the lowest reading below 54 mg/dL (3.0 mmol/L). `conflicts`: readings of seven days whose
    moment came with another value too, which was left out (hazard H-10).
    """

    high: Input | None
    very_high: bool
    high_since_ms: int | None
    very_low: Input | None
    conflicts: int


def readings_of_a_day(record: PatientRecord, as_of_ms: int) -> Readings:
    """What stands out in the glucose of the 24 hours before an instant."""
    parts = list(_parts(record, as_of_ms))
    newest_ms = max((int(part.at_ms[-1]) for part in parts), default=None)
    newest = [part.take(part.at_ms == newest_ms) for part in parts]
    high = [part.take(_from(part, HIGH)) for part in newest]
    very_low = [part.take(_below(part)) for part in parts]
    return Readings(
        high=max(_inputs(high), key=_value, default=None),
        very_high=any(_from(part, VERY_HIGH).any() for part in newest),
        high_since_ms=_high_since(parts),
        very_low=min(_inputs(very_low), key=_value, default=None),
        conflicts=sum(_conflicts(record, signal, as_of_ms) for signal in GLUCOSE_SIGNALS),
    )


def _parts(record: PatientRecord, as_of_ms: int) -> Iterator[TimeSeries]:
    for signal in GLUCOSE_SIGNALS:
        series = record.series.get(signal)
        if series is not None:
            day = series.between(as_of_ms - DAY_MS, as_of_ms + AHEAD_MIN * MINUTE_MS)
            part = drop_error_codes(day).series if signal == signals.GLUCOSE_CGM else day
            if len(part):
                yield part


def _conflicts(record: PatientRecord, signal: str, as_of_ms: int) -> int:
    series = record.series.get(signal)
    if series is None:
        return 0
    marked = [i for i, flags in enumerate(series.flag_sets) if CONFLICT in flags]
    week = series.between(as_of_ms - VERY_LOW_DAYS * DAY_MS, as_of_ms)
    return int(np.isin(week.flags, marked).sum())


def _from(series: TimeSeries, limit: GlucoseLimit) -> NDArray[np.bool_]:
    """Readings at or above a limit; one above the sensor's range may be as high as any."""
    reached: NDArray[np.bool_] = ~shown_glucose(series).below(limit) | (series.censored == ABOVE)
    return reached


def _below(series: TimeSeries) -> NDArray[np.bool_]:
    below: NDArray[np.bool_] = shown_glucose(series).below(VERY_LOW) | (series.censored == BELOW)
    return below


def _high_since(parts: list[TimeSeries]) -> int | None:
    """The first of the unbroken high readings up to now; None where the newest is not high."""
    if not parts:
        return None
    at_ms = np.concatenate([part.at_ms for part in parts])
    high = np.concatenate([_from(part, HIGH) for part in parts])
    last_other = at_ms[~high].max(initial=-1)
    since = at_ms[high & (at_ms > last_other)]
    return int(since.min()) if since.size else None


def _inputs(parts: list[TimeSeries]) -> Iterator[Input]:
    for part in parts:
        for i in range(len(part)):
            reference = part.references[part.reference[i]]
            yield Input(part.signal, float(part.value[i]), part.unit, int(part.at_ms[i]), reference)


def _value(found: Input) -> float:
    return float(found.value)
