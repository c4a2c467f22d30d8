"""The glycaemic phenotype of two weeks: a name by clear cut-offs, the first that holds.

Sits over the metrics and the hourly table. Names serve to describe; targets and patterns stay what they are.
"""

from enum import StrEnum
from typing import Final

import numpy as np

from models.assessment import Reason, ReasonCode
from models.features.glycemic import GlycemicMetrics
from models.features.hourly import HourlyGlucose
from models.features.night import NIGHT_HOURS

LOW_PERCENT: Final = 4.0
VERY_LOW_PERCENT: Final = 1.0
HIGH_PERCENT: Final = 25.0
"""Targets of most adults: below 70 under 4 %, below 54 under 1 %, above 180 under 25 % (Battelino 2019)."""

UNSTABLE_CV_PERCENT: Final = 36.0
"""Danne et al., Diabetes Care 2017;40:1631."""


class Phenotype(StrEnum):
    """What stands out, worst first; each excludes those before it.

    Highs of the waking hours are called post-meal: most are, but no meal record is asked for.
    """

    LOWS_DOMINANT = "lows-dominant"
    HIGH_ALL_DAY = "high all day"
    OVERNIGHT_HIGHS = "overnight highs"
    POST_MEAL_HIGHS = "post-meal highs"
    VARIABLE = "variable"
    IN_TARGET = "in target"


def phenotype_of(metrics: GlycemicMetrics, table: HourlyGlucose) -> Phenotype | Reason:
    """The phenotype of one window; `table` holds the same readings by local day and hour.

    Without 70 % of the readings, or without readings by night and by day, there is none.
    """
    low, very_low, cv = metrics.time_below_70_percent, metrics.time_below_54_percent, metrics.cv_percent
    if not metrics.sufficient or low is None or very_low is None or cv is None:
        return Reason(ReasonCode.SPARSE, "glucose_cgm", metrics.why_not or "too few readings")
    night, day = high_share_percent(table, night=True), high_share_percent(table, night=False)
    if night is None or day is None:
        return Reason(ReasonCode.SPARSE, "glucose_cgm", "no readings by night or none by day")
    if low >= LOW_PERCENT or very_low >= VERY_LOW_PERCENT:
        return Phenotype.LOWS_DOMINANT
    return _highs(night, day) or (Phenotype.VARIABLE if cv > UNSTABLE_CV_PERCENT else Phenotype.IN_TARGET)


def _highs(night_percent: float, day_percent: float) -> Phenotype | None:
    by_night, by_day = night_percent >= HIGH_PERCENT, day_percent >= HIGH_PERCENT
    if by_night and by_day:
        return Phenotype.HIGH_ALL_DAY
    if by_night:
        return Phenotype.OVERNIGHT_HIGHS
    return Phenotype.POST_MEAL_HIGHS if by_day else None


def high_share_percent(table: HourlyGlucose, night: bool) -> float | None:
    """Percent of the measured time of the nights (00 to 05:59), or of the days, above 180 mg/dL."""
    hours = np.zeros(24, bool)
    hours[NIGHT_HOURS] = True
    chosen = hours if night else ~hours
    measured = float(table.measured[:, chosen].sum())
    return float(100 * table.high[:, chosen].sum() / measured) if measured else None
