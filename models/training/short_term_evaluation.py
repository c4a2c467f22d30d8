"""The evaluation of lows and highs of the next two hours on people in a file: the served, rivals unfitted.

Sits under `evaluate`; needs numpy alone. Rivals that learn are added by `challenge`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.risk.causal_grid import Column, Slots
from models.risk.episode_risk import EpisodeModel
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.training.calibration_by_chance import with_chance
from models.training.cgm_people import Person, fingerprint
from models.training.curves import curves
from models.training.leak_check import check_no_look_ahead
from models.training.measure import measure, ranking
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.questions import NothingToAsk, Questions
from models.training.short_term_events import EVENTS, Event
from models.training.short_term_windows import HORIZONS_MIN, Windows, windows_of
from models.training.subgroups import by_hour, by_source

SERVED: Final = "additive"
STATED: Final = ("auroc", "auprc", "ece", "sensitivity_at_90_specificity", "false_alarms_per_day_at_80")
ANY_CLOCK: Final = 0
"""Slot of the day at which readings begin for the check of leaks: without one, features of the hour hide."""

Scores = dict[str, dict[int, Column]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A served model and the event it foretells."""

    model: EpisodeModel
    event: Event

    @property
    def learned_from(self) -> frozenset[str]:
        """Fingerprints of the people behind the served tables; numbers on them flatter the served model."""
        return frozenset(self.model.tables[60].facts["people"].values())


JUDGED: Final[Mapping[str, Judged]] = {
    model.name: Judged(model, EVENTS[model.name]) for model in (HYPOGLYCEMIA, HYPERGLYCEMIA)
}


def unfitted_scores(judged: Judged, people: Sequence[Person], seed: int) -> tuple[Windows, Scores]:
    """The questions and the scores of what needs no fit; LeakError where a feature knows the future."""
    expected = judged.model.outlook.seen

    def seen(measured: Column, at: Slots) -> dict[str, Column]:
        return expected(judged.event.features(measured, at, ANY_CLOCK))

    check_no_look_ahead(seen, people, seed)
    windows = windows_of(people, judged.event)
    features, towards = windows.features, judged.event.towards
    given = expected(features)
    return windows, {
        SERVED: {horizon: table.probability(given) for horizon, table in judged.model.tables.items()},
        "linear_extrapolation": dict.fromkeys(HORIZONS_MIN, towards * _extrapolated(features)),
        "glucose_now": dict.fromkeys(HORIZONS_MIN, towards * features["glucose_mgdl"]),
    }


def report(
    judged: Judged, people: Sequence[Person], windows: Windows, scores: Scores, seed: int
) -> dict[str, Any]:
    """Metrics of every score, in the form that the command line prints."""
    full = {
        name: {str(h): metrics_of(windows, h, by_horizon[h], seed) for h in HORIZONS_MIN}
        for name, by_horizon in scores.items()
    }
    return {
        "task": judged.model.name,
        "people": len(people),
        "windows": int(windows.person.size),
        "served": SERVED,
        "models": {n: {h: {key: m[key] for key in STATED} for h, m in by.items()} for n, by in full.items()},
        "people_learned_from": sum(fingerprint(person) in judged.learned_from for person in people),
        "subgroups": {str(h): _subgroups(people, windows, h, scores[SERVED][h]) for h in HORIZONS_MIN},
        "details": full,
        "curves": {
            str(h): {name: _curves(windows, h, by[h]) for name, by in scores.items()} for h in HORIZONS_MIN
        },
    }


def _extrapolated(features: Mapping[str, Column]) -> Column:
    projected = features["in_30_min_mgdl"]
    return np.where(np.isnan(projected), features["glucose_mgdl"], projected)


def metrics_of(windows: Windows, horizon: int, score: Column, seed: int) -> dict[str, Any]:
    """Every metric of one score at one horizon, with intervals. NothingToAsk where no answer is known."""
    questions, score = answered(windows, horizon, score)
    if not score.size:
        raise NothingToAsk(f"nobody was observed for {horizon} minutes after a question")
    intervals = bootstrap_intervals(questions.person, questions.episode, score, seed)
    return with_chance(measure(questions, score), score, seed) | intervals


def _curves(windows: Windows, horizon: int, score: Column) -> dict[str, Any]:
    questions, score = answered(windows, horizon, score)
    return curves(questions.episode, score)


def spread(windows: Windows, horizon: int, score: Column) -> Column:
    """Scores of the answered questions of a horizon on all questions, NaN where the answer is unknown."""
    known = ~np.isnan(windows.episode[horizon])
    found = np.full(known.size, np.nan)
    found[known] = score
    return found


def answered(windows: Windows, horizon: int, score: Column) -> tuple[Questions, Column]:
    """The questions whose answer is known, with their scores."""
    known = ~np.isnan(windows.episode[horizon]) & ~np.isnan(score)
    questions = Questions(windows.person[known], windows.slot[known], windows.episode[horizon][known])
    return questions, score[known]


def _subgroups(
    people: Sequence[Person], windows: Windows, horizon: int, score: Column
) -> dict[str, dict[str, float | None]]:
    """The served model by source of the data and by day and night."""
    groups = by_source(people, windows.person) | by_hour(windows.slot)
    found: dict[str, dict[str, float | None]] = {}
    for name, group in groups.items():
        questions, asked = answered(windows, horizon, np.where(group, score, np.nan))
        if asked.size:
            found[name] = ranking(questions.episode, asked)
    return found
