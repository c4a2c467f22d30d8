"""Makes the glucose forecast again: tuned and cross-validated by patient, fitted to everybody, exported.

`train(path, settings, report)` is pure but for reading the data file; the command line writes the artefact.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk.glucose_forecast_features import matrix
from models.risk.glucose_forecast_interval import ErrorInputs, ErrorModel, reference_inputs
from models.risk.glucose_forecast_model import Knot, PastQuestions
from models.training.cgm_people import Person, fingerprint, read_people, sha256_of
from models.training.forecast_fit import (
    Settings,
    fit_reference,
    fit_ruler,
    fit_trees,
    shares_of,
    tree_table,
    trees_of,
)
from models.training.forecast_measure import coverage_of, errors_of
from models.training.forecast_rivals import rivals
from models.training.forecast_windows import (
    HORIZONS_MIN,
    ForecastWindows,
    forecast_windows,
    question_slots,
)
from models.training.patient_folds import FOLDS, check_split, fold_of_people

Array = NDArray[np.float64]
Report = Callable[[str], None]

VERSION: Final = "1.1.0"
ARTEFACT: Final = "glucose_forecast.json"

CODE: Final = (
    ("models.risk", "causal_grid.py"),
    ("models.risk", "glucose_forecast_features.py"),
    ("models.risk", "glucose_forecast_interval.py"),
    ("models.risk", "glucose_forecast_model.py"),
    ("models.risk", "glucose_forecast_trees.py"),
    ("models.training", "forecast_windows.py"),
    ("models.training", "forecast_fit.py"),
    ("models.training", "forecast_train.py"),
    ("models.training", "patient_folds.py"),
)

TUNED_MIN: Final = 60
TRIED: Final = ((120, 15), (120, 31))
"""Trees and leaves that the tuning compares at one horizon, on people left out."""

SIZE_PRICE: Final = 5e-7
"""Two thousand leaves more must bring a thousandth less error: the artefact is read at every start."""

COVERAGE: Final = 0.91
"""One point more than is stated, so that the people who are hardest to foresee are held as well."""
OUTER: Final = (0.05, 0.95)
LENT: Final = 120.0
"""Of 15 to 480 this number held best for the worst decile in each person's first nine days."""

SENSOR_NOISE_MIN: Final = 5
LENT_TO_NOISE: Final = 15.0
"""An error after five minutes is mostly noise of the person's own sensor, which other people's tell little
of: of 8 to 120 this number held best for the worst decile, in the first days and over all."""

EXAMPLE_ROWS: Final = 6
EXACT_MGDL: Final = 1e-9


class NotTheLibrary(ArithmeticError):
    """The plain arrays do not answer as the library that grew them."""


def sha256_of_code() -> str:
    """One hash over the sources that decide what the artefact contains."""
    digest = hashlib.sha256()
    for package, name in CODE:
        digest.update((files(package) / name).read_bytes())
    return digest.hexdigest()


def train(path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefact by file name. It says what it was made from and how it did on people left out."""
    people = read_people(path)
    report(f"{len(people)} people read; computing features")
    windows = forecast_windows(people)
    settings, tuning = _tuned(windows, settings, report)
    knots = [_knot(people, windows, horizon, settings, report) for horizon in HORIZONS_MIN]
    artefact = {
        "model": "glucose_forecast",
        "version": VERSION,
        "data_sha256": {path.name: sha256_of(path)},
        "people": {person.name: fingerprint(person) for person in people},
        "made_with": {name: version(name) for name in ("lightgbm", "numpy")},
        "code_sha256": sha256_of_code(),
        "settings": asdict(settings),
        "tuning": tuning,
        "features": list(windows.features),
        "constant_intervals": _constant_intervals(windows, knots),
        "knots": knots,
    }
    return {ARTEFACT: _readable(artefact)}


def _readable(artefact: Mapping[str, Any]) -> str:
    """JSON with one fact a line, and one horizon a line."""
    facts = [f'"{name}":{_compact(value)}' for name, value in artefact.items() if name != "knots"]
    knots = ",\n".join(_compact(knot) for knot in artefact["knots"])
    return "{\n" + ",\n".join(facts) + ',\n"knots":[\n' + knots + "\n]}\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _tuned(
    windows: ForecastWindows, settings: Settings, report: Report
) -> tuple[Settings, list[dict[str, Any]]]:
    """The settings that are worth their size on the people of one fold, and what each came to."""
    left_out = _folds(windows, settings) == 0
    tried: list[dict[str, Any]] = []
    for trees, leaves in TRIED:
        trial = replace(settings, trees=trees, num_leaves=leaves)
        expected = _left_out(windows, TUNED_MIN, trial, left_out)
        found: dict[str, Any] = errors_of(windows.change[TUNED_MIN][left_out] - expected)
        tried.append({"trees": trees, "num_leaves": leaves, "horizon_min": TUNED_MIN, **found})
        report(f"tuning {len(tried)} of {len(TRIED)}: {tried[-1]}")
    best = min(tried, key=_priced)
    return replace(settings, trees=best["trees"], num_leaves=best["num_leaves"]), tried


def _priced(found: Mapping[str, Any]) -> float:
    error: float = found["rmse"]
    leaves: int = found["trees"] * found["num_leaves"]
    return error * (1 + SIZE_PRICE * leaves)


def _constant_intervals(
    windows: ForecastWindows, knots: Sequence[Mapping[str, Any]]
) -> dict[str, dict[int, list[float]]]:
    """Both ends of the 90 % interval of each rival by horizon: everybody's errors, the same for all."""
    references = {knot["horizon_min"]: np.array(knot["reference"]) for knot in knots}
    return {
        name: {
            horizon: np.round(np.nanquantile(windows.change[horizon] - change, OUTER), 2).tolist()
            for horizon, change in changes.items()
        }
        for name, changes in rivals(windows.features, references).items()
    }


def _folds(windows: ForecastWindows, settings: Settings) -> NDArray[np.int64]:
    return fold_of_people(int(windows.person.max()) + 1, settings.seed)[windows.person]


def _left_out(
    windows: ForecastWindows, horizon: int, settings: Settings, left_out: NDArray[np.bool_]
) -> Array:
    """Expected change for the questions left out, by a model that never saw their people."""
    change = windows.change[horizon]
    known = ~np.isnan(change) & ~left_out
    check_split(windows.person, known, left_out)
    reference, booster = _fitted(windows, change, known, settings)
    asked = windows.at(left_out)
    return np.asarray(reference_inputs(asked) @ reference + booster.predict(matrix(asked)))


def _fitted(
    windows: ForecastWindows, change: Array, known: NDArray[np.bool_], settings: Settings
) -> tuple[Array, Any]:
    """The linear reference of all known questions, and the trees upon it of one in `every`."""
    reference = fit_reference(windows.at(known), change[known])
    learned = known & (np.arange(change.size) % settings.every == 0)
    features = windows.at(learned)
    remaining = change[learned] - reference_inputs(features) @ reference
    return reference, fit_trees(features, remaining, settings)


def _knot(
    people: Sequence[Person], windows: ForecastWindows, horizon: int, settings: Settings, report: Report
) -> dict[str, Any]:
    """Everything of one horizon."""
    change, fold = windows.change[horizon], _folds(windows, settings)
    expected = np.full(change.size, np.nan)
    for left_out in range(FOLDS):
        expected[fold == left_out] = _left_out(windows, horizon, settings, fold == left_out)
        report(f"{horizon} minutes: fold {left_out + 1} of {FOLDS}")
    reference, booster = _fitted(windows, change, ~np.isnan(change), settings)
    error = change - expected
    ruler, usual = fit_ruler(windows.at(~np.isnan(error)), error[~np.isnan(error)])
    model = ErrorModel(reference, ruler, usual, np.empty(0), 0.0, 1.0)
    table, depth = tree_table(booster)
    knot = Knot(horizon, model, trees_of(booster))
    _check_export(knot, booster, windows)
    interval, held = _interval(people, windows, knot, error / model.length(ErrorInputs.of(windows.features)))
    report(f"{horizon} minutes: {errors_of(error)} {held}")
    return {
        "horizon_min": horizon,
        "reference": reference.tolist(),
        "ruler": ruler.tolist(),
        "usual": usual,
        **interval,
        "on_people_left_out": errors_of(error) | held,
        "examples": _examples(booster, windows),
        "depth": depth,
        "trees": table,
    }


def _check_export(knot: Knot, booster: Any, windows: ForecastWindows) -> None:
    rows = matrix(windows.features)[:: EXAMPLE_ROWS**2]
    if np.abs(knot.trees.sum(rows) - booster.predict(rows)).max() > EXACT_MGDL:
        raise NotTheLibrary(f"{knot.horizon_min} minutes: the exported trees differ from the library")


def _examples(booster: Any, windows: ForecastWindows) -> list[dict[str, Any]]:
    """Rows of features and what the library itself adds for them."""
    rows = matrix(windows.features)
    chosen = rows[:: len(rows) // EXAMPLE_ROWS][:EXAMPLE_ROWS]
    added = booster.predict(chosen)
    return [{"row": row.tolist(), "trees": float(sum_)} for row, sum_ in zip(chosen, added, strict=True)]


def _interval(
    people: Sequence[Person], windows: ForecastWindows, knot: Knot, error: Array
) -> tuple[dict[str, Any], dict[str, float | None]]:
    """Everybody's shares and the factor at which the interval holds; and how it held, person by person.

    `error` float64[m] is of people left out, in ruler lengths.
    """
    own = [PastQuestions.of(p.measured, question_slots(p)).errors(knot.errors, knot.slots) for p in people]
    shares = shares_of(np.concatenate(own))
    lent = LENT_TO_NOISE if knot.horizon_min <= SENSOR_NOISE_MIN else LENT
    model = replace(knot.errors, shares=shares, lent=lent)
    ends = _ends(own, windows, replace(knot, errors=model))
    narrower = _narrower(error, ends)
    held = coverage_of(windows.person, _inside(error, ends * narrower))
    return {"shares": shares.tolist(), "lent": lent, "narrower": narrower}, held


def _ends(own: Sequence[Array], windows: ForecastWindows, knot: Knot) -> Array:
    """Both ends of the interval of every question in ruler lengths, float64[m, 2]."""
    return np.concatenate(
        [
            knot.errors.quantiles(errors, windows.asked[windows.person == index], knot.delay, OUTER)
            for index, errors in enumerate(own)
        ]
    )


def _inside(error: Array, ends: Array) -> Array:
    held = (ends[:, 0] <= error) & (error <= ends[:, 1])
    return np.where(np.isnan(error), np.nan, held.astype(np.float64))


def _narrower(error: Array, ends: Array) -> float:
    """The factor for both ends at which the stated share of errors is inside: split conformal."""
    needed = np.where(error < 0, error / ends[:, 0], error / ends[:, 1])
    return round(float(np.nanquantile(needed, COVERAGE)), 4)
