"""All Observations of a request to rows: the fast path for plain readings, the reference for the rest.

Sits between `arrival` and `series`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_mappers.arrival import Arrival
from fhir_mappers.columns import Books, Columns
from fhir_mappers.decode import Page
from fhir_mappers.entries import Entries
from fhir_mappers.observation import map_observation
from fhir_mappers.observed_time import Reading
from fhir_mappers.plain_readings import Shapes, collect, fill
from fhir_mappers.references import objects, text
from fhir_mappers.row import Drop, Row


@dataclass(slots=True)
class Observed:
    """What the Observations gave. `plain` columns and `rows` together are all rows.

    `origins` says for plain rows which page and positions their references come from: the number of the
    first one, the page, and the positions. `members` are the links of Observations that only group others.
    """

    books: Books = field(default_factory=Books)
    plain: list[Columns] = field(default_factory=list)
    origins: list[tuple[int, Page, list[int]]] = field(default_factory=list)
    rows: list[tuple[Row, ...]] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)


def map_observations(arrival: Arrival, reading: Reading, fast: bool = True) -> Observed:
    """Rows and drops of all Observations. Without `fast` everything goes through the reference path."""
    observed, shapes = Observed(), Shapes(reading)
    left: list[tuple[Entries, Sequence[int]]] = []
    for entries, positions in zip(arrival.entries, arrival.observations, strict=True):
        odd = _plain(entries, positions, shapes, observed) if fast else positions
        left.append((entries, odd))
    for entries, odd in left:
        for position in odd:
            _reference(entries, position, reading, observed)
    return observed


def _plain(entries: Entries, positions: Sequence[int], shapes: Shapes, observed: Observed) -> Sequence[int]:
    """Fills columns with the plain readings of a page; returns the positions that are left."""
    batch, odd = collect(entries.page, positions, shapes)
    if not batch.positions:
        return odd
    first = len(observed.books.references)
    filled = fill(batch, entries.names, observed.books, shapes.reading.as_of_ms)
    observed.plain += filled.columns
    observed.origins.append((first, entries.page, filled.taken))
    return sorted(odd + filled.left)


def _reference(entries: Entries, position: int, reading: Reading, observed: Observed) -> None:
    reference, resource = entries.reference(position), entries.resource(position)
    if resource is None:
        observed.drops.append(Drop(reference, "malformed"))
        return
    found = map_observation(resource, reference, reading)
    if isinstance(found, Drop):
        observed.drops.append(found)
        return
    observed.rows.append(found)
    if not found:
        links = objects(resource.get("hasMember"))
        observed.members += [(reference, text(link, "reference")) for link in links]
