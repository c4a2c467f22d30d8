"""What a device says of its own readings in other Observations: status bits and a faulty clock (HL7 PHD).

Sits beside `panel_copies`. A reading taken while the device says that it could not measure goes; one that it
doubts, or whose time nobody can trust, is flagged.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from fhir_mappers.columns import Books, Columns
from fhir_mappers.deduplicate import Lost
from fhir_mappers.device_reports import TIME_FAULT, links_of
from fhir_mappers.observations import Observed

NO_MEASUREMENT: Final = frozenset(
    {
        "sensor-disconnected",
        "sensor-malfunction",
        "sensor-displaced",
        "sensor-unsupported",
        "sensor-off",
        "signal-non-pulsatile",
        "signal-inadequate",
        "device-equipment-malfunction",
        "body-movement-detected",
        "cuff-too-loose",
        "measurement-position-improper",
    }
)
"""Bits under which the number is no measurement of the patient. The others make it doubtful."""


def without_bad_by_device(
    columns: dict[str, Columns], observed: Observed
) -> tuple[dict[str, Columns], list[Lost]]:
    """All columns without the readings that their device disowns, and with a flag on those that it doubts."""
    if not observed.reports:
        return columns, []
    said = dict(_said_of(observed))
    lost, changed = list[Lost](), {}
    for signal, rows in columns.items():
        words = {n: said.get(observed.books.references[n], frozenset()) for n in set(rows.reference.tolist())}
        gone = {n: min(w & NO_MEASUREMENT) for n, w in words.items() if w & NO_MEASUREMENT}
        lost += [(number, f"device_status:{word}") for number, word in sorted(gone.items())]
        kept = rows.take(~np.isin(rows.reference, list(gone)))
        changed[signal] = _flagged(kept, words, observed.books)
    return changed, lost


def _said_of(observed: Observed) -> Iterator[tuple[str, frozenset[str]]]:
    """Each reading that a report is about, and all that is reported; links go either way."""
    said: dict[str, frozenset[str]] = {}
    for words, targets in observed.reports.values():
        for target in (_bare(target) for target in targets):
            said[target] = said.get(target, frozenset()) | words
    for reference, links in _links(observed):
        for link in links:
            words, _ = observed.reports.get(_bare(link), (frozenset[str](), ()))
            said[reference] = said.get(reference, frozenset()) | words
    yield from said.items()


def _links(observed: Observed) -> Iterator[tuple[str, Iterable[str]]]:
    yield from observed.links
    for _, entries, positions in observed.origins:
        for position in positions:
            yield entries.reference(position), links_of(entries.resource(position) or {})


def _bare(reference: str) -> str:
    return "/".join(reference.split("/_history/")[0].split("/")[-2:])


def _flagged(rows: Columns, words: Mapping[int, frozenset[str]], books: Books) -> Columns:
    """The rows, with what was said of each among its flags."""
    sets, flags = books.flag_sets.entries(), rows.flags.copy()
    for row, number in enumerate(rows.reference.tolist()):
        if words[number]:
            more = {w if w == TIME_FAULT else f"device_status:{w}" for w in words[number]}
            flags[row] = books.flag_sets.position(sets[flags[row]] | more)
    return replace(rows, flags=flags)
