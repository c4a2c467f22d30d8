"""What a clinician reads of the short-term hyperglycaemia models: five topics, every feature in one.

Sits beside `hyperglycemia`; the mechanics are in `risk_reasons`.
"""

from typing import Final

from models.risk.hypoglycemia_reasons import (
    AFTER_THIS_TIME,
    EXPECTED,
    GLUCOSE_NOW,
    HOUR,
    LAST_HOURS,
    LOWS_BEFORE,
    VARIABILITY,
)
from models.risk.risk_reasons import NOW, Topic

HIGH: Final = "above 250 mg/dL (13.9 mmol/L)"

TOPICS: Final = (
    Topic(
        "glucose_now",
        {
            **GLUCOSE_NOW, "in_30_min_mgdl": NOW, "in_60_min_mgdl": NOW,
            "minutes_to_high": NOW, "margin_in_usual_changes": NOW, "margin_in_recent_changes": NOW,
            "expected_highest_30_min_mgdl": EXPECTED.format("highest", 30),
            "expected_highest_60_min_mgdl": EXPECTED.format("highest", 60),
            "expected_nearness_60_min_percent": NOW,
        },
    ),
    Topic(
        "last_hours",
        {
            **LAST_HOURS,
            "highest_1_h_mgdl": "the highest glucose of the last hour was {value}",
            "highest_12_h_mgdl": "the highest glucose of the last 12 hours was {value}",
        },
    ),
    Topic(
        "glucose_before",
        {
            "time_above_250_24_h_percent": "{value} of the last 24 hours was " + HIGH,
            "time_above_250_7_d_percent": "{value} of the last 7 days was " + HIGH,
            "hours_since_high": "the last glucose " + HIGH + " was {value} hours ago or longer",
            **LOWS_BEFORE,
        },
    ),
    VARIABILITY,
    Topic(
        "same_time_of_day",
        {
            "same_time_highest_7_d_mgdl": AFTER_THIS_TIME
            + "the highest glucose averaged {value} over 7 days",
            "same_time_above_250_7_d_percent": AFTER_THIS_TIME + "{value} was " + HIGH + " over 7 days",
            **HOUR,
        },
    ),
)  # fmt: skip
"""Every feature, in one topic each."""
