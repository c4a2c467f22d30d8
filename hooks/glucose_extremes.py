"""Lows and highs that are said whatever the targets: no group, no average and no other device hides them.

Part of the service `glucose-review`; each finding makes its card a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from hooks import wording
from hooks.glucose_card import LABELS
from hooks.service import Question
from models.dosing.hyperglycaemic_crisis import CRISIS_MGDL
from models.features.bands import VERY_LOW, shown_glucose
from models.features.glycemic import GlycemicMetrics
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG
from models.time_series import TimeSeries

LOW_PERCENT: Final = 4.0
VERY_LOW_PERCENT: Final = 1.0
"""Most that any group of adults accepts below 70 and below 54 mg/dL (Battelino 2019)."""

CURRENT_MS: Final = {GLUCOSE_CGM: 60 * 60_000, GLUCOSE_SMBG: 24 * 60 * 60_000}
"""How long a newest value of 300 mg/dL or more is said: a meter's next one may come a day later."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """One finding: a few words for a summary, and the sentence for the detail; `now` leads the summary."""

    short: str
    text: str
    now: bool = False


def extremes(
    question: Question, cgm: TimeSeries, meter: TimeSeries | None, metrics: GlycemicMetrics
) -> tuple[Extreme, ...]:
    """Every finding, lows first."""
    return (
        *_sensor_lows(question, cgm, metrics),
        *(_meter_lows(question, meter) if meter is not None else ()),
        *_share_of_lows(question, metrics),
        *very_high(question, cgm, metrics.mean_mgdl),
        *(very_high(question, meter, None) if meter is not None else ()),
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


def very_high(question: Question, series: TimeSeries, mean_mgdl: float | None) -> Iterator[Extreme]:
    """The newest value of one device, or its mean, from 300 mg/dL on: ketones before anything else."""
    newest = series.between(question.as_of_ms - CURRENT_MS[series.signal], question.as_of_ms)
    unit, device = question.practice.glucose_unit, LABELS[series.signal]
    if len(newest) and float(newest.value[-1]) >= CRISIS_MGDL:
        age = wording.age(int(newest.at_ms[-1]), question.as_of_ms)
        short = f"{device} {wording.reading(newest, -1, unit)}, {age}: check ketones"
        yield Extreme(short, f"{short}; {_causes(question)}", now=True)
    elif mean_mgdl is not None and mean_mgdl >= CRISIS_MGDL:
        short = f"{device} {wording.glucose(mean_mgdl, unit)} on average: check ketones"
        yield Extreme(short, f"{short}; {_causes(question)}")


def _causes(question: Question) -> str:
    causes = "look for illness, steroids, missed insulin or a blocked infusion set"
    known = "type_1_diabetes" in question.record.concepts()
    return causes if known else f"{causes}, and reconsider the type of diabetes"


def _lowest(question: Question, series: TimeSeries) -> str:
    at = int(np.argmin(series.value + 0.5 * series.censored))
    value = wording.reading(series, at, question.practice.glucose_unit)
    return f"lowest {value} on {wording.moment(int(series.at_ms[at]), question.zone)}"
