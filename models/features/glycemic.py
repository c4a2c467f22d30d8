"""Glycaemic metrics of a CGM series over a window that ends at a given time.

The centre of the glucose review: cards, targets and models read `GlycemicMetrics`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.features import bands, indices
from models.features.bands import ShownGlucose, shown_glucose
from models.features.episodes import PROLONGED_MIN, episode_spans
from models.features.sampling import DAY_MS, MINUTE_MS, covered_ms, distinct, reading_minutes
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import ABOVE, BELOW, TimeSeries

# Battelino et al., Diabetes Care 2019;42:1593: 14 days with at least 70 % of readings.
REPORT_DAYS: Final = 14
SUFFICIENT_ACTIVE_PERCENT: Final = 70.0

BAND_OF: Final[Mapping[str, str]] = {
    "time_below_54_percent": "below 54 mg/dL",
    "time_54_69_percent": "54-69 mg/dL",
    "time_70_180_percent": "70-180 mg/dL",
    "time_181_250_percent": "181-250 mg/dL",
    "time_above_250_percent": "above 250 mg/dL",
}
"""The five bands of the consensus report, by the metric that is the share of time in each."""

PREGNANCY_BAND_OF: Final[Mapping[str, str]] = {
    "time_below_54_percent": "below 54 mg/dL",
    "time_below_63_percent": "below 63 mg/dL",
    "time_63_140_percent": "63-140 mg/dL",
    "time_above_140_percent": "above 140 mg/dL",
}
"""The bands of pregnancy in the same report."""


@dataclass(frozen=True, slots=True)
class GlycemicMetrics:
    """Metrics of one window (start, end]; None where there are too few readings to compute one.

    Shares are percent of readings, each weighted by the time it stands for where sensors of different
    intervals mix. `sufficient` speaks of the 14 days before the window's end, whatever its length.
    """

    window_start_ms: int
    window_end_ms: int
    window_days: float
    newest_ms: int | None
    readings: int
    readings_below_range: int
    readings_above_range: int
    removed: Mapping[str, int]
    days_with_readings: int
    interval_min: float | None
    sensor_active_percent: float
    sufficient: bool
    why_not: str | None
    mean_mgdl: float | None
    median_mgdl: float | None
    sd_mgdl: float | None
    cv_percent: float | None
    gmi_percent: float | None
    estimated_a1c_percent: float | None
    j_index: float | None
    m_value: float | None
    time_below_54_percent: float | None
    time_54_69_percent: float | None
    time_70_180_percent: float | None
    time_181_250_percent: float | None
    time_above_250_percent: float | None
    time_below_70_percent: float | None
    time_above_180_percent: float | None
    time_70_140_percent: float | None
    time_63_140_percent: float | None
    time_below_63_percent: float | None
    time_above_140_percent: float | None
    lbgi: float | None
    hbgi: float | None
    gri: float | None
    hypo_events: int | None
    hypo_level2_events: int | None
    prolonged_hypo_events: int | None
    hyper_events: int | None
    hyper_level2_events: int | None


def glycemic_metrics(
    glucose: TimeSeries, as_of_ms: int, days: float = REPORT_DAYS, as_displayed: bool = True
) -> GlycemicMetrics:
    """All metrics of the `days` before `as_of_ms`. Sensor error codes and copies are removed and counted.

    `as_displayed=False` decides bands on undisplayed decimals (`bands.shown_glucose`).
    """
    start_ms = as_of_ms - round(days * DAY_MS)
    cleaned = usable_cgm(glucose.between(start_ms, as_of_ms))
    window = cleaned.series
    minutes, shown = reading_minutes(window.at_ms, window.source), shown_glucose(window, as_displayed)
    active = 100 * covered_ms(window.at_ms, minutes, start_ms) / (as_of_ms - start_ms)
    active_14 = active if days == REPORT_DAYS else active_percent(glucose, as_of_ms)
    why_not = why_insufficient(active_14)
    return GlycemicMetrics(
        window_start_ms=start_ms,
        window_end_ms=as_of_ms,
        window_days=days,
        newest_ms=window.newest_ms,
        readings=len(window),
        readings_below_range=int(np.count_nonzero(window.censored == BELOW)),
        readings_above_range=int(np.count_nonzero(window.censored == ABOVE)),
        removed=cleaned.removed,
        days_with_readings=int(distinct((as_of_ms - window.at_ms) // DAY_MS).size),
        interval_min=_one_interval(minutes),
        sensor_active_percent=active,
        sufficient=why_not is None,
        why_not=why_not,
        **_level(window.value, _weight(minutes)),
        **_shares(shown, _weight(minutes)),
        **_event_counts(window, minutes, shown),
    )


def active_percent(glucose: TimeSeries, as_of_ms: int, days: float = REPORT_DAYS) -> float:
    """Share of the window for which the sensor gave a reading, 0 to 100; copies and overlaps add nothing."""
    start_ms = as_of_ms - round(days * DAY_MS)
    window = usable_cgm(glucose.between(start_ms, as_of_ms)).series
    minutes = reading_minutes(window.at_ms, window.source)
    return 100 * covered_ms(window.at_ms, minutes, start_ms) / (as_of_ms - start_ms)


def why_insufficient(active_14_day_percent: float) -> str | None:
    """None when the last 14 days carry enough readings for the metrics to stand for them."""
    if active_14_day_percent >= SUFFICIENT_ACTIVE_PERCENT:
        return None
    return (
        f"sensor readings cover {active_14_day_percent:.1f} % of the last {REPORT_DAYS} days; "
        f"{SUFFICIENT_ACTIVE_PERCENT:.0f} % are needed"
    )


def _weight(minutes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that add up to one; equal where one interval holds throughout or none is known."""
    if minutes.size and minutes.any():
        weight: NDArray[np.float64] = minutes / minutes.sum()
        return weight
    return np.full(minutes.size, 1 / max(1, minutes.size))


def _one_interval(minutes: NDArray[np.float64]) -> float | None:
    known = np.unique(minutes[minutes > 0])
    return float(known[0]) if known.size == 1 else None


LEVEL: Final = ("mean_mgdl", "median_mgdl", "sd_mgdl", "cv_percent", "gmi_percent", "estimated_a1c_percent",
                "j_index", "m_value", "lbgi", "hbgi")  # fmt: skip


def _level(value: NDArray[np.float64], weight: NDArray[np.float64]) -> dict[str, Any]:
    """Mean, spread and the indices built on them."""
    if not value.size:
        return dict.fromkeys(LEVEL)
    mean = float(weight @ value)
    low_risk, high_risk = indices.blood_glucose_risk(value)
    sd = _sd(value, weight, mean) if value.size > 1 else None
    return {
        "mean_mgdl": mean,
        "median_mgdl": float(np.median(value)),
        "sd_mgdl": sd,
        "cv_percent": None if sd is None else 100 * sd / mean,
        "gmi_percent": indices.glucose_management_indicator(mean),
        "estimated_a1c_percent": indices.estimated_a1c(mean),
        "j_index": None if sd is None else indices.j_index(mean, sd),
        "m_value": float(weight @ indices.m_terms(value)),
        "lbgi": float(weight @ low_risk),
        "hbgi": float(weight @ high_risk),
    }


def _sd(value: NDArray[np.float64], weight: NDArray[np.float64], mean: float) -> float:
    """Sample SD; with equal weights the divisor is n - 1."""
    return float(np.sqrt(weight @ (value - mean) ** 2 * value.size / (value.size - 1)))


SHARES: Final = (
    "time_below_54_percent", "time_54_69_percent", "time_70_180_percent", "time_181_250_percent",
    "time_above_250_percent", "time_below_70_percent", "time_above_180_percent", "time_70_140_percent",
    "time_63_140_percent", "time_below_63_percent", "time_above_140_percent", "gri",
)  # fmt: skip


def _shares(shown: ShownGlucose, weight: NDArray[np.float64]) -> dict[str, Any]:
    """Percent of time in each band, and the index built on them."""
    if not weight.size:
        return dict.fromkeys(SHARES)

    def percent(mask: NDArray[np.bool_]) -> float:
        return float(100 * weight[mask].sum())

    very_low, low, high = shown.below(bands.VERY_LOW), shown.below(bands.LOW), shown.above(bands.HIGH)
    very_high, tight_high = shown.above(bands.VERY_HIGH), shown.above(bands.HIGH_TIGHT)
    pregnancy_low = shown.below(bands.LOW_PREGNANCY)
    masks = (
        very_low, low & ~very_low, ~low & ~high, high & ~very_high, very_high, low, high,
        ~low & ~tight_high, ~pregnancy_low & ~tight_high, pregnancy_low, tight_high,
    )  # fmt: skip
    shares = [percent(mask) for mask in masks]
    gri = indices.glycemia_risk_index(shares[0], shares[1], shares[3], shares[4])
    return dict(zip(SHARES, [*shares, gri], strict=True))


EVENTS: Final = (
    "hypo_events", "hypo_level2_events", "prolonged_hypo_events", "hyper_events", "hyper_level2_events",
)  # fmt: skip


def _event_counts(window: TimeSeries, minutes: NDArray[np.float64], shown: ShownGlucose) -> dict[str, Any]:
    """Episodes of level 1 include those of level 2. Without a reading nothing is known of episodes."""
    if not len(window):
        return dict.fromkeys(EVENTS)
    low_limits = (shown.below(bands.LOW), shown.below(bands.VERY_LOW))
    high_limits = (shown.above(bands.HIGH), shown.above(bands.VERY_HIGH))
    lows, very_lows, highs, very_highs = (
        episode_spans(window.at_ms, minutes, beyond) for beyond in low_limits + high_limits
    )
    lasted = [(window.at_ms[last] - window.at_ms[first]) / MINUTE_MS + minutes[last] for first, last in lows]
    prolonged = sum(float(length) >= PROLONGED_MIN for length in lasted)
    counts = (len(lows), len(very_lows), prolonged, len(highs), len(very_highs))
    return dict(zip(EVENTS, counts, strict=True))
