"""Risk that a new episode of low or high glucose starts within 30, 60 or 120 minutes, from CGM.

Sits under `hypoglycemia` and `hyperglycemia`, which say what an episode is and which tables answer; those
are made by `models.training.train_short_term`. Insulin, food and steps count where they are recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np

from models.assessment import Assessment, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.features.local_time import minute_of_day, zone_of
from models.risk.additive_model import AdditiveModel
from models.risk.causal_grid import MINUTES_PER_SLOT, SLOTS_PER_DAY, Column, Slots
from models.risk.glucose_outlook import Outlook
from models.risk.glucose_question import GlucoseQuestion, covered, question_of
from models.risk.glucose_risk_features import MEMORY_DAYS, SAME_TIME_SLOTS
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS
from models.risk.recorded_points import RecordedPoints
from models.risk.recorded_terms import NOTHING_RECORDED, Recorded
from models.risk.risk_reasons import RiskReason, Topic, top_reasons
from models.time_series import TimeSeries

HORIZONS_MIN: Final = (30, 60, 120)

LEADING_MIN: Final = 60
"""The horizon whose reasons and contributions are stated, and which decides the outcome."""

GRID_SLOTS: Final = MEMORY_DAYS * SLOTS_PER_DAY + SAME_TIME_SLOTS

Features = Callable[[Column, Slots, int | None], dict[str, Column]]


@dataclass(frozen=True, slots=True)
class EpisodeRisk:
    """Probability of a new episode within each horizon (minutes), counted from `asked_at_ms`.

    Each interval is at 90 % and is that of the estimate: how far it would move had other people been
    learned from. `reasons` are the three topics that move the 60-minute risk most, largest first.
    """

    within_min: Mapping[int, Interval]
    reasons: tuple[RiskReason, ...]
    asked_at_ms: int


def tables_of(model: str) -> dict[int, AdditiveModel]:
    """The packaged tables of a model: horizon in minutes -> additive model."""
    folder = files("models.risk")
    return {
        horizon: AdditiveModel.from_json((folder / f"{model}_{horizon}.json").read_text(encoding="utf-8"))
        for horizon in HORIZONS_MIN
    }


@dataclass(frozen=True, slots=True)
class EpisodeModel:
    """One kind of episode: its tables, what they see, and how that is told.

    `features` are of the readings, `outlook` adds how far glucose is expected to go; the tables see both.
    `under_way(mg/dL)` says why no new episode can be asked about at this glucose, None where it can.
    `recorded` are the optional terms beside each table.
    """

    name: str
    tables: Mapping[int, AdditiveModel]
    features: Features
    outlook: Outlook
    topics: Sequence[Topic]
    under_way: Callable[[float], str | None]
    recorded: Mapping[int, RecordedPoints]

    @property
    def version(self) -> str:
        """Version of the tables."""
        return self.tables[LEADING_MIN].version

    @property
    def positive_from(self) -> float:
        """The 60-minute risk that finds 80 % of the episodes of people not learned from."""
        return float(self.tables[LEADING_MIN].facts["alarm_threshold"])

    @property
    def learned_beside_cgm(self) -> tuple[str, ...]:
        """The optional features that hold points within any horizon."""
        return tuple(dict.fromkeys(name for own in self.recorded.values() for name in own.learned))

    def assess(
        self,
        glucose: TimeSeries,
        as_of_ms: int,
        zone_name: str | None,
        recorded: Recorded = NOTHING_RECORDED,
    ) -> Assessment[EpisodeRisk] | NotAssessed:
        """The risk at `as_of_ms`, or why it is not assessed. Nothing after `as_of_ms` is read.

        Without a time zone the hour of the day is unknown to the model, and it still answers; what is not
        recorded beside CGM changes nothing.
        """
        question = question_of(glucose, as_of_ms)
        if isinstance(question, Reason):
            return NotAssessed(self.name, self.version, as_of_ms, (question,))
        measured = question.slots(GRID_SLOTS)
        why_not = self._why_not(question, measured)
        if why_not is not None:
            return NotAssessed(self.name, self.version, as_of_ms, (why_not,))
        asked = np.array([measured.size - 1])
        of_cgm = self.seen(measured, asked, _first_clock_slot(question, zone_name))
        return self._assessed(question, of_cgm, recorded)

    def seen(self, measured: Column, at_slot: Slots, first_clock_slot: int | None) -> dict[str, Column]:
        """All that the tables see at some slots of one person's readings, as the features take them."""
        return self.outlook.seen(self.features(measured, at_slot, first_clock_slot))

    def _why_not(self, question: GlucoseQuestion, measured: Column) -> Reason | None:
        signal = question.seen.signal
        under_way = self.under_way(float(question.seen.value[-1]))
        if under_way is not None:
            return Reason(ReasonCode.OUT_OF_POPULATION, signal, under_way)
        if covered(measured, RECENT_SLOTS) < ENOUGH_READINGS:
            return Reason(ReasonCode.SPARSE, signal, "CGM covers less than two of the last three hours")
        return None

    def _assessed(
        self, question: GlucoseQuestion, features: Mapping[str, Column], recorded: Recorded
    ) -> Assessment[EpisodeRisk]:
        leading = self.recorded[LEADING_MIN]
        beside = recorded.features(leading.names, question.as_of_ms)
        of_cgm = {horizon: table.log_odds(features) for horizon, table in self.tables.items()}
        within, limits = _rising(
            {
                horizon: self.recorded[horizon].added_to(of, beside).interval()
                for horizon, of in of_cgm.items()
            }
        )
        contributions = (
            *self.tables[LEADING_MIN].contributions(features),
            *leading.contributions(beside, of_cgm[LEADING_MIN]),
        )
        counting = {name: beside[name] for name in self.learned_beside_cgm}
        positive = within[LEADING_MIN].value >= self.positive_from
        return Assessment(
            model=self.name,
            version=self.version,
            as_of_ms=question.as_of_ms,
            outcome=Outcome.ASSESSED_POSITIVE if positive else Outcome.ASSESSED_NEGATIVE,
            result=EpisodeRisk(within, top_reasons(self.topics, contributions), question.asked_ms),
            contributions=contributions,
            limits=limits,
            inputs=(question.newest(), *recorded.newest(counting, question.as_of_ms)),
        )


def _first_clock_slot(question: GlucoseQuestion, zone_name: str | None) -> int | None:
    """The slot of the patient's day at which the grid begins; None where the zone is not known."""
    zone = zone_of(zone_name)
    if isinstance(zone, Reason):
        return None
    minute = float(minute_of_day(np.array([question.asked_ms]), zone)[0])
    return round(minute / MINUTES_PER_SLOT) - (GRID_SLOTS - 1)


def _rising(within: Mapping[int, Interval]) -> tuple[dict[int, Interval], tuple[str, ...]]:
    """A longer horizon holds the shorter one: neither its risk nor an end of its interval is stated lower."""
    held_up: dict[int, Interval] = {}
    limits: list[str] = []
    least = Interval(0.0, 0.0, 0.0)
    for horizon, stated in within.items():
        if stated.value < least.value:
            limits.append(f"the {horizon}-minute risk was raised to that of the shorter horizon")
            stated = least
        least = Interval(stated.value, max(stated.low, least.low), max(stated.high, least.high))
        held_up[horizon] = least
    return held_up, tuple(limits)
