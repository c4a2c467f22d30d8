"""Small changes of several organ systems on the same days, as at the onset of an infection.

One check of the vital-signs review, over the comparisons of the single signals: together they show a change
earlier, and with fewer false findings, than any of them alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Assessment, ReasonCode
from models.risk.change_point import ChangePoint, Spread, change_point
from models.risk.vital_change import FEWEST_RECENT, Window
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed

SYSTEMS: Final = {
    signals.HEART_RATE: ("heart", 1),
    signals.HEART_RATE_RESTING: ("heart", 1),
    signals.HRV_SDNN: ("heart", -1),
    signals.HRV_RMSSD: ("heart", -1),
    signals.RESPIRATION_RATE: ("respiration", 1),
    signals.SPO2: ("oxygen saturation", -1),
    signals.BODY_TEMPERATURE: ("temperature", 1),
}
"""To which organ system a signal belongs, and in which direction an infection moves it."""

FEWEST_SYSTEMS: Final = 2
BETWEEN_SYSTEMS: Final = 0.2
"""Correlation of two systems on days when nothing is wrong (our judgement)."""

MOVED_SD: Final = 1.0
"""A system is named when it lies this far from its usual level since the onset."""

ABOUT: Final = "joint_change"
LABEL: Final = "Systems together"
SOURCE: Final = "sum of the distances from the own baseline in day-to-day SDs; CUSUM of the last 7 days"

Days = dict[int, dict[str, float]]
"""Distance towards illness in SDs by local day and system."""


def assess_together(answers: Sequence[Answer], window: Window) -> Answer:
    """The joint change of the compared signals; needs two systems on three recent days."""
    compared = {
        signal: answer.result
        for answer in answers
        if isinstance(answer, Assessment)
        for signal in SYSTEMS
        if answer.result.name == f"{signal}_change"
    }
    days = {day: of for day, of in sorted(_by_day(compared).items()) if len(of) >= FEWEST_SYSTEMS}
    if len(days) < FEWEST_RECENT:
        text = f"{LABEL}: {len(days)} recent days with two systems; {FEWEST_RECENT} are needed"
        return not_assessed(ReasonCode.SPARSE, ABOUT, text, window.as_of_ms)
    joint = np.array([_joint(list(of.values())) for of in days.values()])
    fewest = min(c.usual.number for c in compared.values() if c.usual is not None)
    point = change_point(joint, Spread(0.0, 1.0, fewest), 1)
    inputs = tuple(a.inputs[0] for a in answers if isinstance(a, Assessment) and a.result.recent_sd)
    details = {"height_sd": point.height_sd, "limit_sd": point.limit_sd}
    return assessed(_comparison(days, joint, point, window), window.as_of_ms, inputs, details=details)


def _by_day(compared: dict[str, Comparison]) -> Days:
    gathered: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for signal, comparison in compared.items():
        system, direction = SYSTEMS[signal]
        for day, distance in comparison.recent_sd:
            gathered[day][system].append(direction * distance)
    return {day: {s: float(np.mean(d)) for s, d in of.items()} for day, of in gathered.items()}


def _joint(distances: list[float]) -> float:
    """Sum of the systems' distances, in SDs of such a sum on days when nothing is wrong."""
    number = len(distances)
    return sum(distances) / sqrt(number * (1 + (number - 1) * BETWEEN_SYSTEMS))


def _comparison(days: Days, joint: NDArray[np.float64], point: ChangePoint, window: Window) -> Comparison:
    first = point.first or 0
    dates, moved = list(days), _moved(days, first)
    found = point.passed and len(moved) >= FEWEST_SYSTEMS
    shown = joint[first:] if found else joint
    return Comparison(
        name=ABOUT,
        kind="report",
        label=LABEL,
        unit="SD",
        decimals=1,
        now=Level(float(np.median(shown)), float(shown.min()), float(shown.max()), int(shown.size), "days"),
        usual=Level(0.0, -1.645, 1.645, 0, ""),
        usual_is="own baseline",
        urgency=Urgency.SOON if found else None,
        says=f"Changes together, as in infection: {', '.join(moved)}" if found else "no finding",
        since_ms=window.start_of(dates[first]) if found else None,
        since_or_before=found and first == 0,
        statistic=f"CUSUM {point.height_sd:.1f} SD, limit {point.limit_sd:.1f}",
        source=SOURCE,
    )


def _moved(days: Days, first: int) -> tuple[str, ...]:
    """Systems whose median distance since the onset is at least one SD."""
    since = list(days.values())[first:]
    names = sorted({name for of in since for name in of})
    return tuple(n for n in names if np.median([of[n] for of in since if n in of]) >= MOVED_SD)
