"""Doses that a second device reports of the first one's, told from doses that were given twice.

Under `insulin_doses`, which reads the doses. A dose looks only where its original can be, so thousands at one
instant cost no more than as many over months.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from fhir_mappers.pace import UNHURRIED, Pace
from fhir_mappers.row import Drop, Row

DOSE_COPY_MS: Final = 15_000
"""Pump and phone report one dose 5 to 10 s apart, as phone and watch report one reading (see
`deduplicate`). Wider would call a second injection a copy and hide insulin that is on board."""

Likeness = tuple[str, float, int]
"""Signal, amount, and the quarter of a minute in which a dose ends."""


def without_copies(doses: Sequence[Row], pace: Pace = UNHURRIED) -> tuple[list[Row], list[Drop]]:
    """The doses, in time, without those that a second device reports of the first one's; and these.

    A copy has the signal and amount of its original, begins and ends within DOSE_COPY_MS of it, and is by
    another device. Each dose has at most one copy from each other device, so two equal doses of one pump stay
    two although a phone repeats both. A dose of which nobody says what reported it is never called a copy.
    """
    kept: list[Row] = []
    drops: list[Drop] = []
    originals = _Originals()
    for dose in pace.over(sorted(doses, key=lambda row: (row.at_ms, row.source, row.reference))):
        if dose.source and originals.take(dose):
            drops.append(Drop(dose.reference, "dose_copy_of_other_device"))
            continue
        if dose.source:
            originals.add(len(kept), dose)
        kept.append(dose)
    return kept, drops


class _Originals:
    """Doses that came first, by number, where those alike stand together in order of time."""

    def __init__(self) -> None:
        self._alike: dict[Likeness, list[tuple[int, Row]]] = defaultdict(list)
        self._taken: set[tuple[int, str]] = set()
        self._free_from: dict[tuple[Likeness, str], int] = defaultdict(int)

    def add(self, number: int, dose: Row) -> None:
        """One more, later than all others; its own device cannot repeat it."""
        self._alike[_likeness(dose)].append((number, dose))
        self._taken.add((number, dose.source))

    def take(self, copy: Row) -> bool:
        """Whether a dose repeats one of these: the first that its device has not yet repeated."""
        near = [self._first(_likeness(copy, quarter), copy) for quarter in (-1, 0, 1)]
        original = min((number for number in near if number is not None), default=None)
        if original is None:
            return False
        self._taken.add((original, copy.source))
        return True

    def _first(self, likeness: Likeness, copy: Row) -> int | None:
        """The first original of a likeness. Those that are too old or repeated are passed once for ever."""
        if likeness not in self._alike:
            return None
        alike, place = self._alike[likeness], (likeness, copy.source)
        oldest_ms = copy.at_ms - DOSE_COPY_MS
        at = bisect_left(alike, oldest_ms, lo=self._free_from[place], key=lambda one: one[1].at_ms)
        while at < len(alike) and (alike[at][0], copy.source) in self._taken:
            at += 1
        self._free_from[place] = at
        left = (alike[i] for i in range(at, len(alike)))
        free = ((number, dose) for number, dose in left if (number, copy.source) not in self._taken)
        return next((number for number, dose in free if _end_alike(dose, copy)), None)


def _likeness(dose: Row, quarters_later: int = 0) -> Likeness:
    return dose.signal, dose.value, dose.until_ms // DOSE_COPY_MS + quarters_later


def _end_alike(dose: Row, other: Row) -> bool:
    return abs(dose.until_ms - other.until_ms) <= DOSE_COPY_MS
