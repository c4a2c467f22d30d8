"""A CDS Hooks card, valid by construction; `to_json` is the only camelCase of the project.

Rules CA1 to CA12, SU1 to SU3, AC1 to AC5, LK1 to LK5 of CDS Hooks 2.0.1 are checked when a record is made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

SUMMARY_LIMIT: Final = 139
"""Code points: the specification asks for fewer than 140."""

MAX_CARDS: Final = 10

_HTML = re.compile(r"<\s*/?\s*[a-zA-Z!]")
_IMAGE_OR_LINK = re.compile(r"!\[|\]\(|https?://|www\.", re.IGNORECASE)


class InvalidCard(ValueError):
    """A card that the specification, or our own rules for its text, do not allow."""


class Indicator(StrEnum):
    """Urgency; `critical` is for what needs action now."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


URGENCY: Final = {Indicator.CRITICAL: 0, Indicator.WARNING: 1, Indicator.INFO: 2}


@dataclass(frozen=True, slots=True)
class Coding:
    """A code with its system; `display` is for people."""

    system: str
    code: str
    display: str

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "system": self.system, "display": self.display}


@dataclass(frozen=True, slots=True)
class Source:
    """Who says this. `url` is about the model, never about the patient."""

    label: str
    topic: Coding
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"label": self.label, "topic": self.topic.to_json()}
        return shown | ({"url": self.url} if self.url else {})


@dataclass(frozen=True, slots=True)
class UpdateAction:
    """The whole resource as it should stand, unknown elements kept (AC4). We offer no delete."""

    description: str
    resource: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not self.description or not self.resource.get("resourceType") or not self.resource.get("id"):
            raise InvalidCard("an update says what it does, to a whole resource that has an id (AC2, AC4)")

    def to_json(self) -> dict[str, Any]:
        return {"type": "update", "description": self.description, "resource": dict(self.resource)}


@dataclass(frozen=True, slots=True)
class CreateAction:
    """A complete new resource without a server id (AC3)."""

    description: str
    resource: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not self.description or not self.resource.get("resourceType") or "id" in self.resource:
            raise InvalidCard("a create says what it does, with a resource that has no id yet (AC2, AC3)")

    def to_json(self) -> dict[str, Any]:
        return {"type": "create", "description": self.description, "resource": dict(self.resource)}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One choice; its actions apply together. Never marked as recommended: a person decides."""

    uuid: str
    label: str
    actions: tuple[UpdateAction | CreateAction, ...]

    def __post_init__(self) -> None:
        if not self.label or not self.actions:
            raise InvalidCard("a suggestion has a label and at least one action (SU1, SU3)")

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "uuid": self.uuid, "actions": [a.to_json() for a in self.actions]}


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours. `app_context` only for a SMART launch, and never PHI (LK2)."""

    label: str
    url: str
    smart: bool = False
    app_context: str | None = None

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^\s/]+", self.url):
            raise InvalidCard("a link is absolute (LK1)")
        if self.app_context is not None and not self.smart:
            raise InvalidCard("appContext only on a SMART link (LK2)")

    def to_json(self) -> dict[str, str]:
        shown = {"label": self.label, "url": self.url, "type": "smart" if self.smart else "absolute"}
        return shown | ({"appContext": self.app_context} if self.app_context else {})


@dataclass(frozen=True, slots=True)
class Card:
    """One finding for the person in front of the patient.

    `standing` names a finding that holds for days; only such a card may be folded when said again.
    """

    uuid: str
    summary: str
    indicator: Indicator
    source: Source
    detail: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    links: tuple[Link, ...] = ()
    override_reasons: tuple[Coding, ...] = ()
    standing: str = ""

    def __post_init__(self) -> None:
        if not self.summary or len(self.summary) > SUMMARY_LIMIT or "\n" in self.summary:
            raise InvalidCard(f"a summary is one line of 1 to {SUMMARY_LIMIT} characters (CA1)")
        if _HTML.search(self.detail) or _IMAGE_OR_LINK.search(self.detail):
            raise InvalidCard("detail is GFM without HTML, images or links (CA8, D-01)")
        codes = [reason.code for reason in self.override_reasons]
        if len(codes) != len(set(codes)):
            raise InvalidCard("override reason codes are unique within a card (CA10)")

    def to_json(self) -> dict[str, Any]:
        """The card as it goes over the wire; empty members are left out (RS3)."""
        shown: dict[str, Any] = {
            "uuid": self.uuid,
            "summary": self.summary,
            "indicator": str(self.indicator),
            "source": self.source.to_json(),
        }
        if self.detail:
            shown["detail"] = self.detail
        if self.suggestions:
            shown["suggestions"] = [suggestion.to_json() for suggestion in self.suggestions]
            shown["selectionBehavior"] = "at-most-one"
        if self.links:
            shown["links"] = [link.to_json() for link in self.links]
        if self.override_reasons:
            shown["overrideReasons"] = [reason.to_json() for reason in self.override_reasons]
        return shown


def linked(cards: Sequence[Card], link: Link | None) -> tuple[Card, ...]:
    """The cards with a link of ours beside those that they have."""
    return tuple(replace(card, links=(*card.links, link)) for card in cards) if link else tuple(cards)
