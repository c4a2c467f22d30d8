"""What a clinician reads of the short-term hypoglycaemia models: six topics, every feature in one.

Sits beside `hypoglycemia`; the mechanics are in `risk_reasons`.
"""

from collections.abc import Mapping
from typing import Final

from models.risk.risk_reasons import NOW, Topic

LOW: Final = "below 70 mg/dL (3.9 mmol/L)"
AFTER_THIS_TIME: Final = "in the two hours after this time of day, "

EXPECTED: Final = "{{now}}; the {} glucose expected within {} minutes is {{value}}"

VARIABILITY: Final = Topic(
    "variability",
    {
        "sd_3_h_mgdl": "the standard deviation of the last 3 hours was {value}",
        "sd_7_d_mgdl": "the standard deviation of the last 7 days was {value}",
        "sd_15_min_change_1_h_mgdl": "changes over 15 minutes varied by {value} (SD) in the last hour",
        "sensor_noise_2_h_mgdl": "readings of the last 2 hours jumped by {value} about a smooth curve",
        "sd_30_min_change_7_d_mgdl": "changes over 30 minutes varied by {value} (SD) in the last 7 days",
    },
)

GLUCOSE_NOW: Final[Mapping[str, str]] = {
    "glucose_mgdl": NOW, "reading_age_min": "", "change_5_min_mgdl": NOW, "change_10_min_mgdl": NOW,
    "change_15_min_mgdl": NOW, "change_30_min_mgdl": NOW, "change_60_min_mgdl": NOW,
    "change_120_min_mgdl": NOW, "slope_15_min_mgdl_per_min": NOW, "slope_30_min_mgdl_per_min": NOW,
    "slope_change_mgdl_per_min": NOW,
}  # fmt: skip

LAST_HOURS: Final[Mapping[str, str]] = {
    "lowest_1_h_mgdl": "the lowest glucose of the last hour was {value}",
    "lowest_3_h_mgdl": "the lowest glucose of the last 3 hours was {value}",
    "lowest_12_h_mgdl": "the lowest glucose of the last 12 hours was {value}",
    "highest_3_h_mgdl": "the highest glucose of the last 3 hours was {value}",
    "mean_1_h_mgdl": "the mean of the last hour was {value}",
    "mean_6_h_mgdl": "the mean of the last 6 hours was {value}",
    "time_below_70_3_h_percent": "{value} of the last 3 hours was " + LOW,
}

LOWS_BEFORE: Final[Mapping[str, str]] = {
    "time_below_70_24_h_percent": "{value} of the last 24 hours was " + LOW,
    "time_below_70_7_d_percent": "{value} of the last 7 days was " + LOW,
    "time_below_70_14_d_percent": "{value} of the last 14 days was " + LOW,
    "lbgi_24_h": "the low blood glucose index of the last 24 hours was {value}",
    "lbgi_7_d": "the low blood glucose index of the last 7 days was {value}",
    "hours_since_low": "",
    "mean_24_h_mgdl": "the mean of the last 24 hours was {value}",
    "mean_7_d_mgdl": "the mean of the last 7 days was {value}",
}
"""Features that lows and highs share, and how each reads."""

HOUR: Final[Mapping[str, str]] = {"hour_of_day": "it is about {value}"}

TOPICS: Final = (
    Topic(
        "glucose_now",
        {
            **GLUCOSE_NOW, "in_20_min_mgdl": NOW, "in_30_min_mgdl": NOW, "in_60_min_mgdl": NOW,
            "minutes_to_low": NOW, "margin_in_usual_changes": NOW, "margin_in_recent_changes": NOW,
            "expected_lowest_30_min_mgdl": EXPECTED.format("lowest", 30),
            "expected_lowest_60_min_mgdl": EXPECTED.format("lowest", 60),
            "expected_nearness_60_min_percent": NOW,
        },
    ),
    Topic("last_hours", LAST_HOURS),
    Topic("lows_before", LOWS_BEFORE),
    VARIABILITY,
    Topic(
        "similar_moments",
        {
            "similar_followed_by_low_percent": "of similar moments of 14 days, {value} were followed by "
            "a low within two hours",
            "similar_moments": "",
        },
    ),
    Topic(
        "same_time_of_day",
        {
            "same_time_below_70_14_d_percent": AFTER_THIS_TIME + "{value} was " + LOW + " over 14 days",
            "same_time_lowest_7_d_mgdl": AFTER_THIS_TIME + "the lowest glucose averaged {value} over 7 days",
            "same_time_change_14_d_mgdl": "",
            **HOUR,
        },
    ),
)  # fmt: skip
"""Every feature, in one topic each."""
