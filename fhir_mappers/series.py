"""Rows of all signals to sorted, deduplicated time series, with a drop for every resource that left none.

Sits between the mappers and `to_patient_record`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fhir_mappers.columns import Books, Columns, columns_of, joined, to_series
from fhir_mappers.deduplicate import Lost, Unique, deduplicate, without_meter_copies
from fhir_mappers.device_notes import without_bad_by_device
from fhir_mappers.observations import Observed
from fhir_mappers.pace import UNHURRIED, Pace
from fhir_mappers.panel_copies import without_panel_copies
from fhir_mappers.pressure_pairs import without_reversed_pairs
from fhir_mappers.references import member
from fhir_mappers.row import Drop, Row
from fhir_mappers.site import Site
from fhir_mappers.timing import TimeFault, parse_time
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG
from models.time_series import TimeSeries


@dataclass(frozen=True, slots=True)
class Uploads:
    """When the resource behind a reference number was last updated; asked only where two rows compete."""

    observed: Observed
    known: dict[int, int]

    def __call__(self, reference: int) -> int:
        """UTC ms, 0 where the resource does not say."""
        if reference not in self.known:
            self.known[reference] = self._read(reference)
        return self.known[reference]

    def _read(self, reference: int) -> int:
        chunk = bisect_right(self.observed.origins, reference, key=lambda origin: origin[0]) - 1
        first, entries, positions = self.observed.origins[chunk]
        resource = entries.page.resource(positions[reference - first]) or {}
        updated = parse_time(member(resource, "meta").get("lastUpdated"))
        return 0 if isinstance(updated, TimeFault) else updated.at_ms


def to_all_series(
    observed: Observed, doses: Sequence[Row], site: Site, pace: Pace = UNHURRIED
) -> tuple[dict[str, TimeSeries], list[Drop]]:
    """One series per signal, sorted by name, and what went as a copy, an old version or a second stream."""
    books = observed.books
    rows = [*doses, *observed.rows]
    columns = _by_signal(observed, rows)
    updated = Uploads(observed, {books.references.position(row.reference): row.updated_ms for row in rows})
    columns, lost_panels = without_panel_copies(columns, books, updated)
    columns, reversed_pairs = without_reversed_pairs(columns)
    columns, disowned = without_bad_by_device(columns, observed)
    unique: dict[str, Unique] = {}
    lost = [*lost_panels, *reversed_pairs, *disowned]
    if GLUCOSE_SMBG in columns and GLUCOSE_CGM in columns:
        meter = without_meter_copies(columns[GLUCOSE_SMBG], columns[GLUCOSE_CGM], books)
        lost += meter.lost
        columns[GLUCOSE_SMBG] = meter.columns
    for signal, of_signal in pace.over(columns.items()):
        unique[signal] = deduplicate(of_signal, books, updated, site)
    lost += [loss for one in unique.values() for loss in one.lost]
    drops = _left_nothing(lost, [unique[signal].columns for signal in columns], books)
    series = {s: to_series(unique[s].columns, books) for s in sorted(columns) if len(unique[s].columns)}
    return series, drops


def _by_signal(observed: Observed, rows: Sequence[Row]) -> dict[str, Columns]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.signal].append(row)
    parts: dict[str, list[Columns]] = defaultdict(list)
    for columns in observed.plain:
        parts[columns.signal].append(columns)
    for signal, of_signal in grouped.items():
        parts[signal].append(columns_of(of_signal, observed.books))
    return {signal: joined(of_signal) for signal, of_signal in parts.items()}


def _left_nothing(lost: Sequence[Lost], stayed: Sequence[Columns], books: Books) -> list[Drop]:
    """A drop for each resource none of whose rows stayed."""
    reasons = dict(lost)
    if not reasons:
        return []
    references = np.concatenate([columns.reference for columns in stayed])
    kept = set(np.intersect1d(np.fromiter(reasons, np.int64), references).tolist())
    return [Drop(books.references[n], reason) for n, reason in reasons.items() if n not in kept]
