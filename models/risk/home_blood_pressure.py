"""Blood pressure at home: the week's mean of cuff readings against a guideline's cut, and how sure that is.

One of the published rules; means, cuts and probability are those of `models.features.blood_pressure`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.assessment import Assessment, Input, NotAssessed, Outcome, Reason, ReasonCode
from models.features.blood_pressure import CUTS_MMHG, MEAN, home_mean, probability_above
from models.features.sampling import DAY_MS
from models.preprocess.copies import lowest_per_instant
from models.time_series import TimeSeries

MODEL: Final = "home_blood_pressure"

Guideline = Literal["acc_aha", "esh"]

VERSIONS: Final[Mapping[Guideline, str]] = {"acc_aha": "ACC/AHA 2017", "esh": "ESH 2023"}
SOURCES: Final[Mapping[Guideline, str]] = {
    "acc_aha": "Whelton PK et al., Hypertension 2018;71:e13 (home 130/80 mmHg)",
    "esh": "Mancia G et al., J Hypertens 2023;41:1874 (home 135/85 mmHg)",
}


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of one pressure's readings, and the probability that the true mean is at or above the cut."""

    mmhg: float
    cut_mmhg: float
    probability_above: float
    readings: int
    days: int


@dataclass(frozen=True, slots=True)
class HomeBloodPressure:
    """Both means against one guideline's cuts; at or above either cut is elevated."""

    guideline: Guideline
    systolic: Mean
    diastolic: Mean
    source: str


def home_blood_pressure(
    systolic: TimeSeries, diastolic: TimeSeries, guideline: Guideline, as_of_ms: int
) -> Assessment[HomeBloodPressure] | NotAssessed:
    """Cuff readings (`sbp`, `dbp`, mmHg) of the week before `as_of_ms`; each is an input with its age."""
    upper, lower = (_mean(series, guideline, as_of_ms) for series in (systolic, diastolic))
    if isinstance(upper, Reason) or isinstance(lower, Reason):
        reasons = tuple(mean for mean in (upper, lower) if isinstance(mean, Reason))
        return NotAssessed(MODEL, VERSIONS[guideline], as_of_ms, reasons)
    elevated = any(mean.mmhg >= mean.cut_mmhg for mean in (upper, lower))
    return Assessment(
        model=MODEL,
        version=VERSIONS[guideline],
        as_of_ms=as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if elevated else Outcome.ASSESSED_NEGATIVE,
        result=HomeBloodPressure(guideline, upper, lower, SOURCES[guideline]),
        inputs=(*_inputs(_week(systolic, as_of_ms)), *_inputs(_week(diastolic, as_of_ms))),
    )


def _mean(pressure: TimeSeries, guideline: Guideline, as_of_ms: int) -> Mean | Reason:
    cut_mmhg, week = CUTS_MMHG[guideline][pressure.signal], _week(pressure, as_of_ms)
    mean, above = home_mean(pressure, as_of_ms), probability_above(pressure, cut_mmhg, as_of_ms)
    if mean.value is None or above.value is None:
        code = ReasonCode.SPARSE if len(week) else ReasonCode.MISSING
        return Reason(code, pressure.signal, str(mean.why_not))
    days = int(np.unique((as_of_ms - week.at_ms) // DAY_MS).size)
    return Mean(mean.value, cut_mmhg, above.value, len(week), days)


def _week(pressure: TimeSeries, as_of_ms: int) -> TimeSeries:
    """The readings that the mean is made of."""
    return lowest_per_instant(pressure.between(MEAN.start_ms(as_of_ms), as_of_ms)).series


def _inputs(week: TimeSeries) -> tuple[Input, ...]:
    return tuple(
        Input(week.signal, float(value), week.unit, int(at_ms), week.references[int(reference)])
        for value, at_ms, reference in zip(week.value, week.at_ms, week.reference, strict=True)
    )
