"""The evaluation of the glucose forecast on people in a file: what is served, and rivals without a fit.

The door for the command line; needs numpy alone. Nothing is learned: intervals adapt to each person by the
served code, from that person's own past.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column
from models.risk.glucose_forecast import FACTS, KNOTS, TARGET_RANGE_MGDL
from models.risk.glucose_forecast_features import forecast_features
from models.risk.glucose_forecast_model import LEVELS, stated
from models.training.cgm_people import Person, fingerprint
from models.training.forecast_intervals import coverage_intervals, error_intervals
from models.training.forecast_measure import DIGITS, coverage_of, errors_of
from models.training.forecast_rivals import rivals
from models.training.forecast_windows import ForecastWindows, forecast_windows, question_slots
from models.training.leak_check import check_no_look_ahead
from models.training.questions import NothingToAsk
from models.training.subgroups import Rows, by_hour, by_source

Array = NDArray[np.float64]
Report = Callable[[str], None]
Metrics = dict[str, Any]
"""Errors, coverage and their intervals by name: float, [low, high], None where nothing decides it."""

SERVED: Final = "boosting"
SEED: Final = 2026
CONSTANT: Final[Mapping[str, Mapping[str, list[float]]]] = FACTS["constant_intervals"]
"""Ends of the rivals' 90 % intervals by model and horizon: errors of everybody learned from."""

LEARNED_FROM: Final = frozenset(FACTS["people"].values())
"""Fingerprints of the people behind the artefact; numbers on them flatter what is served."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a model says of all m questions, by horizon, mg/dL: the expected change float64[m], and quantiles
    of the change float64[m, levels], the outer two of which end its 90 % interval."""

    change: Mapping[int, Array]
    quantiles: Mapping[int, Array]


def evaluate_forecast(people: Sequence[Person], challengers: bool, report: Report) -> dict[str, Any]:
    """Errors and coverage of every model by horizon. Raises NothingToAsk, LeakError."""
    check_no_look_ahead(forecast_features, people, SEED)
    windows = forecast_windows(people)
    if not windows.person.size:
        raise NothingToAsk("nobody has two of three hours of CGM")
    report(f"{len(people)} people, {windows.person.size} questions; stating forecasts")
    served = _served(people, windows, report)
    report("drawing people again for the intervals")
    found = {SERVED: served} | _rivals(windows)
    models = {name: _by_horizon(windows, stated) for name, stated in found.items()}
    challenged = _challenged(people, windows, report) if challengers else {}
    return {
        "task": "forecast",
        "people": len(people),
        "windows": int(windows.person.size),
        "served": SERVED,
        "models": {name: _headline(by_horizon) for name, by_horizon in models.items()},
        "people_learned_from": sum(fingerprint(person) in LEARNED_FROM for person in people),
        "subgroups": _subgroups(people, windows, served),
        "quantiles": {str(h): _shares_below(windows.change[h], q) for h, q in served.quantiles.items()},
        "details": models,
        **challenged,
    }


def _challenged(people: Sequence[Person], windows: ForecastWindows, report: Report) -> dict[str, Any]:
    """Errors of rivals fitted on four fifths of these people, on the fifth left out."""
    learning = import_module("models.training.forecast_challenge")
    settings = import_module("models.training.forecast_fit").Settings()
    asked, found = learning.challenge(people, windows, settings, report)

    def errors(horizon: int, change: Array) -> Metrics:
        error = windows.change[horizon][asked] - change
        return errors_of(error) | error_intervals(windows.person[asked], error, SEED)

    return {
        "challengers_on_people_left_out": {
            name: {str(horizon): errors(horizon, change) for horizon, change in by.items()}
            for name, by in found.items()
        }
    }


def _served(people: Sequence[Person], windows: ForecastWindows, report: Report) -> Stated:
    found = []
    for index, person in enumerate(people):
        asked = windows.asked[windows.person == index]
        if asked.size:
            found.append(stated(KNOTS, person.measured, question_slots(person), asked))
        report(f"{index + 1} of {len(people)} people")
    now = windows.features["glucose_mgdl"]
    expected = np.concatenate([part for part, _ in found]) - now[:, None]
    quantiles = np.concatenate([part for _, part in found]) - now[:, None, None]
    places = {knot.horizon_min: place for place, knot in enumerate(KNOTS)}
    return Stated(
        {horizon: expected[:, place] for horizon, place in places.items()},
        {horizon: quantiles[:, place] for horizon, place in places.items()},
    )


def _rivals(windows: ForecastWindows) -> dict[str, Stated]:
    """Those without a fit; of quantiles they have the ends of an interval that is the same for all."""
    references = {knot.horizon_min: knot.errors.reference for knot in KNOTS}
    return {
        name: Stated(by, {h: change[:, None] + np.array(CONSTANT[name][str(h)]) for h, change in by.items()})
        for name, by in rivals(windows.features, references).items()
    }


def _by_horizon(windows: ForecastWindows, stated: Stated) -> dict[str, Metrics]:
    everybody = np.ones(windows.person.size, np.bool_)
    return {str(horizon): _measured(windows, stated, horizon, everybody) for horizon in stated.change}


def _measured(windows: ForecastWindows, stated: Stated, horizon: int, rows: Rows) -> Metrics:
    """Errors, coverage and width on some of the questions, with intervals over people."""
    person, followed = windows.person[rows], windows.change[horizon][rows]
    error, quantiles = stated.change[horizon][rows] - followed, stated.quantiles[horizon][rows]
    held = inside(followed, quantiles)
    width: Column = quantiles[:, -1] - quantiles[:, 0]
    return (
        errors_of(error)
        | coverage_of(person, held)
        | {"width_mgdl": round(float(width.mean()), 1)}
        | error_intervals(person, error, SEED)
        | coverage_intervals(person, held, SEED)
    )


def inside(followed: Column, quantiles: Array) -> Array:
    """1 where what followed lies between the outer quantiles, 0 where not, NaN where it is not known."""
    held = (quantiles[:, 0] <= followed) & (followed <= quantiles[:, -1])
    return np.where(np.isnan(followed), np.nan, held.astype(np.float64))


def _shares_below(followed: Column, quantiles: Array) -> list[list[float]]:
    """For each stated level the share of readings that did not exceed its quantile; none without readings."""
    known = ~np.isnan(followed)
    if not known.any():
        return []
    shares = (followed[known, None] <= quantiles[known]).mean(axis=0).round(DIGITS + 1)
    return [[level, share] for level, share in zip(LEVELS, shares.tolist(), strict=True)]


def _subgroups(
    people: Sequence[Person], windows: ForecastWindows, served: Stated
) -> dict[str, dict[str, Metrics]]:
    """The served model by horizon, then by source of the data, day and night, and glucose when asked."""
    slots = [
        question_slots(one)[windows.asked[windows.person == i]] + one.first_slot
        for i, one in enumerate(people)
    ]
    groups = by_source(people, windows.person) | by_hour(np.concatenate(slots)) | _by_glucose(windows)
    return {
        str(horizon): {
            name: {"windows": int(rows.sum())} | _measured(windows, served, horizon, rows)
            for name, rows in groups.items()
            if rows.any()
        }
        for horizon in served.change
    }


def _by_glucose(windows: ForecastWindows) -> dict[str, Rows]:
    low, high = TARGET_RANGE_MGDL
    now = windows.features["glucose_mgdl"]
    return {
        f"below {low:g} mg/dL": now < low,
        f"{low:g} to {high:g} mg/dL": (low <= now) & (now <= high),
        f"above {high:g} mg/dL": now > high,
    }


def _headline(by_horizon: Mapping[str, Metrics]) -> Metrics:
    """Errors at 30 and 60 minutes; coverage at 60."""
    hour = by_horizon["60"]
    return {
        "rmse_30": by_horizon["30"]["rmse"],
        "rmse_60": hour["rmse"],
        "mae_60": hour["mae"],
        "coverage_90": hour["coverage_90"],
        "coverage_90_worst_decile": hour["coverage_90_worst_decile"],
    }
