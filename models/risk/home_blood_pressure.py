"""Blood pressure at home: the mean of cuff readings against a guideline's cut, and how sure that is.

One of the published rules. Sources: Whelton 2018, Hypertension 71:e13 (ACC/AHA, 130/80); Mancia 2023,
J Hypertens 41:1874 (ESH, 135/85; at least 12 readings over at least 3 days).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import erf, sqrt
from typing import Final, Literal

import numpy as np

from models.assessment import Assessment, Input, NotAssessed, Outcome, Reason, ReasonCode
from models.time_series import TimeSeries

MODEL: Final = "home_blood_pressure"

Guideline = Literal["ACC/AHA", "ESH"]

CUTS_MMHG: Final[Mapping[Guideline, tuple[float, float]]] = {"ACC/AHA": (130.0, 80.0), "ESH": (135.0, 85.0)}
"""Systolic and diastolic; at or above either is elevated."""

LEAST_READINGS: Final = 12
LEAST_DAYS: Final = 3
DAY_MS: Final = 86_400_000

LEAST_ERROR_MMHG: Final = 1.0
"""Cuffs print whole mmHg: the error of a mean is never stated smaller (our judgement)."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of readings, and the probability that the true mean is at or above the cut.

    The probability takes daily means as independent draws around the true mean, normally distributed.
    """

    mmhg: float
    cut_mmhg: float
    probability_above: float
    readings: int
    days: int


@dataclass(frozen=True, slots=True)
class HomeBloodPressure:
    """Both means against one guideline's cuts."""

    guideline: Guideline
    systolic: Mean
    diastolic: Mean


def home_blood_pressure(
    systolic: TimeSeries, diastolic: TimeSeries, guideline: Guideline, as_of_ms: int
) -> Assessment[HomeBloodPressure] | NotAssessed:
    """Cuff readings of the chosen window (mmHg). A day is 24 hours counted back from `as_of_ms`."""
    for series in (systolic, diastolic):
        why_not = _why_not(series, as_of_ms)
        if why_not:
            return NotAssessed(MODEL, guideline, as_of_ms, (why_not,))
    cuts = CUTS_MMHG[guideline]
    found = HomeBloodPressure(
        guideline, _mean(systolic, cuts[0], as_of_ms), _mean(diastolic, cuts[1], as_of_ms)
    )
    elevated = any(mean.mmhg >= mean.cut_mmhg for mean in (found.systolic, found.diastolic))
    return Assessment(
        model=MODEL,
        version=guideline,
        as_of_ms=as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if elevated else Outcome.ASSESSED_NEGATIVE,
        result=found,
        inputs=(_newest(systolic), _newest(diastolic)),
    )


def _why_not(series: TimeSeries, as_of_ms: int) -> Reason | None:
    days = np.unique((as_of_ms - series.at_ms) // DAY_MS).size
    if len(series) >= LEAST_READINGS and days >= LEAST_DAYS:
        return None
    text = (
        f"{len(series)} readings over {days} days; at least {LEAST_READINGS} "
        f"over {LEAST_DAYS} days are needed"
    )  # fmt: skip
    return Reason(ReasonCode.SPARSE if len(series) else ReasonCode.MISSING, series.signal, text)


def _mean(series: TimeSeries, cut_mmhg: float, as_of_ms: int) -> Mean:
    _, day = np.unique((as_of_ms - series.at_ms) // DAY_MS, return_inverse=True)
    daily = np.bincount(day, series.value) / np.bincount(day)
    mean = float(series.value.mean())
    error = max(LEAST_ERROR_MMHG, float(daily.std(ddof=1)) / sqrt(daily.size))
    above = 0.5 * (1 + erf((mean - cut_mmhg) / (error * sqrt(2))))
    return Mean(mean, cut_mmhg, above, len(series), int(daily.size))


def _newest(series: TimeSeries) -> Input:
    reference = series.references[int(series.reference[-1])]
    return Input(series.signal, float(series.value[-1]), series.unit, int(series.at_ms[-1]), reference)
