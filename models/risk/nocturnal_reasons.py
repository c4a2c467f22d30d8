"""What a clinician reads of the nocturnal hypoglycaemia models: four topics, every feature in one.

Sits beside `nocturnal_hypoglycemia`; the mechanics are in `risk_reasons`.
"""

from typing import Final

from models.risk.hypoglycemia_reasons import LOW
from models.risk.risk_reasons import NOW, Topic

TOPICS: Final = (
    Topic(
        "this_evening",
        {
            "glucose_mgdl": NOW, "slope_30_min_mgdl_per_min": NOW, "change_60_min_mgdl": NOW,
            "mean_6_h_mgdl": "the mean of the last 6 hours was {value}",
        },
    ),
    Topic(
        "last_day",
        {
            "lowest_24_h_mgdl": "the lowest glucose of the last 24 hours was {value}",
            "sd_24_h_mgdl": "the standard deviation of the last 24 hours was {value}",
            "time_below_70_24_h_percent": "{value} of the last 24 hours was " + LOW,
            "hours_since_low": "the last glucose " + LOW + " was {value} hours ago or longer",
        },
    ),
    Topic(
        "last_weeks",
        {
            "lbgi_7_d": "the low blood glucose index of the last 7 days was {value}",
            "lbgi_14_d": "the low blood glucose index of the last 14 days was {value}",
        },
    ),
    Topic(
        "nights_before",
        {
            "night_lowest_14_d_mgdl": "the lowest glucose of the last 14 nights averaged {value}",
            "nights_with_low_14_d_percent": "{value} of the last 14 nights went " + LOW,
            "nights_with_episode_14_d_percent": "",
            "margin_in_usual_nights": "",
        },
    ),
)  # fmt: skip
"""Every feature, in one topic each."""
