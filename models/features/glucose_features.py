"""All glucose features of one window as plain keys: what the command `features` prints.

Sits over the metrics, episodes and profile; the cards read the records, not this.
"""

from dataclasses import asdict, fields
from typing import Any

from models.assessment import Reason
from models.features.agp import PERCENTILES, ambulatory_profile
from models.features.glycemic import REPORT_DAYS, GlycemicMetrics, glycemic_metrics
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
    `profile` is None and `profile_why_not` says so.
    """
    end_ms = glucose.newest_ms if as_of_ms is None else as_of_ms
    if end_ms is None:
        nothing: dict[str, Any] = dict.fromkeys(metric.name for metric in fields(GlycemicMetrics))
        return nothing | {"readings": 0, "sufficient": False, "why_not": "there is no glucose reading"}
    metrics = asdict(glycemic_metrics(glucose, end_ms, days, as_displayed))
    start_ms = metrics["window_start_ms"]
    return metrics | _profile(glucose.between(start_ms, end_ms), zone)


def _profile(glucose: TimeSeries, zone: str | None) -> dict[str, Any]:
    profile = ambulatory_profile(glucose, zone)
    if isinstance(profile, Reason):
        return {"profile": None, "profile_why_not": profile.text}
    curves = {
        f"p{percentile}_mgdl": [
            None if value != value else float(value) for value in profile.curve(percentile)
        ]
        for percentile in PERCENTILES
    }
    return {"profile": {"zone": profile.zone, **curves}, "profile_why_not": None}
