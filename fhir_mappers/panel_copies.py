"""Blood pressures that came twice: a panel is a copy only if all its values are those of another one.

Sits beside `deduplicate`, which compares single values; two pressures of one minute may share a number.
"""

from collections import defaultdict

import numpy as np

from fhir_mappers.columns import Books, Columns
from fhir_mappers.deduplicate import PAIRED, Lost, Updated

Panel = frozenset[tuple[str, int, int, float, int]]
"""Signal, time, end, value and unit of each value of one measurement."""


def without_panel_copies(
    columns: dict[str, Columns], books: Books, updated: Updated
) -> tuple[dict[str, Columns], list[Lost]]:
    """All columns without the rows of panels that repeat another; of equal ones the newest upload stays."""
    paired = [of_signal for signal, of_signal in columns.items() if signal in PAIRED]
    tied = _tied_references(paired)
    if not tied:
        return columns, []
    by_values: dict[Panel, list[int]] = defaultdict(list)
    for reference, panel in _panels(paired, tied).items():
        by_values[panel].append(reference)
    lost: list[Lost] = []
    for references in by_values.values():
        first = min(references, key=lambda number: (-updated(number), books.references[number]))
        lost += [(number, "duplicate") for number in references if number != first]
    gone = np.array([number for number, _ in lost], np.int64)
    without = {c.signal: c.take(~np.isin(c.reference, gone)) for c in paired}
    return columns | without, lost


def _tied_references(paired: list[Columns]) -> set[int]:
    """References of rows that share their signal and time with another row."""
    tied: set[int] = set()
    for columns in paired:
        order = np.argsort(columns.at_ms, kind="stable")
        same = np.diff(columns.at_ms[order]) == 0
        tied.update(columns.reference[order][:-1][same].tolist(), columns.reference[order][1:][same].tolist())
    return tied


def _panels(paired: list[Columns], wanted: set[int]) -> dict[int, Panel]:
    """The values of the wanted resources."""
    values: dict[int, set[tuple[str, int, int, float, int]]] = defaultdict(set)
    for c in paired:
        for row in np.nonzero(np.isin(c.reference, list(wanted)))[0].tolist():
            value = (
                int(c.at_ms[row]),
                int(c.until_ms[row]),
                float(c.native_value[row]),
                int(c.native_unit[row]),
            )
            values[int(c.reference[row])].add((c.signal, *value))
    return {reference: frozenset(found) for reference, found in values.items()}
