"""Everything that arrived for one request, decoded and sorted: Observations by page, all else by type.

Sits between `entries` and the mappers. Nothing is judged here but whether an entry is a resource at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from fhir_mappers.decode import NULL, NotFhir
from fhir_mappers.entries import Current, Entries, current_entries
from fhir_mappers.held_resources import in_parameters
from fhir_mappers.pace import UNHURRIED, Pace
from fhir_mappers.plain_readings import Sorted, sort_page
from fhir_mappers.references import Json
from fhir_mappers.row import Drop


@dataclass(frozen=True, slots=True)
class Arrived:
    """One resource that is no Observation: as JSON with an id, and the fullUrl it came under."""

    resource: Json
    full_url: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """All pages by query, their entries as far as they count, and what is no Observation by type."""

    pages: Mapping[str, Sequence[Sorted]]
    current: Current
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
        return {e.reference(position) for e in self.current.entries for position in range(len(e.names))}


def arrive(bodies: Mapping[str, Iterable[bytes]], pace: Pace = UNHURRIED) -> Arrival:
    """Decodes all bodies of a request, by query. Raises NotFhir where one is no FHIR JSON."""
    pages = {key: [page for body in some for page in _sorted(body)] for key, some in bodies.items()}
    current = current_entries([page for some in pages.values() for page in some])
    drops, others = list(current.drops), dict[str, list[Arrived]]()
    for number, entries in enumerate(current.entries):
        for position in pace.over(entries.sorted.other_kinds):
            if (number, position) not in current.lost:
                drops.extend(_file(entries, position, others))
    return Arrival(pages, current, others, drops)


def _sorted(body: bytes | Raw) -> Iterator[Sorted]:
    """A page, and what its resources hold; one that cannot be opened is an entry of no kind."""
    found = sort_page(body)
    yield found
    for position in list(found.other_kinds):
        try:
            yield from _held(found, position)
        except NotFhir:
            found.other_kinds[position] = ""


def _held(page: Sorted, position: int) -> Iterator[Sorted]:
    """The pages inside one resource: of a Bundle, as a batch-response has them, and of Parameters."""
    kind = page.other_kinds[position]
    if kind == "Bundle":
        yield from _sorted(page.page.resource_bytes(position))
    elif kind == "Parameters" and (held := in_parameters(page.page.resource(position))):
        yield from _sorted(msgspec.json.encode(held))


def _file(entries: Entries, position: int, others: dict[str, list[Arrived]]) -> Iterator[Drop]:
    """Files one resource under its type, or says why it is none."""
    resource = entries.resource(position)
    if resource is None:
        is_empty = entries.page.resource_bytes(position) == NULL
        reason = "entry_without_resource" if is_empty else "malformed"
        yield Drop(entries.reference(position), reason)
    elif not (kind := entries.sorted.kind(position)):
        yield Drop(entries.reference(position), "malformed")
    else:
        others.setdefault(kind, []).append(Arrived(resource, entries.page.full_url(position)))
