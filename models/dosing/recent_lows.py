"""Hypoglycaemia before dosing: the lows that forbid a dose, an increase, or call for a reduction.

Sits in front of every insulin dose (hazard H-02). All sources of glucose count, and one reading is enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Input
from models.dosing.titration_table import Edge
from models.features.bands import LOW, VERY_LOW, GlucoseLimit, shown_glucose
from models.features.glycemic import REPORT_DAYS, GlycemicMetrics, glycemic_metrics
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.preprocess.error_codes import drop_error_codes
from models.time_series import BELOW, TimeSeries

# Windows and limits of hazard H-02; shares of time: Battelino et al., Diabetes Care 2019;42:1593.
LOW_HOURS: Final = 24
VERY_LOW_DAYS: Final = 7
TIME_BELOW_70_PERCENT: Final = 4.0
TIME_BELOW_54_PERCENT: Final = 1.0

CURRENT_MIN: Final = 60
"""A low within the last hour, with nothing higher after it, is the glucose of now (our judgement; a low
is checked again after 15 minutes, ADA section 6)."""

GLUCOSE_SIGNALS: Final = (signals.GLUCOSE_CGM, signals.GLUCOSE_SMBG, signals.GLUCOSE_LAB)


LONGEST_DIP_MIN: Final = 17.5
"""From the reading before a dip to the one after it: two low readings of a 5-minute sensor, and half an
interval of jitter. A third one makes 15 minutes below the limit, which is an episode."""

AHEAD_MIN: Final = 5
"""A device's clock may run ahead by as much as the mapper lets through (F-17); its lows count."""


@dataclass(frozen=True, slots=True)
class RecentLows:
    """The lows of a record as of an instant.

    `low_now` and `very_low_now`: the newest reading, at most an hour old, is below 70 or 54 mg/dL.
    `low_in_24_h`, `very_low_in_7_d`: the lowest such reading. `lowest_in_7_d`: the lowest of all.
    `newest_counted_ms`: when the newest of the first two was read. `readings`: in 7 days, all sources.
    `metrics`: of 14 days of CGM, None without CGM.
    `lasting`, `lasting_very_low`: of the lows of 24 hours and of 7 days one is more than a dip of the sensor
    that `brief_dips` finds. `newest_low_ms`: when glucose was last below 70 mg/dL for longer than such a dip
    in 14 days; `dip_readings` are the low readings of 7 days in such dips.
    """

    newest: Input | None
    low_now: bool
    very_low_now: bool
    low_in_24_h: Input | None
    very_low_in_7_d: Input | None
    lowest_in_7_d: Input | None
    newest_counted_ms: int | None
    readings: int
    metrics: GlycemicMetrics | None
    lasting: bool
    lasting_very_low: bool
    newest_low_ms: int | None
    dip_readings: int

    @property
    def recently(self) -> bool:
        """Any below 70 mg/dL (3.9 mmol/L) in 24 h or below 54 mg/dL (3.0 mmol/L) in 7 days."""
        return self.low_in_24_h is not None or self.very_low_in_7_d is not None

    @property
    def time_below_70_percent(self) -> float | None:
        """Share of CGM time below 70 mg/dL in percent; None without CGM."""
        return self.metrics.time_below_70_percent if self.metrics else None

    @property
    def time_below_54_percent(self) -> float | None:
        """Share of CGM time below 54 mg/dL in percent; None without CGM."""
        return self.metrics.time_below_54_percent if self.metrics else None

    @property
    def time_below_over_target(self) -> bool:
        """More than 4 % of CGM time below 70 mg/dL or more than 1 % below 54 mg/dL."""
        over_70 = (self.time_below_70_percent or 0.0) > TIME_BELOW_70_PERCENT
        return over_70 or (self.time_below_54_percent or 0.0) > TIME_BELOW_54_PERCENT


def recent_lows(record: PatientRecord, as_of_ms: int) -> RecentLows:
    """The lows in a record as of an instant; bands are decided on the numbers that the devices showed."""
    parts = list(_parts(record, as_of_ms, VERY_LOW_DAYS))
    start_ms, end_ms = as_of_ms - LOW_HOURS * 60 * MINUTE_MS, as_of_ms + AHEAD_MIN * MINUTE_MS
    low_24 = [p.take(_below(p, LOW)).between(start_ms, end_ms) for p in parts]
    very_low = [part.take(_below(part, VERY_LOW)) for part in parts]
    lasting = [part.take(_lasting(part, LOW)) for part in parts]
    newest_ms = max((int(part.at_ms[-1]) for part in parts if len(part)), default=None)
    newest = [part.take(part.at_ms == newest_ms) for part in parts]
    current = newest_ms is not None and as_of_ms - newest_ms <= CURRENT_MIN * MINUTE_MS
    cgm = record.series.get(signals.GLUCOSE_CGM)
    metrics = glycemic_metrics(cgm, as_of_ms) if cgm is not None else None
    return RecentLows(
        newest=_lowest(newest),
        low_now=current and any(_below(part, LOW).any() for part in newest),
        very_low_now=current and any(_below(part, VERY_LOW).any() for part in newest),
        low_in_24_h=_lowest(low_24),
        very_low_in_7_d=_lowest(very_low),
        lowest_in_7_d=_lowest(parts),
        newest_counted_ms=max((int(p.at_ms[-1]) for p in (*low_24, *very_low) if len(p)), default=None),
        readings=sum(len(part) for part in parts),
        metrics=metrics,
        lasting=any(len(p.between(start_ms, end_ms)) or _below(p, VERY_LOW).any() for p in lasting),
        lasting_very_low=any(_lasting(part, VERY_LOW).any() for part in parts),
        newest_low_ms=_newest_low_ms(record, as_of_ms),
        dip_readings=sum(int(_below(part, LOW).sum()) for part in parts) - sum(map(len, lasting)),
    )


def lowest_below(record: PatientRecord, edge: Edge, days: float, as_of_ms: int) -> Input | None:
    """The lowest glucose of the last days if it lies below a table's edge in both units, else None."""
    start_ms = as_of_ms - round(days * DAY_MS)
    parts = [p.between(start_ms, as_of_ms) for p in _parts(record, as_of_ms, VERY_LOW_DAYS)]
    lowest = _lowest(parts)
    return lowest if lowest is not None and not edge.reached_by(float(lowest.value)) else None


def _parts(record: PatientRecord, as_of_ms: int, days: int) -> Iterator[TimeSeries]:
    """Each glucose series of the last days, without the error codes of sensors."""
    for signal in GLUCOSE_SIGNALS:
        series = record.series.get(signal)
        if series is not None:
            recent = series.between(as_of_ms - days * DAY_MS, as_of_ms + AHEAD_MIN * MINUTE_MS)
            yield drop_error_codes(recent).series if signal == signals.GLUCOSE_CGM else recent


def brief_dips(at_ms: NDArray[np.int64], below: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which low readings of a sensor are a dip of less than 15 minutes between two higher readings, bool[n].

    A low counts as an episode from 15 minutes on (Danne 2017); a shorter one, with higher readings close on
    both sides, may be noise of the sensor. Without such neighbours nothing says so, and the low stands.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], below, [False])).astype(np.int8)))
    dips = np.zeros(below.size, np.bool_)
    for first, end in edges.reshape(-1, 2):
        inside = first > 0 and end < below.size
        if inside and at_ms[end] - at_ms[first - 1] <= LONGEST_DIP_MIN * MINUTE_MS:
            dips[first:end] = True
    return dips


def dips(sensor: TimeSeries) -> NDArray[np.bool_]:
    """Which readings of a sensor are a brief dip below 70 mg/dL, bool[n]."""
    return brief_dips(sensor.at_ms, _below(sensor, LOW))


def _lasting(series: TimeSeries, limit: GlucoseLimit) -> NDArray[np.bool_]:
    """Readings below a limit that are no brief dip of a sensor."""
    below = _below(series, limit)
    return below & ~brief_dips(series.at_ms, below) if series.signal == signals.GLUCOSE_CGM else below


def _newest_low_ms(record: PatientRecord, as_of_ms: int) -> int | None:
    lasting = [p.at_ms[_lasting(p, LOW)] for p in _parts(record, as_of_ms, REPORT_DAYS)]
    return max((int(at_ms[-1]) for at_ms in lasting if at_ms.size), default=None)


def _below(series: TimeSeries, limit: GlucoseLimit) -> NDArray[np.bool_]:
    """Readings below a limit; one below the sensor's range may be as low as any."""
    below: NDArray[np.bool_] = shown_glucose(series).below(limit) | (series.censored == BELOW)
    return below


def _lowest(parts: Sequence[TimeSeries]) -> Input | None:
    """The lowest reading of several series; of equal ones the last."""
    found = [
        _input(part, int(np.flatnonzero(part.value == part.value.min())[-1])) for part in parts if len(part)
    ]
    return min(found, key=lambda i: (float(i.value), -(i.at_ms or 0)), default=None)


def _input(series: TimeSeries, i: int) -> Input:
    return Input(
        name=series.signal,
        value=float(series.value[i]),
        unit=series.unit,
        at_ms=int(series.at_ms[i]),
        reference=series.references[series.reference[i]],
    )
