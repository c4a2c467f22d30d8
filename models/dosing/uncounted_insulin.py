"""Whether insulin was given that a record cannot count: then no amount on board is stated, and no rate.

Sits between the record and all that adds up doses; a dose that is left out would read as none.
"""

from typing import Final

from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.insulin_on_board import RAPID_ADULT
from models.patient_record import PatientRecord
from models.signals import INSULIN_DELIVERY

ACTION_MS: Final = round(RAPID_ADULT.end_min * MS_PER_MIN)
"""As long as rapid-acting insulin acts."""

GIVEN_BY: Final = "MedicationAdministration/"

NO_DOSE_LOST: Final = frozenset(
    {
        "duplicate", "superseded", "dose_copy_of_other_device", "medication_not_insulin",
        "status:entered-in-error", "status:not-done",
    }
)  # fmt: skip
"""Reasons to leave an administration out that leave no insulin uncounted."""


def uncounted_insulin(record: PatientRecord, as_of_ms: int) -> bool:
    """Whether an administration was left out that may be a dose, or acts and is neither basal nor bolus."""
    left_out = (
        reference.startswith(GIVEN_BY)
        for reason, rejection in record.rejected.items()
        if reason not in NO_DOSE_LOST
        for reference in rejection.references
    )
    unspecified = record.series.get(INSULIN_DELIVERY)
    acting = unspecified is not None and bool(
        ((unspecified.until_ms > as_of_ms - ACTION_MS) & (unspecified.at_ms <= as_of_ms)).any()
    )
    return any(left_out) or acting
