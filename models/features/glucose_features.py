"""All glucose features of one window as plain keys: what the command `features` prints.

Sits over the metrics, episodes and profile; the cards read the records, not this.
"""

from dataclasses import asdict, fields
from math import isnan
from typing import Any

from models.assessment import Reason
from models.features.agp import PERCENTILES, AmbulatoryProfile, profile_on
from models.features.glycemic import REPORT_DAYS, GlycemicMetrics, glycemic_metrics
from models.features.hourly import hourly_glucose
from models.features.local_time import zone_of
from models.features.night import night_glucose
from models.features.patterns import patterns_in
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import TimeSeries


def features_of(
    glucose: TimeSeries,
    as_of_ms: int | None = None,
    days: float = REPORT_DAYS,
    zone: str | None = None,
    as_displayed: bool = True,
) -> dict[str, Any]:
    """Metrics and profile of the `days` before `as_of_ms`, by default before the last reading.

    Values are numbers, None where there are too few readings, text or lists of numbers. Without a zone
    `profile`, `night` and `patterns` are None and `time_of_day_why_not` says so.
    """
    end_ms = glucose.newest_ms if as_of_ms is None else as_of_ms
    if end_ms is None:
        nothing: dict[str, Any] = dict.fromkeys(metric.name for metric in fields(GlycemicMetrics))
        return nothing | {"readings": 0, "sufficient": False, "why_not": "there is no glucose reading"}
    metrics = glycemic_metrics(glucose, end_ms, days, as_displayed)
    window = glucose.between(metrics.window_start_ms, end_ms)
    return asdict(metrics) | _by_time_of_day(window, zone, metrics.cv_percent)


def _by_time_of_day(glucose: TimeSeries, zone: str | None, cv_percent: float | None) -> dict[str, Any]:
    """Profile, nights and patterns; all None with the reason where the zone is not known."""
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return dict.fromkeys(("profile", "night", "patterns")) | {"time_of_day_why_not": clock.text}
    usable = usable_cgm(glucose).series
    table = hourly_glucose(usable, clock)
    return {
        "profile": _curves(profile_on(clock, usable)),
        "night": asdict(night_glucose(table)),
        "patterns": [pattern.text for pattern in patterns_in(table, cv_percent)],
        "time_of_day_why_not": None,
    }


def _curves(profile: AmbulatoryProfile) -> dict[str, Any]:
    """Every percentile as a list of 96 numbers, None in slots without a reading."""
    return {"zone": profile.zone} | {
        f"p{percentile}_mgdl": [None if isnan(mgdl) else mgdl for mgdl in profile.curve(percentile).tolist()]
        for percentile in PERCENTILES
    }
