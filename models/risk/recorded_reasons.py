"""How what is recorded beside CGM reads as a reason of a glucose risk.

Sits beside `recorded_terms`; one topic of the next hours and one of tonight, with every feature of each.
"""

from collections.abc import Iterable
from typing import Final

from models.risk.recorded_terms import (
    CARBS,
    HEART_RATE,
    INSULIN,
    OF_NEXT_HOURS,
    OF_TONIGHT,
    STEPS,
    STEPS_OF_EVENING,
)
from models.risk.risk_reasons import Topic

SENTENCES: Final = {
    INSULIN: "bolus insulin yet to act is {value} of a usual day's boluses",
    CARBS: "carbohydrate of the last 2 hours was {value} of all carbohydrate of a usual day",
    STEPS: "steps of the last 2 hours were {value} of all steps of a usual day",
    STEPS_OF_EVENING: "steps of the last 6 hours were {value} of all steps of a usual day",
    HEART_RATE: "heart rate of the last hour was {value} per minute above the resting level",
}


def _topic(names: Iterable[str]) -> Topic:
    return Topic("insulin_food_and_activity", {name: SENTENCES[name] for name in names})


BESIDE_CGM: Final = _topic(OF_NEXT_HOURS)
BESIDE_CGM_TONIGHT: Final = _topic(OF_TONIGHT)
