"""Hard limits on changes of type 1 settings, whatever proposed them.

Sits between every proposal (model, rules, search) and its use; knows nothing of how a change was found.
Limits: proposed limits and abstentions of the safety specification, ADVICE4U-style cadence; consensus targets
for lows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import SettingChange
from models.dosing.therapy import Array

LARGEST_RISE_PERCENT, LARGEST_CUT_PERCENT, MOST_SETTINGS = 10.0, 20.0, 2
# Hypoglycaemia first: above these only reductions (Battelino et al., Diabetes Care 2019;42:1593)
TBR_LIMIT_PERCENT, TBR54_LIMIT_PERCENT = 4.0, 1.0
_SLACK = 1e-9


def lows_forbid_more_insulin(tbr_percent: Array, tbr54_percent: Array) -> NDArray[np.bool_]:
    """Whether the recorded lows allow reductions only, (n,). Unknown (NaN) counts as lows."""
    few: NDArray[np.bool_] = (tbr_percent <= TBR_LIMIT_PERCENT) & (tbr54_percent <= TBR54_LIMIT_PERCENT)
    return ~few


def permitted(changes: Sequence[SettingChange], only_reductions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which changes may be considered for which patient, (n, changes)."""
    adds = np.array([change.adds_insulin for change in changes])
    small = np.array([_within_limits(change) for change in changes])
    mask: NDArray[np.bool_] = small & ~(only_reductions[:, None] & adds)
    return mask


def guarded(log_factors: Array, only_reductions: NDArray[np.bool_]) -> Array:
    """The last word: log insulin factors cut back to the limits, (n, parts).

    A rise becomes at most +10 %, or none; a cut at most -20 %; a factor that is not a number no change.
    """
    highest = np.where(only_reductions, 0.0, np.log1p(LARGEST_RISE_PERCENT / 100.0))[:, None]
    asked = np.where(np.isfinite(log_factors), log_factors, 0.0)
    return np.clip(asked, np.log1p(-LARGEST_CUT_PERCENT / 100.0), highest)


def _within_limits(change: SettingChange) -> bool:
    return len(change.settings) <= MOST_SETTINGS and all(
        -LARGEST_CUT_PERCENT - _SLACK <= p <= LARGEST_RISE_PERCENT + _SLACK for p in change.percent
    )
