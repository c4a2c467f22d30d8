"""Lows and highs that are said whatever the targets: no group, no average and no other device hides them.

Part of the service `glucose-review`; each finding makes its card a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from hooks import wording
from hooks.service import Question
from models.features.bands import VERY_LOW, shown_glucose
from models.features.glycemic import GlycemicMetrics
from models.time_series import TimeSeries

LOW_PERCENT: Final = 4.0
VERY_LOW_PERCENT: Final = 1.0
"""Most that any group of adults accepts below 70 and below 54 mg/dL (Battelino 2019)."""

KETONES_MGDL: Final = 300.0
"""A mean or a current value from here on calls for ketones and a second thought on the type of diabetes
(our judgement; ADA sick-day advice tests ketones above 240)."""

CURRENT_MS: Final = 60 * 60_000


@dataclass(frozen=True, slots=True)
class Extreme:
    """One finding: a few words for a summary, and the sentence for the detail."""

    short: str
    text: str


def extremes(
    question: Question, cgm: TimeSeries, meter: TimeSeries | None, metrics: GlycemicMetrics
) -> tuple[Extreme, ...]:
    """Every finding, lows first."""
    return (
        *_sensor_lows(question, cgm, metrics),
        *(_meter_lows(question, meter) if meter is not None else ()),
        *_share_of_lows(question, metrics),
        *_very_high(question, cgm, metrics),
    )


def _sensor_lows(question: Question, cgm: TimeSeries, metrics: GlycemicMetrics) -> Iterator[Extreme]:
    number = metrics.hypo_level2_events
    if number:
        limit = wording.band("below 54 mg/dL", question.practice.glucose_unit)
        short = f"{wording.count(number, 'episode')} {limit}"
        yield Extreme(short, f"{short}: {_lowest(question, cgm)}")


def _meter_lows(question: Question, meter: TimeSeries) -> Iterator[Extreme]:
    number = int(np.count_nonzero(shown_glucose(meter).below(VERY_LOW)))
    if number:
        limit = wording.band("below 54 mg/dL", question.practice.glucose_unit)
        short = f"meter: {wording.count(number, 'reading')} {limit}"
        yield Extreme(short, f"{short}, {_lowest(question, meter)}; compare with the sensor")


def _share_of_lows(question: Question, metrics: GlycemicMetrics) -> Iterator[Extreme]:
    low, very_low = metrics.time_below_70_percent, metrics.time_below_54_percent
    if low is None or very_low is None or not (low >= LOW_PERCENT or very_low >= VERY_LOW_PERCENT):
        return
    unit = question.practice.glucose_unit
    short = f"{wording.percent(low)} {wording.band('below 70 mg/dL', unit)}"
    yield Extreme(short, f"{short}, {wording.percent(very_low)} {wording.band('below 54 mg/dL', unit)}")


def _very_high(question: Question, cgm: TimeSeries, metrics: GlycemicMetrics) -> Iterator[Extreme]:
    newest = cgm.between(question.as_of_ms - CURRENT_MS, question.as_of_ms)
    now = float(newest.value[-1]) if len(newest) else 0.0
    mean = metrics.mean_mgdl or 0.0
    if max(now, mean) >= KETONES_MGDL:
        word, value = ("now", now) if now >= KETONES_MGDL else ("on average", mean)
        short = f"glucose {wording.glucose(value, question.practice.glucose_unit)} {word}"
        yield Extreme(
            short, f"{short}: check ketones, and reconsider the type of diabetes and missed insulin"
        )


def _lowest(question: Question, series: TimeSeries) -> str:
    at = int(np.argmin(series.value + 0.5 * series.censored))
    value = wording.reading(series, at, question.practice.glucose_unit)
    return f"lowest {value} on {wording.moment(int(series.at_ms[at]), question.zone)}"
