"""The two events of the next two hours that are learned: a new low and a new high.

Sits under the windows; what is asked, answered and seen differs between them in these few things alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column, Slots
from models.risk.glucose_episodes import HIGH_MGDL, LOW_MGDL, episode_starts, high_episode_starts
from models.risk.glucose_risk_features import DIRECTIONS
from models.risk.short_term_features import HIGH_DIRECTIONS, hyperglycemia_features, hypoglycemia_features


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of episode: where it may be asked about, where it starts, what is seen of it.

    `towards` is the sign of glucose that brings it nearer, past `limit_mgdl`, `spread_mgdl` how far
    around it glucose counts as near; `outside(glucose)` bool[n] says
    that no episode is under way; `starts(glucose)` bool[n] marks first slots; `features` is the function of
    the served model and `directions` what must be monotone in it.
    """

    name: str
    towards: int
    limit_mgdl: float
    spread_mgdl: float
    outside: Callable[[Column], NDArray[np.bool_]]
    starts: Callable[[Column], NDArray[np.bool_]]
    features: Callable[[Column, Slots, int | None], dict[str, Column]]
    directions: Mapping[str, int]


HYPOGLYCEMIA: Final = Event(
    "hypoglycemia",
    -1,
    LOW_MGDL,
    8.0,
    lambda glucose: glucose >= LOW_MGDL,
    episode_starts,
    hypoglycemia_features,
    DIRECTIONS,
)
HYPERGLYCEMIA: Final = Event(
    "hyperglycemia",
    1,
    HIGH_MGDL,
    20.0,
    lambda glucose: glucose <= HIGH_MGDL,
    high_episode_starts,
    hyperglycemia_features,
    HIGH_DIRECTIONS,
)
EVENTS: Final = {event.name: event for event in (HYPOGLYCEMIA, HYPERGLYCEMIA)}
