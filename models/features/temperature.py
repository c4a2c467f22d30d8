"""Body temperature: the highest of the last day, and the change against the own weeks before.

Sits over the trend; the vital-signs review reads it.
"""

from typing import Final

from models.features.feature import Definition, Feature
from models.features.heart import OWN_WEEKS
from models.features.trend import NEEDS, WINDOW_DAYS, change_from_own_weeks
from models.time_series import TimeSeries

LOWEST_CORE_CEL: Final = 34.0
"""Below this a wearable measured skin (one public code table files skin under an axillary code)."""

CHANGE: Final = Definition("body_temperature_change", "Cel", WINDOW_DAYS, NEEDS, OWN_WEEKS)
HIGHEST: Final = Definition(
    "highest_body_temperature",
    "Cel",
    1,
    f"a reading of at least {LOWEST_CORE_CEL:.0f} Cel",
    "own definition",
)


def temperature_change(temperature: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Change of body temperature in degrees Celsius; readings of skin are left out."""
    return change_from_own_weeks(core(temperature), CHANGE, as_of_ms, zone)


def highest_temperature(temperature: TimeSeries, as_of_ms: int) -> Feature:
    """Highest core temperature of the last 24 hours in degrees Celsius."""
    window = core(temperature.between(HIGHEST.start_ms(as_of_ms), as_of_ms))
    if not len(window):
        return HIGHEST.unknown("no such reading in 24 hours", as_of_ms)
    return HIGHEST.known(window.value.max(), as_of_ms)


def core(temperature: TimeSeries) -> TimeSeries:
    """The readings that can be core temperature."""
    return temperature.take(temperature.value >= LOWEST_CORE_CEL)
