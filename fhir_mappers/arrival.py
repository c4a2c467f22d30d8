"""Everything that arrived for one request, decoded and sorted: Observations by page, all else by type.

Sits between `entries` and the mappers. Nothing is judged here but whether an entry is a resource at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fhir_mappers.decode import Page, read_page
from fhir_mappers.entries import Entries, current_entries
from fhir_mappers.references import Json
from fhir_mappers.row import Drop


@dataclass(frozen=True, slots=True)
class Arrived:
    """One resource that is no Observation: as JSON with an id, and the fullUrl it came under."""

    resource: Json
    full_url: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The entries of all pages that count. `observations` holds positions in each page of `entries`."""

    pages: Mapping[str, Sequence[Page]]
    entries: Sequence[Entries]
    observations: Sequence[Sequence[int]]
    others: Mapping[str, Sequence[Arrived]]
    drops: Sequence[Drop]

    def resources(self, kind: str) -> list[Json]:
        """The resources of one type."""
        return [arrived.resource for arrived in self.others.get(kind, ())]

    def full_urls(self) -> dict[str, str]:
        """What the fullUrls of resources other than Observations stand for, as `Type/id`."""
        return {
            arrived.full_url: f"{kind}/{arrived.resource['id']}"
            for kind, all_of_kind in self.others.items()
            for arrived in all_of_kind
            if arrived.full_url
        }

    def names(self) -> set[str]:
        """`Type/id` of everything that arrived."""
        return {e.reference(position) for e in self.entries for position in range(len(e.names))}


def arrive(bodies: Mapping[str, Iterable[bytes]]) -> Arrival:
    """Decodes all bodies of a request, by query. Raises NotFhir where one is no FHIR JSON."""
    pages = {
        key: [page for body in some for page in _unfolded(read_page(body))] for key, some in bodies.items()
    }
    entries, drops = current_entries([page for some in pages.values() for page in some])
    observations: list[Sequence[int]] = []
    others: dict[str, list[Arrived]] = {}
    for of_page in entries:
        other_kinds = of_page.page.other_kinds
        observations.append(
            [p for p in of_page.current if p not in other_kinds] if other_kinds else of_page.current
        )
        for position in [p for p in of_page.current if p in other_kinds] if other_kinds else ():
            drops.extend(_sort(of_page, position, others))
    return Arrival(pages, entries, observations, others, drops)


def _unfolded(page: Page) -> Iterator[Page]:
    """A page, and the Bundles inside it, as a batch-response has them."""
    yield page
    for position in [p for p, kind in page.other_kinds.items() if kind == "Bundle"]:
        yield from _unfolded(read_page(msgspec.json.encode(page.resource(position))))


def _sort(entries: Entries, position: int, others: dict[str, list[Arrived]]) -> Iterator[Drop]:
    """Files one resource under its type, or says why it is none."""
    resource = entries.resource(position)
    if resource is None:
        reason = "entry_without_resource" if entries.page.is_empty(position) else "malformed"
        yield Drop(entries.reference(position), reason)
    elif not (kind := entries.page.kind(position)):
        yield Drop(entries.reference(position), "malformed")
    else:
        others.setdefault(kind, []).append(Arrived(resource, entries.page.full_url(position)))
