"""All patients with what the services say of them now, the most urgent first.

Calls the CDS service for every patient as an opened chart would, several at once; used by `pages`.
"""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from cds_service.sandbox.drafts import context_of
from cds_service.sandbox.hook_client import Exchange, HookClient, Json, Reading
from cds_service.sandbox.rendering import INDICATOR_WORDS, Banner

HOOK: Final = "patient-view"
AT_ONCE: Final = 6
"""Calls under way together: fewer than the service grants one EHR."""

_URGENCY: Final = {"critical": 0, "warning": 1, "unanswered": 2, "info": 3}
"""What nobody could assess comes before what was assessed and is no cause for hurry."""

SILENT: Final = "silent"
_REQUEST_ID: Final = re.compile(r" \(request [0-9a-f]+\)")

WORDS: Final = {**INDICATOR_WORDS, "unanswered": "Not answered", SILENT: "Assessed, no card"}
"""What the page calls each urgency."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A card, or a service that gave no answer: how urgent, who says it, and what."""

    urgency: str
    service: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One patient with the findings of all services, the most urgent first, and how many were asked."""

    banner: Banner
    findings: Sequence[Finding]
    asked: int

    @property
    def urgency(self) -> str:
        """That of the most urgent finding."""
        return self.findings[0].urgency if self.findings else SILENT

    @property
    def answered(self) -> int:
        """Services that answered."""
        return self.asked - sum(finding.urgency == "unanswered" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Board:
    """All rows in their order, and how long it took to ask."""

    rows: Sequence[Row]
    calls: int
    took_ms: float


def board(client: HookClient, banners: Sequence[Banner]) -> Board:
    """Asks every service about every patient. Raises requests.RequestException where discovery fails."""
    started = time.perf_counter()
    services = [each for each in client.discover() if each["hook"] == HOOK]
    pairs = [(banner, service) for banner in banners for service in services]
    with ThreadPoolExecutor(AT_ONCE, "risk-board") as pool:
        exchanges = list(pool.map(_asking(client), pairs))
    per_patient = len(services)
    rows = [
        Row(banner, _findings(exchanges[number * per_patient : (number + 1) * per_patient]), per_patient)
        for number, banner in enumerate(banners)
    ]
    return Board(sorted(rows, key=_rank), len(pairs), (time.perf_counter() - started) * 1000)


def _asking(client: HookClient) -> Callable[[tuple[Banner, Json]], Exchange]:
    return lambda pair: client.call(pair[1], context_of(pair[0].id, None), Reading())


def _findings(exchanges: Sequence[Exchange]) -> list[Finding]:
    found = [finding for exchange in exchanges for finding in _of(exchange)]
    return sorted(found, key=_urgency)


def by_urgency(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges with the most urgent finding first, those without any last."""
    return sorted(exchanges, key=lambda exchange: min(map(_urgency, _of(exchange)), default=len(_URGENCY)))


def _urgency(finding: Finding) -> int:
    return _URGENCY[finding.urgency]


def _of(exchange: Exchange) -> list[Finding]:
    name = str(exchange.service.get("title") or exchange.service["id"])
    if exchange.status != 200:
        why = (
            _REQUEST_ID.sub("", exchange.reason) or f"status {exchange.status}"
            if exchange.status
            else str(exchange.answer)
        )
        return [Finding("unanswered", name, f"Nothing is known from it: {why}")]
    return [Finding(_indicator(card), name, str(card.get("summary", ""))) for card in exchange.cards]


def _indicator(card: Json) -> str:
    """The card's indicator; one that is not known is shown as the least urgent."""
    indicator = card.get("indicator")
    return indicator if isinstance(indicator, str) and indicator in INDICATOR_WORDS else "info"


def _rank(row: Row) -> tuple[int, int, str]:
    """By the most urgent finding, then by how many are as urgent, then by name."""
    as_urgent = sum(finding.urgency == row.urgency for finding in row.findings)
    return _URGENCY.get(row.urgency, len(_URGENCY)), -as_urgent, row.banner.name
