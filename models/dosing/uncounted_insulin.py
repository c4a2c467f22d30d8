"""Whether insulin was given that a record cannot count: then no amount on board is stated, and no rate.

Sits between the record and all that adds up doses; a dose that is left out would read as none.
"""

from typing import Final

from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.insulin_on_board import RAPID_ADULT
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.signals import INSULIN_BOLUS, INSULIN_DELIVERY

ACTION_MS: Final = round(RAPID_ADULT.end_min * MS_PER_MIN)
"""As long as rapid-acting insulin acts."""

COUNTED_MS: Final = 14 * DAY_MS
"""As far back as doses are added up: what a person usually takes is known from two weeks."""


def uncounted_insulin(record: PatientRecord, as_of_ms: int) -> bool:
    """Whether something was left out that may be a dose, or insulin acts that is neither basal nor bolus."""
    left_out = (record.may_lack(s, as_of_ms - COUNTED_MS) for s in (INSULIN_BOLUS, INSULIN_DELIVERY))
    unspecified = record.series.get(INSULIN_DELIVERY)
    acting = unspecified is not None and bool(
        ((unspecified.until_ms > as_of_ms - ACTION_MS) & (unspecified.at_ms <= as_of_ms)).any()
    )
    return any(left_out) or acting
