"""Hypo- and hyperglycaemic episodes of a glucose series.

Sits beside the glycaemic metrics, which count them; the cards name the worst of them.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.features.bands import HIGH, LOW, VERY_HIGH, VERY_LOW, GlucoseLimit, ShownGlucose, shown_glucose
from models.features.sampling import MINUTE_MS, reading_minutes
from models.time_series import TimeSeries

# Danne et al., Diabetes Care 2017;40:1631; Battelino et al., Lancet Diabetes Endocrinol 2023;11:42.
START_MIN: Final = 15.0
END_MIN: Final = 15.0
PROLONGED_MIN: Final = 120.0

LONGEST_BRIDGED_GAP_MIN: Final = 45.0
"""A longer gap ends an episode (as iglu does); nothing is known of what happened in it."""

Side = Literal["low", "high"]
Level = Literal[1, 2]

LIMITS: Final[dict[tuple[Side, Level], GlucoseLimit]] = {
    ("low", 1): LOW, ("low", 2): VERY_LOW, ("high", 1): HIGH, ("high", 2): VERY_HIGH,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode: from its first reading beyond the limit to the end of its last.

    Level 1 includes level 2. `extreme_mgdl` is its lowest (or highest) reading.
    """

    side: Side
    level: Level
    start_ms: int
    end_ms: int
    extreme_mgdl: float

    @property
    def minutes(self) -> float:
        """Length from first to last reading beyond the limit, the last one's interval included."""
        return (self.end_ms - self.start_ms) / MINUTE_MS

    @property
    def prolonged(self) -> bool:
        """At least two hours (2023 trial consensus)."""
        return self.minutes >= PROLONGED_MIN


def find_episodes(
    glucose: TimeSeries, side: Side, level: Level = 1, as_displayed: bool = True
) -> tuple[Episode, ...]:
    """Episodes in order: at least 15 minutes beyond the limit, over after 15 minutes back inside.

    The rule is in minutes, judged on the readings themselves: three readings of a 5-minute sensor, one
    of a 15-minute sensor. A gap up to 45 minutes belongs to what both its ends agree on, so no low is
    made up between a low and an inside reading. Half an interval of timestamp jitter is allowed.
    """
    minutes = reading_minutes(glucose.at_ms, glucose.source)
    beyond = _beyond(shown_glucose(glucose, as_displayed), side, LIMITS[side, level])
    extreme = min if side == "low" else max
    return tuple(
        Episode(
            side=side,
            level=level,
            start_ms=int(glucose.at_ms[first]),
            end_ms=int(glucose.at_ms[last] + minutes[last] * MINUTE_MS),
            extreme_mgdl=extreme(glucose.value[first : last + 1].tolist()),
        )
        for first, last in episode_spans(glucose.at_ms, minutes, beyond)
    )


def _beyond(shown: ShownGlucose, side: Side, limit: GlucoseLimit) -> NDArray[np.bool_]:
    return shown.below(limit) if side == "low" else shown.above(limit)


def episode_spans(
    at_ms: NDArray[np.int64], minutes: NDArray[np.float64], beyond: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """First and last position of each episode, from readings marked beyond a limit and their minutes.

    The walk is over runs of equal state, not over readings.
    """
    if not at_ms.size:
        return []
    broken = np.diff(at_ms) > LONGEST_BRIDGED_GAP_MIN * MINUTE_MS
    first = np.insert(np.flatnonzero((beyond[1:] != beyond[:-1]) | broken) + 1, 0, 0)
    last = np.append(first[1:], at_ms.size) - 1
    lasted = (at_ms[last] - at_ms[first]) / MINUTE_MS + 1.5 * minutes[last]
    fresh = np.insert(broken[first[1:] - 1], 0, True)
    runs = (first, last, beyond[first], lasted, fresh)
    found: list[tuple[int, int]] = []
    running = False
    for start, end, is_beyond, lasted_min, is_fresh in zip(*(run.tolist() for run in runs), strict=True):
        running = running and not is_fresh
        if is_beyond:
            if running:
                found[-1] = (found[-1][0], end)
            elif lasted_min >= START_MIN:
                found.append((start, end))
                running = True
        elif lasted_min >= END_MIN:
            running = False
    return found
