"""Risk that a new episode of hyperglycaemia starts within 30, 60 or 120 minutes.

An `EpisodeModel` over the tables beside it. An episode is at least 15 minutes above 250 mg/dL (13.9 mmol/L)
(level 2, Battelino 2019, Diabetes Care 42:1593).
"""

from typing import Final

from models.risk.episode_risk import HORIZONS_MIN, EpisodeModel, tables_of
from models.risk.glucose_episodes import HIGH_MGDL
from models.risk.glucose_outlook import Outlook
from models.risk.hyperglycemia_reasons import TOPICS
from models.risk.recorded_points import beside
from models.risk.recorded_reasons import BESIDE_CGM
from models.risk.short_term_features import hyperglycemia_features

MODEL: Final = "hyperglycemia"

ALREADY_HIGH: Final = (
    "glucose is already above 250 mg/dL (13.9 mmol/L); the model speaks of new episodes only"
)

HYPERGLYCEMIA: Final = EpisodeModel(
    name=MODEL,
    tables=tables_of(MODEL),
    features=hyperglycemia_features,
    outlook=Outlook.packaged(MODEL),
    topics=(*TOPICS, BESIDE_CGM),
    under_way=lambda glucose_mgdl: ALREADY_HIGH if glucose_mgdl > HIGH_MGDL else None,
    recorded=beside(MODEL, HORIZONS_MIN),
)
