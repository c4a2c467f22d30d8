"""The newest weight, kidney function and HbA1c of a patient, each fresh enough to dose on, or why not.

Sits under every rule in units per kilogram and every renal limit; an old or odd value is never used.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.dosing.limits import PLAUSIBLE_WEIGHT_KG
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.time_series import TimeSeries

# Greatest ages outside hospital, hazard H-07.
WEIGHT_DAYS: Final = 90
RENAL_DAYS: Final = 90
HBA1C_DAYS: Final = 120

WEIGHT_CHANGE_DAYS: Final = 30
WEIGHT_CHANGE_FRACTION: Final = 0.20
"""More than this in a month is taken for a unit error or another person's weight (hazard H-24)."""

EGFR_FALL_FRACTION: Final = 0.25
"""A fall of a quarter within the renal window counts as falling (KDIGO 2012: certain drop in category)."""

LOWEST_EGFR: Final = 30.0
"""Below it no dose is given (hazard H-14)."""

PLAUSIBLE_EGFR: Final = (1.0, 250.0)


@dataclass(frozen=True, slots=True)
class DosingInputs:
    """What a basal dose is limited by. `hba1c` is None where there is no fresh one; no rule needs it."""

    weight: Input
    egfr: Input
    hba1c: Input | None

    @property
    def weight_kg(self) -> float:
        """Body weight in kg."""
        return float(self.weight.value)

    @property
    def egfr_value(self) -> float:
        """Estimated glomerular filtration rate in mL/min/1.73 m2."""
        return float(self.egfr.value)


def read_inputs(record: PatientRecord, as_of_ms: int) -> DosingInputs | tuple[Reason, ...]:
    """Weight and eGFR as of an instant, or every reason why they cannot be used."""
    weight, egfr = read_weight(record, as_of_ms), read_egfr(record, as_of_ms)
    if isinstance(weight, Reason) or isinstance(egfr, Reason):
        return tuple(found for found in (weight, egfr) if isinstance(found, Reason))
    hba1c = _newest(record, signals.HBA1C, "HbA1c", as_of_ms)
    fresh = hba1c is not None and _is_fresh(hba1c, as_of_ms, HBA1C_DAYS)
    return DosingInputs(weight, egfr, hba1c if fresh else None)


def read_weight(record: PatientRecord, as_of_ms: int) -> Input | Reason:
    """The newest weight in kg, or why it cannot be used."""
    weight = _newest(record, signals.BODY_WEIGHT, "weight", as_of_ms)
    if weight is None:
        return Reason(ReasonCode.MISSING, "body_weight", "No body weight is on record.")
    if not _is_fresh(weight, as_of_ms, WEIGHT_DAYS):
        return _stale("body_weight", "body weight", weight, as_of_ms, WEIGHT_DAYS)
    low, high = PLAUSIBLE_WEIGHT_KG
    if not low <= float(weight.value) <= high:
        text = f"The newest body weight, {weight.value:.0f} kg, is not that of an adult."
        return Reason(ReasonCode.IMPLAUSIBLE, "body_weight", text)
    if _changed_too_fast(record.series[signals.BODY_WEIGHT], as_of_ms):
        text = (
            f"Body weights within {WEIGHT_CHANGE_DAYS} days differ by more than 20 %; check value and unit."
        )
        return Reason(ReasonCode.IMPLAUSIBLE, "body_weight", text)
    return weight


def read_egfr(record: PatientRecord, as_of_ms: int) -> Input | Reason:
    """The newest eGFR in mL/min/1.73 m2, or why it cannot be used or forbids a dose."""
    egfr = _newest(record, signals.EGFR, "eGFR", as_of_ms)
    if egfr is None:
        return Reason(ReasonCode.MISSING, "egfr", "No eGFR is on record.")
    if not _is_fresh(egfr, as_of_ms, RENAL_DAYS):
        return _stale("egfr", "eGFR", egfr, as_of_ms, RENAL_DAYS)
    low, high = PLAUSIBLE_EGFR
    if not low <= float(egfr.value) <= high:
        return Reason(ReasonCode.IMPLAUSIBLE, "egfr", f"The newest eGFR, {egfr.value}, is not plausible.")
    if float(egfr.value) < LOWEST_EGFR:
        text = f"eGFR is {egfr.value:.0f} mL/min/1.73 m2; below {LOWEST_EGFR:.0f} no dose is given."
        return Reason(ReasonCode.OUT_OF_POPULATION, "egfr", text)
    recent = record.series[signals.EGFR].between(as_of_ms - RENAL_DAYS * DAY_MS, as_of_ms).value
    highest = recent.max(initial=float(egfr.value))
    if float(egfr.value) < (1 - EGFR_FALL_FRACTION) * highest:
        text = f"eGFR fell from {highest:.0f} to {egfr.value:.0f} mL/min/1.73 m2 within {RENAL_DAYS} days."
        return Reason(ReasonCode.UNSAFE, "egfr", text)
    return egfr


def _newest(record: PatientRecord, signal: str, name: str, as_of_ms: int) -> Input | None:
    """The last value at or before the instant; of values at the same instant the lowest."""
    series = record.series.get(signal)
    known = series.take(series.at_ms <= as_of_ms) if series is not None else None
    if known is None or not len(known):
        return None
    last = np.flatnonzero(known.at_ms == known.at_ms[-1])
    chosen = int(last[np.argmin(known.value[last])])
    return Input(
        name=name,
        value=float(known.value[chosen]),
        unit=known.unit,
        at_ms=int(known.at_ms[chosen]),
        reference=known.references[known.reference[chosen]],
    )


def _is_fresh(found: Input, as_of_ms: int, days: int) -> bool:
    return found.at_ms is not None and as_of_ms - found.at_ms <= days * DAY_MS


def _stale(about: str, name: str, found: Input, as_of_ms: int, days: int) -> Reason:
    age = (as_of_ms - (found.at_ms or 0)) // DAY_MS
    text = f"The newest {name} is {age} days old; at most {days} days are allowed."
    return Reason(ReasonCode.STALE, about, text)


def _changed_too_fast(weight: TimeSeries, as_of_ms: int) -> bool:
    """Whether any two weights of the 30 days before the newest differ by more than a fifth of the lower."""
    known = weight.take(weight.at_ms <= as_of_ms)
    newest_ms = int(known.at_ms[-1])
    recent = known.value[known.at_ms >= newest_ms - WEIGHT_CHANGE_DAYS * DAY_MS]
    return bool(recent.max() > (1 + WEIGHT_CHANGE_FRACTION) * recent.min())
