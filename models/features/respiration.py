"""Respiratory rate against the own weeks before.

Sits over the trend; the vital-signs review reads it.
"""

from typing import Final

from models.features.feature import Definition, Feature
from models.features.heart import OWN_WEEKS
from models.features.trend import NEEDS, WINDOW_DAYS, change_from_own_weeks
from models.time_series import TimeSeries

CHANGE: Final = Definition("respiration_rate_change", "/min", WINDOW_DAYS, NEEDS, OWN_WEEKS)


def respiration_change(respiration: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Change of respiratory rate in breaths per minute."""
    return change_from_own_weeks(respiration, CHANGE, as_of_ms, zone)
