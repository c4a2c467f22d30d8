"""All entries of all pages of one request: what each is called, and which versions of one resource count.

Sits between `decode` and `to_patient_record`. The same id twice is one resource: the newest version, found
before anything is judged, so that a correction or a retraction also removes what it replaces.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fhir_mappers.decode import Page
from fhir_mappers.references import member, text
from fhir_mappers.row import Drop
from fhir_mappers.timing import TimeFault, parse_time

RETRACTED: Final = ("entered-in-error", "cancelled")


@dataclass(frozen=True, slots=True)
class Entries:
    """One page with the name of each entry (its id, or what stands for one) and the positions that count."""

    page: Page
    names: Sequence[str]
    current: Sequence[int]

    def resource(self, position: int) -> dict[str, Any] | None:
        """The resource of one entry as plain JSON with an id, None where there is no object."""
        resource = self.page.resource(position)
        return (
            resource if resource is None or text(resource, "id") else {**resource, "id": self.names[position]}
        )

    def reference(self, position: int) -> str:
        """`Type/id` of one entry."""
        return f"{self.page.kind(position) or 'Resource'}/{self.names[position]}"


def current_entries(pages: Sequence[Page]) -> tuple[list[Entries], list[Drop]]:
    """Every page with the entries that count, and a drop for each that is a copy or an older version."""
    named = [_named(page, number) for number, page in enumerate(pages)]
    names = set[str]().union(*(entries.names for entries in named))
    if len(names) == sum(len(entries.names) for entries in named):
        return named, []
    return _newest(named)


def _named(page: Page, number: int) -> Entries:
    names = [reading.id if reading is not None else "" for reading in page.readings]
    for position in [p for p, name in enumerate(names) if not name] if "" in names else ():
        own = text(page.resource(position), "id")
        names[position] = own or _tail(page.full_url(position)) or f"#{number}.{position}"
    return Entries(page, names, range(len(names)))


def _tail(full_url: str) -> str:
    """The last part of a fullUrl, which stands for an id that the server has not given yet."""
    return full_url.rstrip("/").replace(":", "/").rpartition("/")[2]


def _newest(named: list[Entries]) -> tuple[list[Entries], list[Drop]]:
    versions: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, entries in enumerate(named):
        for position in range(len(entries.names)):
            versions[entries.reference(position)].append((number, position))
    lost: set[tuple[int, int]] = set()
    drops: list[Drop] = []
    for reference, places in versions.items():
        if len(places) > 1:
            for place, reason in _older(named, places):
                lost.add(place)
                drops.append(Drop(reference, reason))
    kept = [
        Entries(e.page, e.names, [p for p in e.current if (number, p) not in lost])
        for number, e in enumerate(named)
    ]
    return kept, drops


def _older(named: list[Entries], places: list[tuple[int, int]]) -> list[tuple[tuple[int, int], str]]:
    """All places but that of the newest version, each as a copy of it or as superseded."""
    first_page, first = named[places[0][0]].page, places[0][1]
    if all(first_page.same_bytes(first, named[number].page, position) for number, position in places[1:]):
        return [(place, "duplicate") for place in places[1:]]
    found = {place: named[place[0]].page.resource(place[1]) or {} for place in places}
    newest = max(places, key=lambda place: _version_key(found[place]))
    same = {place: found[place] == found[newest] for place in places if place != newest}
    return [(place, "duplicate" if copy else "superseded") for place, copy in same.items()]


def _version_key(resource: dict[str, Any]) -> tuple[int, int, bool, bytes]:
    """Newest by `lastUpdated`, then `versionId`; where neither tells, a retraction counts before a result."""
    meta = member(resource, "meta")
    updated, version = parse_time(meta.get("lastUpdated")), text(meta, "versionId")
    return (
        0 if isinstance(updated, TimeFault) else updated.at_ms,
        int(version[:18]) if version.isascii() and version.isdigit() else 0,
        text(resource, "status") in RETRACTED,
        msgspec.json.encode(resource, order="deterministic"),
    )
