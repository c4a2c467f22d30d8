"""Speed of the features of 14 and 90 days of CGM. Run: python tests/benchmarks/features.py"""

import json
import time
from collections.abc import Callable

import numpy as np

from models.features.agp import ambulatory_profile
from models.features.glycemic import GlycemicMetrics, glycemic_metrics
from models.features.patterns import find_patterns
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

START_MS = 1_777_593_600_000
STEP_MS = 300_000
ROUNDS = 100


def curve(days: int) -> TimeSeries:
    """A made-up curve between 40 and 262 mg/dL with lows and highs every day, from integers only."""
    position = np.arange(1, days * 288 + 1)
    value = 40 + (position * 7 + (position // 36) * 23) % 223
    smooth = np.convolve(value, np.ones(12) / 12, mode="same")
    return series_of(GLUCOSE_CGM, "mg/dL", START_MS + STEP_MS * position, np.round(smooth))


def all_features(glucose: TimeSeries, days: int) -> GlycemicMetrics:
    """What the glucose review computes."""
    end_ms = int(glucose.at_ms[-1])
    metrics = glycemic_metrics(glucose, end_ms, days)
    ambulatory_profile(glucose, "Europe/Berlin")
    find_patterns(glucose, "Europe/Berlin", metrics.cv_percent)
    return metrics


def quick_ms(call: Callable[[], object]) -> float:
    """Tenth percentile of the rounds after a warm-up, in CPU time: what others do at the time counts not."""
    call()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return 1000 * float(np.percentile(times, 10))


def measure() -> dict[str, float]:
    """Milliseconds for 14 and 90 days and their ratio; linear would be 6.4."""
    short, long = curve(14), curve(90)
    days14, days90 = quick_ms(lambda: all_features(short, 14)), quick_ms(lambda: all_features(long, 90))
    return {
        "features_14_days_ms": round(days14, 2),
        "features_90_days_ms": round(days90, 2),
        "features_90_over_14": round(days90 / days14, 2),
        "metrics_14_days_ms": round(quick_ms(lambda: glycemic_metrics(short, int(short.at_ms[-1]))), 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
