"""The CGM readings that every glucose feature counts: no error codes, no copies, one sensor at a time.

The one entry to this package for glucose metrics. Suspected artefacts stay in: see `artefacts`.
"""

from models.preprocess.cleaned import Cleaned
from models.preprocess.copies import one_per_instant
from models.preprocess.error_codes import drop_error_codes
from models.preprocess.streams import one_stream_per_slot
from models.time_series import TimeSeries


def usable_cgm(glucose: TimeSeries) -> Cleaned:
    """What can be counted, and how many readings went for which reason."""
    return drop_error_codes(glucose).then(one_stream_per_slot).then(one_per_instant)
