"""The points of an additive model in clinical words: topics that add up, each told by what moved it most.

Sits under the reasons of each glucose risk model, which say which features make a topic and how they read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.assessment import Contribution
from models.units import to_mmoll

NOW: Final = "{now}"
"""The sentence that tells glucose and its trend."""

TOP: Final = 3
STEADY_MGDL_PER_MIN: Final = 0.25


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One topic: its log-odds points against the average moment, and what was seen, with its value."""

    topic: str
    points: float
    text: str

    @property
    def raises(self) -> bool:
        """Whether the topic raises the risk."""
        return self.points > 0


@dataclass(frozen=True, slots=True)
class Topic:
    """Features that a clinician reads as one thing: feature -> sentence with a place for its value.

    A feature with an empty sentence counts towards the topic and is never the one told of.
    """

    name: str
    sentences: Mapping[str, str]


def top_reasons(topics: Sequence[Topic], contributions: Sequence[Contribution]) -> tuple[RiskReason, ...]:
    """The topics that move the risk most."""
    return all_reasons(topics, contributions)[:TOP]


def all_reasons(topics: Sequence[Topic], contributions: Sequence[Contribution]) -> tuple[RiskReason, ...]:
    """Topics by how much they move the risk, largest first; without those not known or that move nothing."""
    terms = {c.name: c for c in contributions}
    reasons = [reason for topic in topics if (reason := _reason(topic, terms)) is not None]
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.points)))


def _reason(topic: Topic, terms: Mapping[str, Contribution]) -> RiskReason | None:
    points = sum(terms[name].points for name in topic.sentences)
    told = [terms[name] for name, sentence in topic.sentences.items() if sentence]
    known = [term for term in told if term.value is not None]
    if not known or not points:
        return None
    most = max(known, key=lambda term: term.points if points > 0 else -term.points)
    return RiskReason(topic.name, points, topic.sentences[most.name].format(**_shown(terms, most)))


def _shown(terms: Mapping[str, Contribution], most: Contribution) -> dict[str, str]:
    """What a sentence may hold: `{value}` of the feature told of, `{now}`, the glucose and its trend."""
    return {"value": _with_unit(most.name, most.value), "now": _now(terms)}


def _with_unit(name: str, value: float | None) -> str:
    if value is None:
        return "not known"
    if name.endswith("_mgdl"):
        return _glucose(value)
    if name == "hour_of_day":
        return f"{int(value):02d}:{int(value % 1 * 60):02d}"
    if name.endswith("_percent"):
        return f"{value:.1f} %"
    return f"{value:.1f}"


def _now(terms: Mapping[str, Contribution]) -> str:
    glucose = terms["glucose_mgdl"].value
    slope = terms["slope_30_min_mgdl_per_min"].value
    return f"glucose is {'not known' if glucose is None else _glucose(glucose)}{_pace(slope)}"


def _pace(slope: float | None) -> str:
    if slope is None:
        return ""
    if abs(slope) < STEADY_MGDL_PER_MIN:
        return " and steady"
    direction = "falling" if slope < 0 else "rising"
    return f" and {direction} {abs(slope):.1f} mg/dL ({abs(to_mmoll(slope)):.2f} mmol/L) per minute"


def _glucose(value_mgdl: float) -> str:
    return f"{value_mgdl:.0f} mg/dL ({to_mmoll(value_mgdl):.1f} mmol/L)"
