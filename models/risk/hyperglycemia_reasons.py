"""What a clinician reads of the short-term hyperglycaemia models: five topics, every feature in one.

Sits beside `hyperglycemia`; the mechanics are in `risk_reasons`.
"""

from typing import Final

from models.risk.hypoglycemia_reasons import AFTER_THIS_TIME, LOW, VARIABILITY
from models.risk.risk_reasons import NOW, Topic

HIGH: Final = "above 250 mg/dL (13.9 mmol/L)"

TOPICS: Final = (
    Topic(
        "glucose_now",
        {
            "glucose_mgdl": NOW, "reading_age_min": "", "change_5_min_mgdl": NOW, "change_10_min_mgdl": NOW,
            "change_15_min_mgdl": NOW, "change_30_min_mgdl": NOW, "change_60_min_mgdl": NOW,
            "change_120_min_mgdl": NOW, "slope_15_min_mgdl_per_min": NOW, "slope_30_min_mgdl_per_min": NOW,
            "slope_change_mgdl_per_min": NOW, "in_30_min_mgdl": NOW, "in_60_min_mgdl": NOW,
            "minutes_to_high": NOW, "margin_in_usual_changes": NOW, "margin_in_recent_changes": NOW,
        },
    ),
    Topic(
        "last_hours",
        {
            "lowest_1_h_mgdl": "the lowest glucose of the last hour was {value}",
            "lowest_3_h_mgdl": "the lowest glucose of the last 3 hours was {value}",
            "lowest_12_h_mgdl": "the lowest glucose of the last 12 hours was {value}",
            "highest_1_h_mgdl": "the highest glucose of the last hour was {value}",
            "highest_3_h_mgdl": "the highest glucose of the last 3 hours was {value}",
            "highest_12_h_mgdl": "the highest glucose of the last 12 hours was {value}",
            "mean_1_h_mgdl": "the mean of the last hour was {value}",
            "mean_6_h_mgdl": "the mean of the last 6 hours was {value}",
            "time_below_70_3_h_percent": "{value} of the last 3 hours was " + LOW,
        },
    ),
    Topic(
        "glucose_before",
        {
            "time_above_250_24_h_percent": "{value} of the last 24 hours was " + HIGH,
            "time_above_250_7_d_percent": "{value} of the last 7 days was " + HIGH,
            "hours_since_high": "the last glucose " + HIGH + " was {value} hours ago or longer",
            "mean_24_h_mgdl": "the mean of the last 24 hours was {value}",
            "mean_7_d_mgdl": "the mean of the last 7 days was {value}",
            "time_below_70_24_h_percent": "{value} of the last 24 hours was " + LOW,
            "time_below_70_7_d_percent": "{value} of the last 7 days was " + LOW,
            "time_below_70_14_d_percent": "{value} of the last 14 days was " + LOW,
            "lbgi_24_h": "the low blood glucose index of the last 24 hours was {value}",
            "lbgi_7_d": "the low blood glucose index of the last 7 days was {value}",
            "hours_since_low": "the last glucose " + LOW + " was {value} hours ago or longer",
        },
    ),
    VARIABILITY,
    Topic(
        "same_time_of_day",
        {
            "same_time_highest_7_d_mgdl": AFTER_THIS_TIME
            + "the highest glucose averaged {value} over 7 days",
            "same_time_above_250_7_d_percent": AFTER_THIS_TIME + "{value} was " + HIGH + " over 7 days",
            "hour_of_day": "the clock shows hour {value} of the day",
        },
    ),
)  # fmt: skip
"""Every feature, in one topic each."""
