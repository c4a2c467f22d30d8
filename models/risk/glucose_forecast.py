"""Glucose in the next 5 to 120 minutes, with quantiles, from CGM alone.

Answers `assess(glucose, as_of_ms)`; the artefact beside it is made by `models.training.forecast_train`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Assessment, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.risk.causal_grid import MINUTES_PER_SLOT, SLOTS_PER_DAY, Column
from models.risk.glucose_forecast_features import SENSOR_RANGE_MGDL
from models.risk.glucose_forecast_interval import ASKED_EVERY_SLOTS, LEARNED_DAYS
from models.risk.glucose_forecast_model import LEVELS, Knot, stated
from models.risk.glucose_question import GlucoseQuestion, covered, question_of
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS
from models.time_series import TimeSeries

MODEL: Final = "glucose_forecast"


def _artefact() -> tuple[dict[str, Any], tuple[Knot, ...]]:
    """What the artefact says of itself, and its knots."""
    found = json.loads((files("models.risk") / "glucose_forecast.json").read_text())
    knots = tuple(Knot.from_json(table) for table in found.pop("knots"))
    return found, knots


FACTS, KNOTS = _artefact()
VERSION: Final[str] = FACTS["version"]

HORIZONS_MIN: Final = tuple(range(MINUTES_PER_SLOT, KNOTS[-1].horizon_min + 1, MINUTES_PER_SLOT))

GRID_SLOTS: Final = (LEARNED_DAYS + 1) * SLOTS_PER_DAY + KNOTS[-1].slots
"""The errors of two weeks, the day before the first of them, and until the last is known."""

TARGET_RANGE_MGDL: Final = (70.0, 180.0)
"""Battelino 2019, Diabetes Care 42:1593."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GlucoseForecast:
    """Glucose at each of `horizons_min` after `asked_at_ms`, mg/dL.

    `expected_mgdl` float64[h] is the mean; `quantiles_mgdl` maps a level to float64[h]. Between 0.05 and 0.95
    lies the 90 % interval of the reading to come, in the measure of this person's own last 14 days.
    """

    horizons_min: tuple[int, ...]
    expected_mgdl: tuple[float, ...]
    quantiles_mgdl: Mapping[float, tuple[float, ...]]
    asked_at_ms: int

    def within(self, horizon_min: int) -> Interval:
        """Expected glucose at one horizon with its 90 % interval; ValueError for a horizon not stated."""
        place = self.horizons_min.index(horizon_min)
        low, high = self.quantiles_mgdl[LEVELS[0]][place], self.quantiles_mgdl[LEVELS[-1]][place]
        return Interval(self.expected_mgdl[place], low, high)


def assess(glucose: TimeSeries, as_of_ms: int) -> Assessment[GlucoseForecast] | NotAssessed:
    """The forecast at `as_of_ms`, or why there is none. Readings after `as_of_ms` are never read."""
    question = question_of(glucose, as_of_ms)
    if isinstance(question, Reason):
        return NotAssessed(MODEL, VERSION, as_of_ms, (question,))
    measured = question.slots(GRID_SLOTS)
    if covered(measured, RECENT_SLOTS) < ENOUGH_READINGS:
        text = "CGM covers less than two of the last three hours"
        sparse = Reason(ReasonCode.SPARSE, question.seen.signal, text)
        return NotAssessed(MODEL, VERSION, as_of_ms, (sparse,))
    return _assessed(question, measured)


def _assessed(question: GlucoseQuestion, measured: Column) -> Assessment[GlucoseForecast]:
    newest = float(np.clip(question.seen.value[-1], *SENSOR_RANGE_MGDL))
    grid = np.arange((measured.size - 1) % ASKED_EVERY_SLOTS, measured.size, ASKED_EVERY_SLOTS)
    expected, quantiles = stated(KNOTS, measured, grid, np.array([grid.size - 1]))
    lines = _between_knots(newest, np.column_stack([expected[0], quantiles[0]]))
    held = np.clip(lines, *SENSOR_RANGE_MGDL)
    forecast = _forecast(held, question.asked_ms)
    limits = () if (held == lines).all() else ("held within what a sensor shows, 39 to 401 mg/dL",)
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=question.as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if _may_leave_range(forecast) else Outcome.ASSESSED_NEGATIVE,
        result=forecast,
        limits=limits,
        inputs=(question.newest(),),
    )


def _may_leave_range(forecast: GlucoseForecast) -> bool:
    """Whether one future in four is below, or one in four above, the target range at some horizon."""
    low, high = TARGET_RANGE_MGDL
    quantiles = forecast.quantiles_mgdl
    return min(quantiles[LEVELS[1]]) < low or max(quantiles[LEVELS[-2]]) > high


def _between_knots(newest: float, at_knots: Array) -> Array:
    """Every horizon on the line between two knots, the first of which is now; float64[h, columns]."""
    minutes = [0, *(knot.horizon_min for knot in KNOTS)]
    columns = [np.interp(HORIZONS_MIN, minutes, [newest, *column]) for column in at_knots.T]
    return np.column_stack(columns)


def _forecast(lines: Array, asked_at_ms: int) -> GlucoseForecast:
    expected, *quantiles = (tuple(column) for column in lines.T.tolist())
    return GlucoseForecast(HORIZONS_MIN, expected, dict(zip(LEVELS, quantiles, strict=True)), asked_at_ms)
