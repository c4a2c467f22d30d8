"""Rows of all signals to sorted, deduplicated time series, with a drop for every resource that left none.

Sits between the mappers and `to_patient_record`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fhir_mappers.columns import Columns, columns_of, joined, to_series
from fhir_mappers.deduplicate import PAIRED, Unique, deduplicate, without_meter_copies
from fhir_mappers.observations import Observed
from fhir_mappers.row import Drop, Row
from fhir_mappers.site import Site
from fhir_mappers.timing import TimeFault, parse_time
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG
from models.time_series import TimeSeries


@dataclass(frozen=True, slots=True)
class Uploads:
    """When the resource behind a reference number was last updated; asked only where two rows compete."""

    observed: Observed
    of_rows: Mapping[int, int]

    def __call__(self, reference: int) -> int:
        """UTC ms, 0 where the resource does not say."""
        if reference in self.of_rows:
            return self.of_rows[reference]
        chunk = bisect_right(self.observed.origins, reference, key=lambda origin: origin[0]) - 1
        first, page, positions = self.observed.origins[chunk]
        reading = page.readings[positions[reference - first]]
        updated = parse_time(reading.meta.lastUpdated if reading and reading.meta else None)
        return 0 if isinstance(updated, TimeFault) else updated.at_ms


def to_all_series(
    observed: Observed, doses: Sequence[Row], site: Site
) -> tuple[dict[str, TimeSeries], list[Drop]]:
    """One series per signal, sorted by name, and what went as a copy, an old version or a second stream."""
    books = observed.books
    groups, drops = _without_panel_copies(observed.rows)
    rows = [*doses, *(row for group in groups for row in group)]
    columns = _by_signal(observed, rows)
    updated = Uploads(observed, {books.references.position(row.reference): row.updated_ms for row in rows})
    unique: dict[str, Unique] = {}
    if GLUCOSE_SMBG in columns and GLUCOSE_CGM in columns:
        meter = without_meter_copies(columns[GLUCOSE_SMBG], columns[GLUCOSE_CGM], books)
        unique["meter copies"] = meter
        columns[GLUCOSE_SMBG] = meter.columns
    for signal, of_signal in columns.items():
        unique[signal] = deduplicate(of_signal, books, updated, site)
    drops += _left_nothing(unique, observed)
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


def _without_panel_copies(groups: Sequence[tuple[Row, ...]]) -> tuple[list[tuple[Row, ...]], list[Drop]]:
    """Measurements of several values, each once: two panels are copies only if all their values are."""
    panels: dict[object, tuple[Row, ...]] = {}
    others: list[tuple[Row, ...]] = []
    drops: list[Drop] = []
    for group in sorted(groups, key=lambda g: (-g[0].updated_ms, g[0].reference) if g else (0, "")):
        if not any(row.signal in PAIRED for row in group):
            others.append(group)
            continue
        values = frozenset((r.signal, r.at_ms, r.until_ms, r.native_value, r.native_unit) for r in group)
        if values in panels:
            drops.append(Drop(group[0].reference, "duplicate"))
        else:
            panels[values] = group
    return [*others, *panels.values()], drops


def _left_nothing(unique: Mapping[str, Unique], observed: Observed) -> list[Drop]:
    """A drop for each resource none of whose rows stayed."""
    lost = {reference: reason for one in unique.values() for reference, reason in one.lost}
    if not lost:
        return []
    stayed = [one.columns.reference for signal, one in unique.items() if signal != "meter copies"]
    kept = set(np.intersect1d(np.fromiter(lost, np.int64), np.concatenate(stayed)).tolist())
    references = observed.books.references
    return [Drop(references[number], reason) for number, reason in lost.items() if number not in kept]
