"""The evaluation of the glucose forecast on people in a file: what is served, and rivals without a fit.

The door for the command line; needs numpy alone. Nothing is learned: intervals adapt to each person by the
served code, from that person's own past.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column
from models.risk.glucose_forecast import FACTS, KNOTS
from models.risk.glucose_forecast_features import forecast_features
from models.risk.glucose_forecast_model import LEVELS, stated
from models.training.cgm_people import Person, fingerprint
from models.training.forecast_measure import coverage_of, errors_of
from models.training.forecast_rivals import rivals
from models.training.forecast_windows import ForecastWindows, forecast_windows, question_slots
from models.training.leak_check import check_no_look_ahead
from models.training.questions import NothingToAsk

Array = NDArray[np.float64]
Report = Callable[[str], None]

SERVED: Final = "boosting"
SEED: Final = 2026
CONSTANT: Final[Mapping[str, Mapping[str, list[float]]]] = FACTS["constant_intervals"]
"""Ends of the rivals' 90 % intervals by model and horizon: errors of everybody learned from."""


def evaluate_forecast(people: Sequence[Person], challengers: bool, report: Report) -> dict[str, Any]:
    """Errors and coverage of every model by horizon. Raises NothingToAsk, LeakError."""
    check_no_look_ahead(forecast_features, people, SEED)
    windows = forecast_windows(people)
    if not windows.person.size:
        raise NothingToAsk("nobody has two of three hours of CGM")
    report(f"{len(people)} people, {windows.person.size} questions; stating forecasts")
    expected, ends = _served(people, windows, report)
    models = {SERVED: _measured(windows, expected, ends)}
    references = {knot.horizon_min: knot.errors.reference for knot in KNOTS}
    for name, changes in rivals(windows.features, references).items():
        models[name] = _measured(windows, changes, _constant(name, changes))
    challenged = _challenged(people, windows, report) if challengers else {}
    return {
        "task": "forecast",
        "people": len(people),
        "windows": int(windows.person.size),
        "served": SERVED,
        "models": {name: _headline(by_horizon) for name, by_horizon in models.items()},
        "people_learned_from": sum(fingerprint(person) in LEARNED_FROM for person in people),
        "details": models,
        **challenged,
    }


LEARNED_FROM: Final = frozenset(FACTS["people"].values())
"""Fingerprints of the people behind the artefact; numbers on them flatter what is served."""


def _challenged(people: Sequence[Person], windows: ForecastWindows, report: Report) -> dict[str, Any]:
    """Errors of rivals fitted on four fifths of these people, on the fifth left out."""
    learning = import_module("models.training.forecast_challenge")
    settings = import_module("models.training.forecast_fit").Settings()
    asked, found = learning.challenge(people, windows, settings, report)
    followed = {horizon: change[asked] for horizon, change in windows.change.items()}
    return {
        "challengers_on_people_left_out": {
            name: {str(horizon): errors_of(followed[horizon] - change) for horizon, change in by.items()}
            for name, by in found.items()
        }
    }


def _served(
    people: Sequence[Person], windows: ForecastWindows, report: Report
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Expected changes, and both ends of the interval as changes float64[m, 2], by horizon."""
    found = []
    for index, person in enumerate(people):
        asked = windows.asked[windows.person == index]
        if asked.size:
            found.append(stated(KNOTS, person.measured, question_slots(person), asked))
        report(f"{index + 1} of {len(people)} people")
    now = windows.features["glucose_mgdl"]
    expected = np.concatenate([part for part, _ in found]) - now[:, None]
    quantiles = np.concatenate([part for _, part in found]) - now[:, None, None]
    horizons = [knot.horizon_min for knot in KNOTS]
    outer = [0, len(LEVELS) - 1]
    return (
        {horizon: expected[:, place] for place, horizon in enumerate(horizons)},
        {horizon: quantiles[:, place][:, outer] for place, horizon in enumerate(horizons)},
    )


def _constant(name: str, changes: Mapping[int, Array]) -> dict[int, Array]:
    ends = CONSTANT[name]
    return {horizon: change[:, None] + np.array(ends[str(horizon)]) for horizon, change in changes.items()}


def _measured(
    windows: ForecastWindows, changes: Mapping[int, Array], ends: Mapping[int, Array]
) -> dict[str, dict[str, float | None]]:
    found = {}
    for horizon, change in changes.items():
        followed = windows.change[horizon]
        held = inside(followed, ends[horizon])
        width: Column = ends[horizon][:, 1] - ends[horizon][:, 0]
        found[str(horizon)] = (
            errors_of(change - followed)
            | coverage_of(windows.person, held)
            | {"width_mgdl": round(float(width.mean()), 1)}
        )
    return found


def inside(followed: Column, ends: Array) -> Array:
    """1 where what followed lies between both ends, 0 where not, NaN where it is not known."""
    held = (ends[:, 0] <= followed) & (followed <= ends[:, 1])
    return np.where(np.isnan(followed), np.nan, held.astype(np.float64))


def _headline(by_horizon: Mapping[str, Mapping[str, float | None]]) -> dict[str, float | None]:
    """Errors at 30 and 60 minutes; coverage at 60."""
    hour = by_horizon["60"]
    return {
        "rmse_30": by_horizon["30"]["rmse"],
        "rmse_60": hour["rmse"],
        "mae_60": hour["mae"],
        "coverage_90": hour["coverage_90"],
        "coverage_90_worst_decile": hour["coverage_90_worst_decile"],
    }
