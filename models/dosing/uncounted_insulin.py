"""Whether insulin acts that a record cannot count: then no amount on board is stated, and no rate.

Sits between the record and all that adds up doses; a dose that is left out would read as none.
"""

from typing import Final

from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.insulin_on_board import RAPID_ADULT
from models.patient_record import PatientRecord
from models.signals import INSULIN_BOLUS, INSULIN_DELIVERY

ACTION_MS: Final = round(RAPID_ADULT.end_min * MS_PER_MIN)
"""As long as rapid-acting insulin acts."""

MAY_BE_BOLUS: Final = (INSULIN_BOLUS, INSULIN_DELIVERY)
"""Signals of doses that act on a meal, or may."""


def uncounted_insulin(record: PatientRecord, as_of_ms: int) -> bool:
    """Whether a dose that may act was left out, or insulin acts that is neither basal nor bolus."""
    left_out = (record.may_lack(signal, as_of_ms - ACTION_MS) for signal in MAY_BE_BOLUS)
    unspecified = record.series.get(INSULIN_DELIVERY)
    acting = unspecified is not None and bool(
        ((unspecified.until_ms > as_of_ms - ACTION_MS) & (unspecified.at_ms <= as_of_ms)).any()
    )
    return any(left_out) or acting
