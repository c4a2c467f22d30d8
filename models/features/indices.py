"""Published indices computed from glucose: GMI, estimated HbA1c, GRI, LBGI and HBGI, J and M.

Formulas only; the glycaemic metrics apply them to a window.
"""

import numpy as np
from numpy.typing import NDArray


def glucose_management_indicator(mean_mgdl: float) -> float:
    """GMI in percent: 3.31 + 0.02392 x mean (Bergenstal et al., Diabetes Care 2018;41:2275)."""
    return 3.31 + 0.02392 * mean_mgdl


def estimated_a1c(mean_mgdl: float) -> float:
    """Estimated HbA1c in percent, (46.7 + mean)/28.7 (ADAG; Nathan et al., Diabetes Care 2008;31:1473)."""
    return (46.7 + mean_mgdl) / 28.7


def glycemia_risk_index(very_low: float, low: float, high: float, very_high: float) -> float:
    """GRI, 0 to 100, from percent of time <54, 54-69, 181-250, >250 (Klonoff et al., JDST 2023;17:1226)."""
    return min(100.0, 3.0 * very_low + 2.4 * low + 1.6 * very_high + 0.8 * high)


def blood_glucose_risk(value_mgdl: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high risk of each reading, float64[n] both; their means over all readings are LBGI and HBGI.

    r = 10 f^2 with f = 1.509 ((ln g)^1.084 - 5.381) (Kovatchev et al., Diabetes Care 2006;29:2433).
    """
    f = 1.509 * (np.log(value_mgdl) ** 1.084 - 5.381)
    risk = 10 * f * f
    return np.where(f < 0, risk, 0.0), np.where(f > 0, risk, 0.0)


def j_index(mean_mgdl: float, sd_mgdl: float) -> float:
    """J = 0.001 (mean + SD)^2 (Wojcicki, Horm Metab Res 1995;27:41)."""
    return 0.001 * (mean_mgdl + sd_mgdl) ** 2


def m_terms(value_mgdl: NDArray[np.float64], reference_mgdl: float = 90.0) -> NDArray[np.float64]:
    """|10 log10(g / reference)|^3 of each reading; the mean is the M-value (Schlichtkrull et al. 1965)."""
    terms: NDArray[np.float64] = np.abs(10 * np.log10(value_mgdl / reference_mgdl)) ** 3
    return terms
