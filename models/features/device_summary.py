"""What a CGM system reports of a period in its own summary, and where the readings of that period disagree.

Sits beside the glycaemic metrics; a summary is never mixed with numbers computed from readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.features.glycemic import BAND_OF, SUFFICIENT_ACTIVE_PERCENT, glycemic_metrics
from models.features.sampling import DAY_MS
from models.time_series import TimeSeries

OUTDATED_MS: Final = 90 * DAY_MS
"""A summary of a period that ended longer ago than a quarter says little of today (our judgement)."""

DISAGREES_BY_POINTS: Final = 2.0
"""Percentage points from which a summary and its readings do not say the same."""

METRIC_OF: Final[Mapping[str, str]] = {
    "cgm_pct_very_low": "time_below_54_percent",
    "cgm_pct_low": "time_54_69_percent",
    "cgm_pct_in_range": "time_70_180_percent",
    "cgm_pct_high": "time_181_250_percent",
    "cgm_pct_very_high": "time_above_250_percent",
}
"""Signal of a summary, and the metric that the readings give for it."""


@dataclass(frozen=True, slots=True)
class BandShare:
    """Percent of time in one band as reported, and as the readings of the same period give it, if enough."""

    band: str
    reported_percent: float
    computed_percent: float | None

    @property
    def disagrees(self) -> bool:
        """Whether both are known and lie further apart than rounding explains."""
        computed = self.computed_percent
        return computed is not None and abs(computed - self.reported_percent) > DISAGREES_BY_POINTS


@dataclass(frozen=True, slots=True)
class DeviceSummary:
    """The newest summary: its period, its bands, and how much of the period the readings cover."""

    start_ms: int
    until_ms: int
    bands: tuple[BandShare, ...]
    covered_percent: float


def newest_summary(
    series: Mapping[str, TimeSeries], glucose: TimeSeries | None, as_of_ms: int
) -> DeviceSummary | None:
    """The summary whose period ended last, at most a quarter ago; None where no system sent one."""
    found = [(signal, one) for signal in METRIC_OF if (one := series.get(signal)) is not None and len(one)]
    ends = [int(one.until_ms.max()) for _, one in found]
    if not ends or as_of_ms - max(ends) > OUTDATED_MS:
        return None
    until_ms = max(ends)
    rows = [(signal, one, int((one.until_ms == until_ms).argmax())) for signal, one in found]
    rows = [row for row in rows if int(row[1].until_ms[row[2]]) == until_ms]
    start_ms = int(rows[0][1].at_ms[rows[0][2]])
    covered, own = _computed(glucose, start_ms, min(until_ms, as_of_ms))
    shares = (BandShare(BAND_OF[METRIC_OF[s]], float(one.value[i]), own.get(s)) for s, one, i in rows)
    return DeviceSummary(start_ms, until_ms, tuple(shares), covered)


def _computed(glucose: TimeSeries | None, start_ms: int, end_ms: int) -> tuple[float, dict[str, float]]:
    """How much of the period the readings cover, and their shares where that is enough for a report."""
    if glucose is None or end_ms <= start_ms:
        return 0.0, {}
    metrics = glycemic_metrics(glucose, end_ms, (end_ms - start_ms) / DAY_MS)
    active = metrics.sensor_active_percent
    shares = {signal: getattr(metrics, metric) for signal, metric in METRIC_OF.items()}
    return active, shares if active >= SUFFICIENT_ACTIVE_PERCENT else {}
