"""All Observations of a request to rows: the fast path for plain readings, the reference for the rest.

Sits between `arrival` and `series`.
"""

from dataclasses import dataclass, field

from fhir_mappers.arrival import Arrival
from fhir_mappers.columns import Books, Columns
from fhir_mappers.device_reports import links_of, report_of
from fhir_mappers.entries import Entries
from fhir_mappers.held_resources import contained_results
from fhir_mappers.losses import Loss, losses_of
from fhir_mappers.observation import map_observation, refused_report, refused_status
from fhir_mappers.observed_time import Reading
from fhir_mappers.plain_columns import fill
from fhir_mappers.plain_shapes import Shapes
from fhir_mappers.references import Json, objects, text
from fhir_mappers.row import Drop, Row


@dataclass(slots=True)
class Observed:
    """What the Observations gave. `plain` columns and `rows` together are all rows.

    `origins` says of plain rows where they come from (see `plain_columns.Filled`). `members` are the links
    of Observations that only group others. `losses` are what was sent and cannot be used. `reports` holds, by
    reference, what a device says of its own readings, and the readings it names; `links` what the other rows
    name (see `device_notes`).
    """

    books: Books = field(default_factory=Books)
    plain: list[Columns] = field(default_factory=list)
    origins: list[tuple[int, Entries, list[int]]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)
    reports: dict[str, tuple[frozenset[str], list[str]]] = field(default_factory=dict)
    links: list[tuple[str, list[str]]] = field(default_factory=list)


def map_observations(arrival: Arrival, reading: Reading) -> Observed:
    """Rows and drops of all Observations."""
    observed, pages = Observed(), arrival.current.entries
    if reading.pace.fast:
        filled = fill(pages, Shapes(reading), observed.books)
        observed.plain, observed.origins, odd = filled.columns, filled.origins, filled.odd
    else:
        odd = [page.sorted.observations() for page in pages]
    for page, positions in zip(pages, odd, strict=True):
        for position in reading.pace.over(sorted(positions)):
            _reference(page.reference(position), page.resource(position), reading, observed)
    for report in reading.pace.over(arrival.resources("DiagnosticReport")):
        _results_of(report, reading, observed)
    return observed


def _results_of(report: Json, reading: Reading, observed: Observed) -> None:
    """The contained results of a report, which are only as good as the report."""
    reason = reading.admission.refusal(report) or refused_report(text(report, "status"))
    for reference, result in reading.pace.over(contained_results(report)):
        if reason is None:
            _reference(reference, result, reading, observed)
        else:
            _drop(Drop(reference, reason), result, reading, observed)


def _reference(reference: str, resource: Json | None, reading: Reading, observed: Observed) -> None:
    if resource is None:
        _drop(Drop(reference, "malformed"), resource, reading, observed)
        return
    _remember_report(resource, reference, reading, observed)
    found = map_observation(resource, reference, reading)
    if isinstance(found, Drop):
        _drop(found, resource, reading, observed)
        return
    observed.losses += losses_of(resource, found, reading)
    observed.rows.extend(found)
    if not found:
        links = objects(resource.get("hasMember"))
        observed.members += [(reference, text(link, "reference")) for link in links]


def _drop(drop: Drop, resource: Json | None, reading: Reading, observed: Observed) -> None:
    observed.drops.append(drop)
    observed.losses += losses_of(resource, drop, reading)


def _remember_report(resource: Json, reference: str, reading: Reading, observed: Observed) -> None:
    """Keeps what a device reports of its readings, unless that is retracted or somebody else's."""
    links, words = links_of(resource), report_of(resource)
    if links:
        observed.links.append((reference, links))
    if not words or refused_status(text(resource, "status")) is not None:
        return
    if reading.admission.about(resource) != "wrong_patient":
        observed.reports[reference] = (words, links)
