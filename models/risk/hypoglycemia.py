"""Risk that a new episode of hypoglycaemia starts within 30, 60 or 120 minutes.

An `EpisodeModel` over the tables beside it. An episode is at least 15 minutes below 70 mg/dL (3.9 mmol/L)
(Battelino 2019, Diabetes Care 42:1593).
"""

from typing import Final

from models.risk.episode_risk import HORIZONS_MIN, EpisodeModel, tables_of
from models.risk.glucose_episodes import LOW_MGDL
from models.risk.glucose_outlook import Outlook
from models.risk.hypoglycemia_reasons import TOPICS
from models.risk.recorded_points import beside
from models.risk.recorded_reasons import BESIDE_CGM
from models.risk.short_term_features import hypoglycemia_features

MODEL: Final = "hypoglycemia"

ALREADY_LOW: Final = "glucose is already below 70 mg/dL (3.9 mmol/L); the model speaks of new episodes only"

HYPOGLYCEMIA: Final = EpisodeModel(
    name=MODEL,
    tables=tables_of(MODEL),
    features=hypoglycemia_features,
    outlook=Outlook.packaged(MODEL),
    topics=(*TOPICS, BESIDE_CGM),
    under_way=lambda glucose_mgdl: ALREADY_LOW if glucose_mgdl < LOW_MGDL else None,
    recorded=beside(MODEL, HORIZONS_MIN),
)
