"""All Observations of a request to rows: the fast path for plain readings, the reference for the rest.

Sits between `arrival` and `series`.
"""

from dataclasses import dataclass, field

from fhir_mappers.arrival import Arrival
from fhir_mappers.columns import Books, Columns
from fhir_mappers.entries import Entries
from fhir_mappers.observation import map_observation
from fhir_mappers.observed_time import Reading
from fhir_mappers.plain_columns import fill
from fhir_mappers.plain_shapes import Shapes
from fhir_mappers.references import objects, text
from fhir_mappers.row import Drop, Row


@dataclass(slots=True)
class Observed:
    """What the Observations gave. `plain` columns and `rows` together are all rows.

    `origins` says of plain rows where they come from (see `plain_columns.Filled`). `members` are the links
    of Observations that only group others.
    """

    books: Books = field(default_factory=Books)
    plain: list[Columns] = field(default_factory=list)
    origins: list[tuple[int, Entries, list[int]]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)


def map_observations(arrival: Arrival, reading: Reading, fast: bool = True) -> Observed:
    """Rows and drops of all Observations. Without `fast` everything goes through the reference path."""
    observed, pages = Observed(), arrival.current.entries
    if fast:
        filled = fill(pages, Shapes(reading), observed.books)
        observed.plain, observed.origins, odd = filled.columns, filled.origins, filled.odd
    else:
        odd = [page.sorted.observations() for page in pages]
    for page, positions in zip(pages, odd, strict=True):
        for position in sorted(positions):
            _reference(page, position, reading, observed)
    return observed


def _reference(entries: Entries, position: int, reading: Reading, observed: Observed) -> None:
    reference, resource = entries.reference(position), entries.resource(position)
    if resource is None:
        observed.drops.append(Drop(reference, "malformed"))
        return
    found = map_observation(resource, reference, reading)
    if isinstance(found, Drop):
        observed.drops.append(found)
        return
    observed.rows.extend(found)
    if not found:
        links = objects(resource.get("hasMember"))
        observed.members += [(reference, text(link, "reference")) for link in links]
