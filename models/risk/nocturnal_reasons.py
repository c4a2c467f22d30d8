"""What a clinician reads of the nocturnal hypoglycaemia model: four topics, every feature in one.

Sits beside `nocturnal_hypoglycemia`; the mechanics are in `risk_reasons`.
"""

from typing import Final

from models.risk.hypoglycemia_reasons import LOW
from models.risk.nocturnal_features import PRIOR_PERCENT
from models.risk.recorded_reasons import BESIDE_CGM_TONIGHT
from models.risk.risk_reasons import NOW, Topic

TOPICS: Final = (
    Topic(
        "this_evening",
        {
            "glucose_mgdl": NOW, "slope_30_min_mgdl_per_min": NOW,
            "sd_15_min_change_1_h_mgdl": "changes over 15 minutes varied by {value} (SD) in the last hour",
            "time_below_70_3_h_percent": "{value} of the last 3 hours was " + LOW,
            "lowest_6_h_mgdl": "the lowest glucose of the last 6 hours was {value}",
            "above_usual_evening_mgdl": "glucose now minus its 14-day mean at this time of day is {value}",
        },
    ),
    Topic(
        "last_days",
        {
            "highest_24_h_mgdl": "the highest glucose of the last 24 hours was {value}",
            "lbgi_3_d": "the low blood glucose index of the last 3 days was {value}",
            "lbgi_14_d": "the low blood glucose index of the last 14 days was {value}",
        },
    ),
    BESIDE_CGM_TONIGHT,
    Topic(
        "nights_before",
        {
            "nights_near_low_14_d_percent": "the last 14 nights score {value} on average for how low they "
            "went, 0 % being far above and 100 % far below 70 mg/dL (3.9 mmol/L)",
            "similar_nights_with_episode_percent": "{value} is the share of the last 14 nights with a low, "
            "those that began like tonight counting most, "
            f"drawn towards the {PRIOR_PERCENT:g} % of the people learned from",
        },
    ),
)  # fmt: skip
"""Every feature, in one topic each."""
