"""Groups of questions on which a served model is judged by itself: source of the data, day and night.

Sits under the evaluations; small groups are told with their number of questions, not left out.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import SLOTS_PER_DAY, SLOTS_PER_HOUR
from models.training.cgm_people import Person

NIGHT_ENDS_HOUR: Final = 6

Rows = NDArray[np.bool_]


def by_source(people: Sequence[Person], person: NDArray[np.int64]) -> dict[str, Rows]:
    """bool[m] for each data set; `person` int64[m] says whose each question is."""
    source = np.array([one.source for one in people])[person]
    return {f"source {name}": source == name for name in np.unique(source)}


def by_hour(slot: NDArray[np.int64]) -> dict[str, Rows]:
    """bool[m] for night and day; `slot` int64[m] counts from a midnight of the wall clock."""
    hour = slot % SLOTS_PER_DAY // SLOTS_PER_HOUR
    return {"night 00-06": hour < NIGHT_ENDS_HOUR, "day 06-24": hour >= NIGHT_ENDS_HOUR}
