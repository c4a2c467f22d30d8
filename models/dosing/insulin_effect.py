"""What insulin does to glucose: the fall that doses have caused up to each instant.

Sits on insulin on board. Formula: LoopKit/LoopAlgorithm, InsulinMath (MIT); a dose acts with the sensitivity
in force when it was begun, or, on request, with the sensitivity in force while it acts.
"""

import numpy as np

from models.dosing.insulin_doses import MS_PER_MIN, InsulinDoses, momentary
from models.dosing.insulin_on_board import RAPID_ADULT, InsulinCurve, remaining_fraction
from models.dosing.schedule import Array, Instants, Schedule


def insulin_effect_mgdl(
    doses: InsulinDoses, sensitivity_mgdl_per_u: Schedule, at_ms: Instants, curve: InsulinCurve = RAPID_ADULT
) -> Array:
    """Cumulative change of glucose caused by the doses, mg/dL, (len(at_ms),). Negative where insulin acted.

    Raises ValueError where the sensitivity does not reach back to a dose.
    """
    parts = momentary(doses)
    fall_mgdl = parts.units * sensitivity_mgdl_per_u.at(doses.start_ms[parts.dose])
    return np.asarray(-(_acted_fraction(at_ms, parts.at_ms, curve) @ fall_mgdl))


def insulin_effect_as_it_acts_mgdl(
    doses: InsulinDoses, sensitivity_mgdl_per_u: Schedule, at_ms: Instants, curve: InsulinCurve = RAPID_ADULT
) -> Array:
    """As `insulin_effect_mgdl`, each instant's action weighed with the sensitivity then, from at_ms[0] on."""
    changes = sensitivity_mgdl_per_u.since_ms
    edges = np.union1d(at_ms, changes[(changes > at_ms[0]) & (changes < at_ms[-1])])
    parts = momentary(doses)
    acted_u = _acted_fraction(edges, parts.at_ms, curve) @ parts.units
    fall = np.diff(acted_u) * sensitivity_mgdl_per_u.at(edges[:-1])
    total = np.concatenate(([0.0], -np.cumsum(fall)))
    return np.asarray(total[np.searchsorted(edges, at_ms)])


def _acted_fraction(at_ms: Instants, given_ms: Instants, curve: InsulinCurve) -> Array:
    return 1.0 - remaining_fraction((at_ms[:, None] - given_ms) / MS_PER_MIN, curve)
