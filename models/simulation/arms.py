"""The arms of a trial of setting adjustment: each looks at a review and gives the therapy until the next one.

Sits between the dosing models and the trial. An arm is a function; it sees what a clinic would see and never
the patient's parameters. The reference arm is the exception, and the yardstick.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import applied
from models.dosing.setting_features import TherapyRecord
from models.dosing.setting_guards import guarded, lows_forbid_more_insulin
from models.dosing.setting_rules import propose_by_rules
from models.dosing.therapy import Array, Therapy


@dataclass(frozen=True)
class Review:
    """What n patients bring to a visit.

    Attributes:
        patient: (n,) names, only to keep a learned model away from those it was trained on.
        record, features: of the days since the last visit.
        reference: the settings that came with the virtual patients.
        earlier: the reviews before this one, oldest first.
    """

    patient: NDArray[np.str_]
    record: TherapyRecord
    features: dict[str, Array]
    reference: Therapy
    earlier: tuple["Review", ...] = ()


Arm = Callable[[Review], Therapy]


def no_change(review: Review) -> Therapy:
    """Leave the settings as they are."""
    return review.record.therapy


def reference_settings(review: Review) -> Therapy:
    """The settings that came with the virtual patients."""
    return review.reference


def by_rules(review: Review) -> Therapy:
    """The hand-written rules, within the guards."""
    each = [
        propose_by_rules({name: float(value[i]) for name, value in review.features.items()})
        for i in range(len(review.patient))
    ]
    only_reductions = lows_forbid_more_insulin(review.features["tbr"], review.features["tbr54"])
    return applied(review.record.therapy, guarded(np.array([c.log_factors for c in each]), only_reductions))
