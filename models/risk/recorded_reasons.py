"""How what is recorded beside CGM reads as a reason of a risk of the next hours.

Sits beside `recorded_terms`; one topic, with every feature of it.
"""

from typing import Final

from models.risk.recorded_terms import CARBS, HEART_RATE, INSULIN, STEPS
from models.risk.risk_reasons import Topic

BESIDE_CGM: Final = Topic(
    "insulin_food_and_activity",
    {
        INSULIN: "bolus insulin yet to act is {value} of a usual day's boluses",
        CARBS: "carbohydrate of the last 2 hours was {value} of a usual day's",
        STEPS: "steps of the last 2 hours were {value} of a usual day's",
        HEART_RATE: "heart rate of the last hour was {value} per minute above the resting level",
    },
)
