"""The terms of the hypoglycaemia models in clinical words: topics, their points, and what was seen.

Sits beside `hypoglycemia`; every feature belongs to exactly one topic, so that topics add up too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.assessment import Contribution
from models.units import to_mmoll

TOP: Final = 3
STEADY_MGDL_PER_MIN: Final = 0.25

Seen = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One topic: its log-odds points against the average moment, and what was seen, with values."""

    topic: str
    points: float
    text: str

    @property
    def raises(self) -> bool:
        """Whether the topic raises the risk."""
        return self.points > 0


@dataclass(frozen=True, slots=True)
class Topic:
    """Features that a clinician reads as one thing. `text` is called where all of `needs` are known."""

    name: str
    features: tuple[str, ...]
    needs: frozenset[str]
    text: Callable[[Seen], str]


def top_reasons(contributions: Sequence[Contribution]) -> tuple[RiskReason, ...]:
    """The topics that move the risk most, largest first; a topic of which nothing is known is left out."""
    seen = {c.name: c.value for c in contributions if c.value is not None}
    points = {c.name: c.points for c in contributions}
    reasons = [
        RiskReason(topic.name, sum(points[name] for name in topic.features), topic.text(seen))
        for topic in TOPICS
        if topic.needs <= seen.keys()
    ]
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.points))[:TOP])


def _glucose(value_mgdl: float) -> str:
    return f"{value_mgdl:.0f} mg/dL ({to_mmoll(value_mgdl):.1f} mmol/L)"


def _now(seen: Seen) -> str:
    slope = seen["slope_15_min_mgdl_per_min"]
    direction = "falling" if slope < 0 else "rising"
    pace = f"{direction} {abs(slope):.1f} mg/dL ({abs(to_mmoll(slope)):.2f} mmol/L) per minute"
    trend = "steady" if abs(slope) < STEADY_MGDL_PER_MIN else pace
    return f"glucose is {_glucose(seen['glucose_mgdl'])} and {trend}"


def _last_hours(seen: Seen) -> str:
    return f"the lowest glucose of the last 3 hours was {_glucose(seen['lowest_3_h_mgdl'])}"


def _lows_before(seen: Seen) -> str:
    share = seen["time_below_70_24_h_percent"]
    return f"{share:.1f} % of the last 24 hours was below 70 mg/dL (3.9 mmol/L)"


def _variability(seen: Seen) -> str:
    return f"the standard deviation of the last 3 hours was {_glucose(seen['sd_3_h_mgdl'])}"


def _same_time(seen: Seen) -> str:
    lowest = _glucose(seen["same_time_lowest_7_d_mgdl"])
    return f"in the two hours after this time of day the lowest glucose averaged {lowest} over 7 days"


TOPICS: Final = (
    Topic(
        "glucose_now",
        (
            "glucose_mgdl", "reading_age_min", "change_5_min_mgdl", "change_10_min_mgdl",
            "change_15_min_mgdl", "change_30_min_mgdl", "change_60_min_mgdl", "change_120_min_mgdl",
            "slope_15_min_mgdl_per_min", "slope_30_min_mgdl_per_min", "slope_change_mgdl_per_min",
            "in_20_min_mgdl", "in_30_min_mgdl", "in_60_min_mgdl", "minutes_to_low",
            "margin_in_usual_changes", "margin_in_recent_changes",
        ),
        frozenset({"glucose_mgdl", "slope_15_min_mgdl_per_min"}),
        _now,
    ),
    Topic(
        "last_hours",
        ("lowest_1_h_mgdl", "lowest_3_h_mgdl", "highest_3_h_mgdl", "mean_1_h_mgdl", "mean_6_h_mgdl"),
        frozenset({"lowest_3_h_mgdl"}),
        _last_hours,
    ),
    Topic(
        "lows_before",
        (
            "time_below_70_3_h_percent", "time_below_70_24_h_percent", "time_below_70_7_d_percent",
            "lbgi_7_d", "hours_since_low", "mean_24_h_mgdl",
        ),
        frozenset({"time_below_70_24_h_percent"}),
        _lows_before,
    ),
    Topic(
        "variability",
        ("sd_3_h_mgdl", "sd_7_d_mgdl", "sd_5_min_change_1_h_mgdl", "sd_30_min_change_7_d_mgdl"),
        frozenset({"sd_3_h_mgdl"}),
        _variability,
    ),
    Topic(
        "same_time_of_day",
        ("same_time_below_70_14_d_percent", "same_time_lowest_7_d_mgdl", "same_time_change_14_d_mgdl"),
        frozenset({"same_time_lowest_7_d_mgdl"}),
        _same_time,
    ),
)  # fmt: skip
"""Every feature, in one topic each."""
