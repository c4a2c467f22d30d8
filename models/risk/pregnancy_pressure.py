"""Blood pressure in pregnancy against limits of its own: pre-eclampsia is dangerous far below 180/120 mmHg.

Beside `vital_limits`, which asks it where pregnancy is on the problem list.
"""

from typing import Final

from models import signals
from models.features.targets import PREGNANCY
from models.patient_record import PatientRecord
from models.risk.vital_comparison import Urgency

SEVERE_MMHG: Final = {signals.SYSTOLIC: 160.0, signals.DIASTOLIC: 110.0}
"""Severe range: confirmed within 15 minutes, it is treated within 30 to 60 minutes."""

RAISED_MMHG: Final = {signals.SYSTOLIC: 140.0, signals.DIASTOLIC: 90.0}
"""Hypertension in pregnancy, on two occasions four hours apart."""

SOURCE: Final = (
    "ACOG Practice Bulletin 222 (Obstet Gynecol 2020;135:e237): from 140/90 mmHg look for pre-eclampsia, "
    "from 160/110 mmHg repeat within 15 min and treat within the hour"
)


def pregnancy_pressure(signal: str, value_mmhg: float, record: PatientRecord) -> tuple[Urgency, str] | None:
    """How soon a pressure wants a person and what it is; None below the limits or without a pregnancy."""
    if signal not in RAISED_MMHG or not record.concepts() & PREGNANCY:
        return None
    if value_mmhg >= SEVERE_MMHG[signal]:
        return Urgency.NOW, "severe for pregnancy"
    return (Urgency.SOON, "raised for pregnancy") if value_mmhg >= RAISED_MMHG[signal] else None
