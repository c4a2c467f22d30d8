"""People with CGM readings on 5-minute slots, as the open data set of 72 people stores them.

Where training and evaluation begin; the file's format is that of `cgm_t1d_open.npz`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column


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
    """The people of a file with arrays `ids`, `code`, `slot_delta`, `mgdl`; KeyError where one is absent."""
    with np.load(path, allow_pickle=False) as file:
        ids, code, delta, glucose = (file[key] for key in ("ids", "code", "slot_delta", "mgdl"))
    return tuple(
        _person(str(name), delta[code == index].astype(np.int64), glucose[code == index])
        for index, name in enumerate(ids)
        if (code == index).any()
    )


def _person(name: str, delta: NDArray[np.int64], glucose: NDArray[np.int16]) -> Person:
    slot = np.cumsum(delta)
    measured = np.full(int(slot[-1] - slot[0]) + 1, np.nan)
    measured[slot - slot[0]] = glucose
    return Person(name, int(slot[0]), measured)


def sha256_of(path: Path) -> str:
    """Hash of a data file, written into every artefact made from it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(person: Person) -> str:
    """Twelve digits that tell whether the same readings were learned from, whatever the person is called."""
    return hashlib.sha256(person.measured.astype("<f4").tobytes()).hexdigest()[:12]
