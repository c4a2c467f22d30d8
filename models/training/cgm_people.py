"""People with CGM readings on 5-minute slots, as the open data set of 72 people stores them.

Where training and evaluation begin; the file's format is that of `cgm_t1d_open.npz`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import SLOT_MS, SLOTS_PER_DAY, Column

SLOT_ZERO_MS: Final = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Slots count from 2015-01-01 00:00 of the wall clock."""

LONGEST_DAYS: Final = 366 * 20
"""A person seen over more than twenty years is a damaged file, and would fill the memory."""

MOST_MGDL: Final = 1000.0
"""The hard limit of a sensor's glucose (`fhir_mappers/codes.csv`); sensors end at 400 to 500."""

FEW_SHARE: Final = 0.01
"""So many readings may be beyond and are left out; more of them are of another unit or a damaged file, and
would be evaluated and learned from as if they were glucose (our judgement)."""

ARRAYS: Final = ("ids", "code", "slot_delta", "mgdl")
NUMBERS: Final = "iuf"
"""Kinds of arrays, as numpy names them: signed and unsigned integers, floats."""


class UnreadablePeople(ValueError):
    """The file is not one of people with CGM; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person: `measured` float64[n] mg/dL, NaN where none; slots count from 2015-01-01, local."""

    name: str
    first_slot: int
    measured: Column

    @property
    def source(self) -> str:
        """The data set that the person comes from."""
        return self.name.split("/")[0]


def read_people(path: Path) -> tuple[Person, ...]:
    """The people of a file with the arrays `ARRAYS`, each with a reading. UnreadablePeople for others.

    Readings that are no positive number are left out, and few that no sensor states; the rows of a person
    need not be sorted.
    """
    ids, code, delta, glucose = _arrays(path)
    return tuple(
        _person(str(name), np.cumsum(delta[code == index], dtype=np.int64), glucose[code == index])
        for index, name in enumerate(ids)
        if (glucose[code == index] > 0).any()
    )


def numpy_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that a file has, flat. UnreadablePeople for a file of another kind."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: np.ravel(file[name]) for name in names if name in file}
    except (ValueError, EOFError, BadZipFile, MemoryError) as fault:
        raise UnreadablePeople(f"cannot be read as numpy arrays: {fault}") from fault


def _arrays(path: Path) -> list[NDArray[Any]]:
    found = numpy_arrays(path, ARRAYS)
    if len(found) < len(ARRAYS):
        raise UnreadablePeople(f"the arrays {', '.join(n for n in ARRAYS if n not in found)} are missing")
    _, code, delta, glucose = arrays = list(found.values())
    if any(column.dtype.kind not in NUMBERS for column in (code, delta, glucose)):
        raise UnreadablePeople("code, slot_delta and mgdl are not all numbers")
    if not code.size == delta.size == glucose.size:
        raise UnreadablePeople("code, slot_delta and mgdl differ in length")
    return arrays


def _person(name: str, slot: NDArray[np.int64], glucose: NDArray[Any]) -> Person:
    positive, beyond = glucose > 0, glucose > MOST_MGDL
    if beyond.sum() > FEW_SHARE * positive.sum():
        raise UnreadablePeople(
            f"{name} has a reading of {glucose[beyond].max():g}, which is no glucose in mg/dL"
        )
    seen = positive & ~beyond
    return _on_slots(name, slot[seen], glucose[seen].astype(np.float64))


def person_of(name: str, wall_ms: NDArray[np.int64], glucose: Column) -> Person:
    """A person from readings at milliseconds of the wall clock, each in the slot nearest to it."""
    return _on_slots(name, (wall_ms - SLOT_ZERO_MS + SLOT_MS // 2) // SLOT_MS, glucose)


def _on_slots(name: str, slot: NDArray[np.int64], glucose: Column) -> Person:
    first, last = int(slot.min()), int(slot.max())
    if last - first > LONGEST_DAYS * SLOTS_PER_DAY:
        raise UnreadablePeople(f"the readings of {name} are more than twenty years apart")
    measured = np.full(last - first + 1, np.nan)
    measured[slot - first] = glucose
    return Person(name, first, measured)


def sha256_of(path: Path) -> str:
    """Hash of a data file, written into every artefact made from it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(person: Person) -> str:
    """Twelve digits that tell whether the same readings were learned from, whatever the person is called."""
    return hashlib.sha256(person.measured.astype("<f4").tobytes()).hexdigest()[:12]
