"""Running medians against sensor noise; the trailing one sees only the past.

Used on gridded values; NaN stays NaN, so smoothing never fills a gap.
"""

import numpy as np
from numpy.typing import NDArray


def trailing_median(value: NDArray[np.float64], width: int = 3) -> NDArray[np.float64]:
    """Median of each value and the `width - 1` before it, float64[n]; fewer at the start. Causal."""
    padded = np.concatenate((np.full(width - 1, np.nan), value))
    return _median_where_known(np.lib.stride_tricks.sliding_window_view(padded, width), value)


def centred_median(value: NDArray[np.float64], width: int = 3) -> NDArray[np.float64]:
    """Median of each value and its neighbours on both sides, float64[n]; `width` is odd. Looks ahead."""
    margin = np.full(width // 2, np.nan)
    padded = np.concatenate((margin, value, margin))
    return _median_where_known(np.lib.stride_tricks.sliding_window_view(padded, width), value)


def _median_where_known(windows: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(value)
    smoothed = np.full(value.size, np.nan)
    smoothed[known] = np.nanmedian(windows[known], axis=1)
    return smoothed
