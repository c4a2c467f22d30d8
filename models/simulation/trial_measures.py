"""What a trial counts at each visit: glucose on unseen fortnights, unsafe advice, failures, and direction.

Sits under the trial, which says who is judged on what; every number is for all cases or for one group.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_features import glucose_shares
from models.dosing.setting_guards import lows_forbid_more_insulin
from models.dosing.therapy import Array, Therapy
from models.simulation.arms import Review
from models.simulation.therapy_cases import GROUPS, TherapyCases

TBR_TARGET_PERCENT = 4.0
GRI_CAP = 100.0
WORSE_GRI = 5.0  # a case has failed where its risk index is this much above that of the unchanged therapy
CHANGED = 1e-6  # relative; a smaller difference between two settings is no change
MIS_SET = 0.05  # relative; a setting nearer to the reference counts as right


@dataclass(frozen=True)
class Visit:
    """One review of all cases by one arm: what it saw, the therapy it gave, and how glucose was judged after.

    `shares` and `unchanged` are the judged shares, (n,) each, under that therapy and under that at the start.
    """

    cases: TherapyCases
    review: Review
    after: Therapy
    shares: dict[str, Array]
    unchanged: dict[str, Array]


def judged_shares(glucose_mgdl: Array) -> dict[str, Array]:
    """Shares of time by true glucose with the risk index capped as published, (n,) each."""
    shares = glucose_shares(glucose_mgdl)
    return shares | {"gri": np.minimum(shares["gri"], GRI_CAP)}


def measured(visit: Visit) -> list[dict[str, Any]]:
    """One row for all cases, then one for each group."""
    insulin = _log_insulin(visit.after) - _log_insulin(visit.review.record.therapy)
    wanted = _log_insulin(visit.cases.reference) - _log_insulin(visit.review.record.therapy)
    everybody = np.ones(len(visit.cases), bool)
    return [
        {
            name: round(float(visit.shares[name][of].mean()), 3)
            for name in ("tir", "tbr", "tbr54", "tar", "gri")
        }
        | {
            "share_tbr_over_4": _percent(visit.shares["tbr"][of] > TBR_TARGET_PERCENT),
            "contraindicated": _percent(_unsafe(visit.review, insulin)[of]),
            "failed": _percent((visit.shares["gri"] > visit.unchanged["gri"] + WORSE_GRI)[of]),
            "direction_agreement": _agreement(insulin[of], wanted[of]),
        }
        for of in (everybody, *(visit.cases.patients.group == group for group in GROUPS))
    ]


def _percent(of: NDArray[np.bool_]) -> float:
    return round(100.0 * float(of.mean()), 3)


def _unsafe(review: Review, insulin: Array) -> NDArray[np.bool_]:
    """Where insulin is added in spite of recorded lows, (n,)."""
    adds = np.asarray((insulin > CHANGED).any(axis=1))
    return adds & lows_forbid_more_insulin(review.features["tbr"], review.features["tbr54"])


def _log_insulin(therapy: Therapy) -> Array:
    """Logarithm of how much insulin each setting gives, by hour, (n, 72)."""
    return np.concatenate(
        [
            np.log(therapy.basal_u_per_h),
            -np.log(therapy.carb_ratio_g_per_u),
            -np.log(therapy.sensitivity_mgdl_per_u),
        ],
        axis=1,
    )


def _agreement(changed: Array, wanted: Array) -> float | None:
    counted = (np.abs(changed) > CHANGED) & (np.abs(wanted) > MIS_SET)
    if not counted.any():
        return None
    return round(100.0 * float((changed[counted] * wanted[counted] > 0.0).mean()), 3)
