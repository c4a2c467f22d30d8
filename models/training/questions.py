"""Questions asked of people over time, with what followed; every score is counted over these.

Sits under the windows, the alarms and the evaluation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import SLOTS_PER_DAY

Array = NDArray[np.float64]

QUESTION_EVERY_SLOTS: Final = 3
LEFT_OUT_DAYS: Final = 14


class NothingToAsk(ValueError):
    """No question can be asked of the people, or none can be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Answered questions in order of person and time; all arrays of length m."""

    person: NDArray[np.int64]
    slot: NDArray[np.int64]
    episode: Array

    def counted(self) -> NDArray[np.bool_]:
        """Questions after each person's first 14 days."""
        first = np.full(int(self.person.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, self.person, self.slot)
        return self.slot >= first[self.person] + LEFT_OUT_DAYS * SLOTS_PER_DAY

    def take(self, keep: NDArray[np.bool_]) -> "Questions":
        """The questions selected by a mask."""
        return Questions(self.person[keep], self.slot[keep], self.episode[keep])
