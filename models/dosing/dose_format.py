"""Doses and glucose as text that cannot be misread; every dose on a card passes here.

Rules of ISMP's list of error-prone abbreviations: the word "units" in full with a space before it, a leading
zero, no trailing zero, no thousands separator, whole or half units only.
"""

from typing import Final

from models.units import to_mmoll

_HALF_UNITS_PER_UNIT: Final = 2


def units_text(dose_u: float) -> str:
    """A dose in units: `12 units`, `0.5 units`. ValueError unless it is a multiple of 0.5, zero or more."""
    return f"{_number(dose_u)} {'unit' if dose_u == 1 else 'units'}"


def stated_units_text(dose_u: float) -> str:
    """A dose that somebody else wrote, whatever it is, up to two decimals: `20.3 units`."""
    written = f"{dose_u:.2f}".rstrip("0").rstrip(".")
    return f"{written} {'unit' if dose_u == 1 else 'units'}"


def step_text(step_u: float) -> str:
    """A change in units with its sign: `+2 units`, `-1.5 units`, `0 units`."""
    sign = "+" if step_u > 0 else "-" if step_u < 0 else ""
    return f"{sign}{units_text(abs(step_u))}"


def glucose_text(value_mgdl: float) -> str:
    """A glucose in both units: `112 mg/dL (6.2 mmol/L)`."""
    return f"{value_mgdl:.0f} mg/dL ({to_mmoll(value_mgdl):.1f} mmol/L)"


def percent_text(value: float) -> str:
    """A share as the consensus tables print it: whole percent, one decimal below 10, `under 0.1 %`."""
    if value == 0:
        return "0 %"
    if 0 < value < 0.05:
        return "under 0.1 %"
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


def _number(dose_u: float) -> str:
    halves = dose_u * _HALF_UNITS_PER_UNIT
    if halves < 0 or halves != int(halves):
        raise ValueError(f"a dose is zero or more, in whole or half units: {dose_u!r}")
    whole, half = divmod(int(halves), _HALF_UNITS_PER_UNIT)
    return f"{whole}.5" if half else f"{whole}"
