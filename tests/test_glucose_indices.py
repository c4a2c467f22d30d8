"""LBGI, HBGI and GRI at their edges: where risk changes sign, its ends, each weight, and the cap."""

import numpy as np
import pytest

from models.dosing import setting_features
from models.features.glycemic import glycemic_metrics
from models.features.indices import blood_glucose_risk, glycemia_risk_index
from models.risk.glucose_risk_features import low_blood_glucose_risk
