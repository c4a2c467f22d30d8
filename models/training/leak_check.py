"""Catches a feature that knows the future: features at a question must not change when what follows does.

Asked by every evaluation before it believes a number.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column
from models.training.cgm_people import Person
from models.training.patient_folds import LeakError

Features = Callable[[Column, NDArray[np.int64]], Mapping[str, Column]]

QUESTIONS: Final = 100
"""Every other one where nothing was read: there a gap filled from both of its ends shows."""

TOLERANCE_MGDL: Final = 1e-6


def check_no_look_ahead(features: Features, people: Sequence[Person], seed: int) -> None:
    """LeakError naming the features that differ once all that follows the question is removed."""
    rng = np.random.default_rng(seed)
    for number in range(QUESTIONS):
        person = people[int(rng.integers(len(people)))]
        slot = _asked(person.measured, rng, unread=number % 2 == 1)
        at = np.array([slot])
        known, cut = features(person.measured, at), features(person.measured[: slot + 1], at)
        leaking = [name for name in known if _differs(known[name][0], cut[name][0])]
        if leaking:
            raise LeakError(f"features that know the future: {', '.join(leaking)}")


def _asked(measured: Column, rng: np.random.Generator, unread: bool) -> int:
    """A slot drawn at random; of those without a reading where these are wanted and there are any."""
    missing = np.flatnonzero(np.isnan(measured))
    return int(rng.choice(missing) if unread and missing.size else rng.integers(measured.size))


def _differs(one: float, other: float) -> bool:
    return not np.isclose(one, other, atol=TOLERANCE_MGDL, rtol=0, equal_nan=True)
