"""All entries of all pages of one request: what each is called, and which versions of one resource count.

Sits between `decode` and `to_patient_record`. The same id twice is one resource: the newest version, found
before anything is judged, so that a correction or a retraction also removes what it replaces.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fhir_mappers.decode import Page
from fhir_mappers.plain_readings import Sorted
from fhir_mappers.references import member, text
from fhir_mappers.row import Drop
from fhir_mappers.timing import TimeFault, parse_time

STATUS_ORDER: Final[Mapping[str, int]] = {
    "registered": -2, "preliminary": -1, "amended": 1, "corrected": 1, "cancelled": 2, "entered-in-error": 2,
}  # fmt: skip
"""What a resource is before it is final (0, as all others), and what it becomes when somebody changes it."""


@dataclass(frozen=True, slots=True)
class Entries:
    """One page, sorted, with the name of each entry: its id, or what stands for one."""

    sorted: Sorted
    names: Sequence[str]

    @property
    def page(self) -> Page:
        """The page itself."""
        return self.sorted.page

    def resource(self, position: int) -> dict[str, Any] | None:
        """The resource of one entry as plain JSON with an id, None where there is no object."""
        resource = self.page.resource(position)
        has_id = resource is None or text(resource, "id")
        return resource if has_id else {**(resource or {}), "id": self.names[position]}

    def reference(self, position: int) -> str:
        """`Type/id` of one entry."""
        return f"{self.sorted.kind(position) or 'Resource'}/{self.names[position]}"


@dataclass(frozen=True, slots=True)
class Current:
    """All pages with only the entries that count, and a drop for each that is a copy or an older version.

    `lost` holds the page number and position of each dropped entry.
    """

    entries: list[Entries]
    lost: frozenset[tuple[int, int]]
    drops: list[Drop]


def current_entries(pages: Sequence[Sorted]) -> Current:
    """Names all entries and finds the newest version of each resource."""
    named = [_named(page, number) for number, page in enumerate(pages)]
    names = set[str]().union(*(entries.names for entries in named))
    if len(names) == sum(len(entries.names) for entries in named):
        return Current(named, frozenset(), [])
    return _newest(named)


def _named(found: Sorted, number: int) -> Entries:
    names, page = found.ids, found.page
    for position in [p for p, name in enumerate(names) if not name] if "" in names else ():
        own = text(page.resource(position), "id")
        names[position] = own or _tail(page.full_url(position)) or f"#{number}.{position}"
    return Entries(found, names)


def _tail(full_url: str) -> str:
    """The last part of a fullUrl, which stands for an id that the server has not given yet."""
    return full_url.rstrip("/").replace(":", "/").rpartition("/")[2]


def _newest(named: list[Entries]) -> Current:
    versions: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, entries in enumerate(named):
        for position in range(len(entries.names)):
            versions[entries.reference(position)].append((number, position))
    lost: dict[tuple[int, int], Drop] = {}
    for reference, places in versions.items():
        if len(places) > 1:
            lost |= {place: Drop(reference, reason) for place, reason in _older(named, places)}
    by_page: dict[int, list[int]] = defaultdict(list)
    for page, position in lost:
        by_page[page].append(position)
    for page, positions in by_page.items():
        named[page].sorted.leave_out(positions)
    return Current(named, frozenset(lost), list(lost.values()))


def _older(named: list[Entries], places: list[tuple[int, int]]) -> list[tuple[tuple[int, int], str]]:
    """All places but that of the newest version, each as a copy of it or as superseded."""
    first, *others = (named[number].page.resource_bytes(position) for number, position in places)
    if all(other == first for other in others):
        return [(place, "duplicate") for place in places[1:]]
    found = {place: named[place[0]].page.resource(place[1]) or {} for place in places}
    newest = max(places, key=lambda place: _version_key(found[place]))
    same = {place: found[place] == found[newest] for place in places if place != newest}
    return [(place, "duplicate" if copy else "superseded") for place, copy in same.items()]


def _version_key(resource: dict[str, Any]) -> tuple[int, int, int, bytes]:
    """Newest by `lastUpdated`, then `versionId`; where neither tells, by what status follows which."""
    meta = member(resource, "meta")
    updated, version = parse_time(meta.get("lastUpdated")), text(meta, "versionId")
    return (
        0 if isinstance(updated, TimeFault) else updated.at_ms,
        int(version[:18]) if version.isascii() and version.isdigit() else 0,
        STATUS_ORDER.get(text(resource, "status"), 0),
        msgspec.json.encode(resource, order="deterministic"),
    )
