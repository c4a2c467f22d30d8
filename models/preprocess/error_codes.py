"""Numbers that a CGM sends in the place of glucose to say that it could not measure.

The first step over a CGM series; fingersticks and laboratory values do not carry such codes.
"""

from typing import Final

import numpy as np

from models.preprocess.cleaned import Cleaned, without
from models.time_series import TimeSeries

HIGHEST_CODE_MGDL: Final = 12.0
"""Dexcom and Nightscout send 1 to 12 as error codes; sensors measure from about 40 mg/dL."""

UNRELIABLE_MGDL: Final = 38.0
"""A bare 38 is the code for an unreliable reading (oref0); a "Low" is 39 or marked as censored."""


def drop_error_codes(glucose: TimeSeries) -> Cleaned:
    """CGM readings without sensor error codes and without numbers that are no glucose (NaN, infinite)."""
    bare = glucose.censored == 0
    code = bare & ((glucose.value <= HIGHEST_CODE_MGDL) | (glucose.value == UNRELIABLE_MGDL))
    return without(glucose, code | ~np.isfinite(glucose.value), "sensor_error_code")
