"""Readings that the device or the sender doubts: fit to be shown and to warn of a low, not to raise a dose.

Beside `error_codes`; fasting glucose for titration is taken without them, lows are looked for with them.
"""

from typing import Final

import numpy as np

from models.preprocess.cleaned import Cleaned, without
from models.time_series import TimeSeries

DOUBTS: Final = frozenset(
    {"interpretation:questionable", "interpretation:calibration-ongoing", "time_uncertain"}
)
"""Measurement status of IEEE 11073 and the clock fault of the HL7 PHD guide, as the mapper flags them."""

DEVICE_STATUS: Final = "device_status:"
"""How the mapper flags what status bits say of a reading."""


def drop_doubted(series: TimeSeries) -> Cleaned:
    """The series without readings under doubt."""
    doubted = [any(_is_doubt(flag) for flag in flags) for flags in series.flag_sets]
    return without(series, np.array(doubted, np.bool_)[series.flags], "doubted_by_device")


def _is_doubt(flag: str) -> bool:
    return flag in DOUBTS or flag.startswith(DEVICE_STATUS)
