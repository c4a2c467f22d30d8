"""Glucose momentum: where glucose goes for the next minutes if its present slope holds.

Sits beside the other effects that add up to a glucose forecast. Formula: LoopKit/LoopAlgorithm, GlucoseMath
(MIT).
"""

import numpy as np

from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.schedule import Array, Instants
from models.time_series import TimeSeries

FEWEST_SAMPLES = 3
LARGEST_SPACING_MIN = 5.0
# Faster rises are taken for sensor artefacts (physiological limit used by LoopAlgorithm).
FASTEST_RISE_MGDL_PER_MIN = 4.0


def momentum_mgdl_per_min(glucose: TimeSeries) -> float | None:
    """Slope of the recent readings given, mg/dL per minute, limited upwards; None where they do not show one.

    None for fewer than three readings, readings further apart than five minutes on average, more than one
    source, flagged readings (calibrations), readings outside the sensor's range, or all at one instant.
    """
    if len(glucose) < FEWEST_SAMPLES or not _one_plain_source(glucose):
        return None
    minutes = (glucose.at_ms - glucose.at_ms[0]) / MS_PER_MIN
    if minutes[-1] <= 0.0 or minutes[-1] >= LARGEST_SPACING_MIN * len(glucose):
        return None
    centred = minutes - minutes.mean()
    slope = float(centred @ glucose.value / (centred @ centred))
    return min(slope, FASTEST_RISE_MGDL_PER_MIN)


def momentum_effect_mgdl(slope_mgdl_per_min: float, newest_ms: int, at_ms: Instants) -> Array:
    """Change since the newest reading at each instant if the slope holds, mg/dL, (len(at_ms),)."""
    return np.maximum((at_ms - newest_ms) / MS_PER_MIN, 0.0) * slope_mgdl_per_min


def _one_plain_source(glucose: TimeSeries) -> bool:
    one_source = bool((glucose.source == glucose.source[0]).all())
    flagged = any(glucose.flag_sets[i] for i in np.unique(glucose.flags))
    return one_source and not flagged and not glucose.censored.any()
