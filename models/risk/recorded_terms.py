"""What is recorded beside CGM (insulin, food, steps, heart rate) as optional terms of the glucose risks.

Sits under the risk models; training and serving compute the terms by this same code. Amounts are shares of
the person's own usual day, so that people compare. Where too little was recorded a value is missing, and
the cell for "missing" of every table holds no points.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.assessment import Input
from models.dosing.insulin_doses import MS_PER_MIN, InsulinDoses, momentary
from models.dosing.insulin_on_board import RAPID_ADULT, remaining_fraction
from models.features.sampling import DAY_MS
from models.risk.causal_grid import Column, Slots
from models.signals import CARBS as CARBS_SIGNAL
from models.signals import HEART_RATE as HEART_RATE_SIGNAL
from models.signals import INSULIN_BOLUS
from models.signals import STEPS as STEPS_SIGNAL
from models.time_series import TimeSeries

HOUR_MS: Final = DAY_MS // 24

INSULIN: Final = "insulin_on_board_of_usual_day_percent"
CARBS: Final = "carbs_2_h_of_usual_day_percent"
STEPS: Final = "steps_2_h_of_usual_day_percent"
STEPS_OF_EVENING: Final = "steps_6_h_of_usual_day_percent"
HEART_RATE: Final = "heart_rate_above_resting_per_min"

OF_NEXT_HOURS: Final = (INSULIN, CARBS, STEPS, HEART_RATE)
OF_TONIGHT: Final = (INSULIN, CARBS, STEPS_OF_EVENING, HEART_RATE)

RAISES_A_LOW: Final[Mapping[str, int]] = {INSULIN: 1, CARBS: -1, STEPS: 1, STEPS_OF_EVENING: 1, HEART_RATE: 1}
"""Insulin yet to act and exercise may only raise the risk of a low, food just eaten only lower it."""

DAYS: Final = 14
FEWEST_DAYS: Final = 3
"""A usual day is known from three of the last 14 days with a record, the last 24 hours among them: who keeps
no diary today has not fasted, and who wears no counter has not rested (our judgement)."""

SMALLEST_USUAL_DAY: Final[Mapping[str, float]] = {INSULIN_BOLUS: 4.0, CARBS_SIGNAL: 20.0, STEPS_SIGNAL: 500.0}
"""Units, grams and steps. Shares of less than this say nothing (our judgement)."""

LONGEST_COUNT_MS: Final = HOUR_MS
"""Steps counted over longer do not tell of the last hours."""

RESTING_PERCENTILE: Final = 10.0
"""Of the readings of a usual day, the tenth lowest stand for rest (our judgement)."""

FEWEST_HEART_READINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Entries:
    """Amounts of one signal, each from the instant at which it is known: int64[n] sorted and float64[n]."""

    at_ms: Slots
    value: Column

    @classmethod
    def of(cls, series: TimeSeries) -> Self:
        """Those of a series: what was delivered over a while piece by piece, what was counted at the end."""
        if series.signal == INSULIN_BOLUS:
            parts = momentary(InsulinDoses(series.at_ms, series.until_ms, series.value))
            return cls._sorted(parts.at_ms, parts.units)
        kept = _kept(series)
        return cls._sorted(series.until_ms[kept], series.value[kept])

    @classmethod
    def _sorted(cls, at_ms: Slots, value: Column) -> Self:
        order = np.argsort(at_ms, kind="stable")
        return cls(at_ms[order], value[order])

    def until(self, asked_ms: Slots) -> Slots:
        """How many entries are known at each instant."""
        return np.searchsorted(self.at_ms, asked_ms, side="right")

    def sum(self, since_ms: Slots, until_ms: Slots) -> Column:
        """Sum of what became known after one instant and up to another, in their shape."""
        total = np.concatenate([[0.0], np.cumsum(self.value)])
        found: Column = total[self.until(until_ms)] - total[self.until(since_ms)]
        return found


Feature = Callable[[Entries, Slots], Column]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The series of one patient beside CGM, by signal; a signal that the record lacks is no key."""

    series: Mapping[str, TimeSeries]

    def features(self, names: Iterable[str], as_of_ms: int) -> dict[str, Column]:
        """Optional features of one moment, float64[1] each, NaN where unknown. Nothing later is read."""
        entries = {signal: Entries.of(one) for signal, one in self.series.items() if signal in SIGNALS}
        return features_of(entries, names, np.array([as_of_ms]))

    def newest(self, features: Mapping[str, Column], as_of_ms: int) -> tuple[Input, ...]:
        """The newest entry of each series that a feature of this moment was made of."""
        used = dict.fromkeys(FEATURES[name][0] for name, value in features.items() if not np.isnan(value[0]))
        return tuple(_newest(self.series[signal], as_of_ms) for signal in used)


NOTHING_RECORDED: Final = Recorded({})


def _newest(series: TimeSeries, as_of_ms: int) -> Input:
    counted = series.at_ms if series.signal == INSULIN_BOLUS else series.until_ms
    row = int(np.flatnonzero((counted <= as_of_ms) & _kept(series))[-1])
    reference = series.references[int(series.reference[row])]
    return Input(series.signal, float(series.value[row]), series.unit, int(series.at_ms[row]), reference)


def _kept(series: TimeSeries) -> NDArray[np.bool_]:
    """Every bolus, and what was counted over a short while."""
    short = series.until_ms - series.at_ms <= LONGEST_COUNT_MS
    return short | (series.signal == INSULIN_BOLUS)


def features_of(entries: Mapping[str, Entries], names: Iterable[str], asked_ms: Slots) -> dict[str, Column]:
    """Named features at some instants, float64[m] each, from the entries of each signal that is there."""
    of = {name: FEATURES[name] for name in names}
    return {
        name: feature(entries[signal], asked_ms) if signal in entries else np.full(asked_ms.size, np.nan)
        for name, (signal, feature) in of.items()
    }


def usual_day(entries: Entries, asked_ms: Slots) -> Column:
    """Mean sum of the recorded ones of the last 14 days, float64[m]; NaN where too few have a record."""
    ends = asked_ms[:, None] - np.arange(DAYS + 1) * DAY_MS
    recorded = -np.diff(entries.until(ends), axis=1) > 0
    days = recorded.sum(axis=1)
    total = entries.sum(ends[:, -1], asked_ms)
    return np.where(recorded[:, 0] & (days >= FEWEST_DAYS), total / np.maximum(days, 1), np.nan)


def insulin_on_board_u(entries: Entries, asked_ms: Slots) -> Column:
    """Bolus insulin given and yet to act at each instant, U, float64[m]."""
    first = entries.until(asked_ms - round(RAPID_ADULT.end_min * MS_PER_MIN))
    count = entries.until(asked_ms) - first
    asked = np.repeat(np.arange(asked_ms.size), count)
    dose = np.arange(asked.size) - np.repeat(np.cumsum(count) - count, count) + first[asked]
    left = remaining_fraction((asked_ms[asked] - entries.at_ms[dose]) / MS_PER_MIN)
    acting: Column = np.bincount(asked, left * entries.value[dose], asked_ms.size).astype(np.float64)
    return acting


def insulin_of_usual_day(entries: Entries, asked_ms: Slots) -> Column:
    """Insulin on board as percent of the person's usual daily boluses, float64[m]."""
    return _percent(insulin_on_board_u(entries, asked_ms), entries, asked_ms, INSULIN_BOLUS)


def _sum_of_usual_day(signal: str, hours: int) -> Feature:
    def percent(entries: Entries, asked_ms: Slots) -> Column:
        return _percent(entries.sum(asked_ms - hours * HOUR_MS, asked_ms), entries, asked_ms, signal)

    return percent


def _percent(amount: Column, entries: Entries, asked_ms: Slots, signal: str) -> Column:
    usual = usual_day(entries, asked_ms)
    enough = usual >= SMALLEST_USUAL_DAY[signal]
    return np.where(enough, 100 * amount / np.where(enough, usual, 1.0), np.nan)


def heart_rate_above_resting(entries: Entries, asked_ms: Slots) -> Column:
    """Mean of the last hour above the person's own resting level, beats per minute, float64[m].

    NaN with fewer than three readings in the hour, or where no usual day is known.
    """
    first, begin, end = (entries.until(asked_ms - back) for back in (DAYS * DAY_MS, HOUR_MS, 0))
    enough = (end - begin >= FEWEST_HEART_READINGS) & ~np.isnan(usual_day(entries, asked_ms))
    above = np.full(asked_ms.size, np.nan)
    for row in np.flatnonzero(enough):
        resting = np.percentile(entries.value[first[row] : end[row]], RESTING_PERCENTILE)
        above[row] = entries.value[begin[row] : end[row]].mean() - resting
    return above


FEATURES: Final[Mapping[str, tuple[str, Feature]]] = {
    INSULIN: (INSULIN_BOLUS, insulin_of_usual_day),
    CARBS: (CARBS_SIGNAL, _sum_of_usual_day(CARBS_SIGNAL, 2)),
    STEPS: (STEPS_SIGNAL, _sum_of_usual_day(STEPS_SIGNAL, 2)),
    STEPS_OF_EVENING: (STEPS_SIGNAL, _sum_of_usual_day(STEPS_SIGNAL, 6)),
    HEART_RATE: (HEART_RATE_SIGNAL, heart_rate_above_resting),
}
"""Each feature, the signal it is made of, and how."""

SIGNALS: Final = frozenset(signal for signal, _ in FEATURES.values())
