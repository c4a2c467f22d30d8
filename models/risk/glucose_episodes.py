"""Episodes of low and high glucose on 5-minute slots: what the glucose risk models foretell and remember.

Sits on `causal_grid`; an episode is at least 15 minutes below 70 or above 250 mg/dL (level 1 and level 2,
Battelino 2019, Diabetes Care 42:1593).
"""

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.risk.causal_grid import Column

LOW_MGDL: Final = 70.0
HIGH_MGDL: Final = 250.0
EPISODE_SLOTS: Final = 3


def episode_starts(glucose: Column) -> NDArray[np.bool_]:
    """First slots of runs of at least 15 minutes below 70 mg/dL, bool[n]; known two slots later."""
    return _lasting_starts(glucose < LOW_MGDL)


def high_episode_starts(glucose: Column) -> NDArray[np.bool_]:
    """First slots of runs of at least 15 minutes above 250 mg/dL, bool[n]; known two slots later."""
    return _lasting_starts(glucose > HIGH_MGDL)


def _lasting_starts(flag: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.append(flag, np.zeros(EPISODE_SLOTS - 1, bool))
    lasting = sliding_window_view(padded, EPISODE_SLOTS).all(axis=1)
    first: NDArray[np.bool_] = lasting & ~np.insert(flag[:-1], 0, False)
    return first
