"""What all risk models cost one hook, on two weeks of CGM with insulin, food, steps and heart rate.

CPU time of this process, the median of many rounds after a warm-up, the models taking turns. A busy machine
still makes it larger, by what others push out of the caches: the ratio to plain JSON decoding of two weeks of
CGM, which is slowed alike, says more there. Run: python tests/benchmarks/risk_models.py
"""

import json
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import orjson
import payload
from features import START_MS, STEP_MS, curve

from models.assessment import Assessment
from models.risk import glucose_forecast, nocturnal_hypoglycemia
from models.risk.episode_risk import LEADING_MIN
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.recorded_terms import NOTHING_RECORDED, OF_TONIGHT, Recorded
from models.signals import CARBS, HEART_RATE, INSULIN_BOLUS, STEPS
from models.time_series import TimeSeries, series_of

DAYS: Final = 14
HOUR_MS: Final = 3_600_000
AS_OF_MS: Final = START_MS + (13 * 24 + 22) * HOUR_MS
"""In the evening of the last day, when the night is asked about too."""

BAR_MS: Final = 10.0
"""What all of them together may take of a hook."""

WARM_ROUNDS: Final = 30
ROUNDS: Final = 300


def every(minutes: int, signal: str, unit: str, value: Callable[[np.ndarray], np.ndarray]) -> TimeSeries:
    """Entries of two weeks, one in so many minutes; `value` says how much from their number."""
    number = np.arange(DAYS * 24 * 60 // minutes)
    found = series_of(signal, unit, START_MS + number * minutes * 60_000, value(number).astype(np.float64))
    return found.between(0, AS_OF_MS)


def beside_cgm() -> Recorded:
    """Six boluses and meals a day, steps by the quarter of an hour, heart rate every five minutes."""
    series = (
        every(240, INSULIN_BOLUS, "[iU]", lambda n: 2 + n % 6),
        every(240, CARBS, "g", lambda n: 20 + 10 * (n % 5)),
        every(15, STEPS, "{steps}", lambda n: 120 * (n % 7)),
        every(STEP_MS // 60_000, HEART_RATE, "/min", lambda n: 60 + n % 31),
    )
    return Recorded({one.signal: one for one in series})


def terms(recorded: Recorded) -> None:
    """What the low, the high and the night ask of the record beside CGM."""
    for model in (HYPOGLYCEMIA, HYPERGLYCEMIA):
        recorded.newest(recorded.features(model.recorded[LEADING_MIN].names, AS_OF_MS), AS_OF_MS)
    recorded.newest(recorded.features(OF_TONIGHT, AS_OF_MS), AS_OF_MS)


def models(glucose: TimeSeries, recorded: Recorded) -> dict[str, Callable[[], object]]:
    """Each risk model of the review, to be asked."""
    return {
        "low": lambda: HYPOGLYCEMIA.assess(glucose, AS_OF_MS, "UTC", recorded),
        "high": lambda: HYPERGLYCEMIA.assess(glucose, AS_OF_MS, "UTC", recorded),
        "night": lambda: nocturnal_hypoglycemia.assess(glucose, AS_OF_MS, "UTC", recorded),
        "forecast": lambda: glucose_forecast.assess(glucose, AS_OF_MS),
    }


def median_cpu_ms(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median milliseconds of each call, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(WARM_ROUNDS + ROUNDS):
        for name, call in calls.items():
            started_ns = time.process_time_ns()
            call()
            times[name].append((time.process_time_ns() - started_ns) / 1e6)
    return {name: float(np.median(ms[WARM_ROUNDS:])) for name, ms in times.items()}


def measure() -> dict[str, float]:
    """Milliseconds of each model on CGM alone and of the recorded terms; and all of it as a hook asks it."""
    glucose, recorded = curve(DAYS).between(0, AS_OF_MS), beside_cgm()
    asked = models(glucose, recorded)
    answers = {name: ask() for name, ask in asked.items()}
    assert all(isinstance(one, Assessment) for one in answers.values()), "a refusal costs nothing"
    alone = models(glucose, NOTHING_RECORDED) | {"recorded_terms": lambda: terms(recorded)}
    body = payload.searchset(payload.cgm())
    whole = {"as_asked": lambda: [ask() for ask in asked.values()], "orjson": lambda: orjson.loads(body)}
    ms = median_cpu_ms(alone | whole)
    parts = {f"risk_{name}_ms": round(ms[name], 3) for name in alone}
    return parts | {
        "risk_parts_ms": round(sum(ms[name] for name in alone), 2),
        "risk_models_ms": round(ms["as_asked"], 2),
        "risk_models_over_bar": round(ms["as_asked"] / BAR_MS, 3),
        "risk_models_over_orjson": round(ms["as_asked"] / ms["orjson"], 3),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
