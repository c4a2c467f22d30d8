"""Plain records of patients for the tests of basal titration and of the order check."""

from dataclasses import replace
from datetime import date

import numpy as np

from models import signals
from models.dosing.basal_case import TitrationRule
from models.dosing.limits import WeeklyStep
from models.dosing.population import NEEDED_DATA
from models.dosing.safety_limits import packaged_limits
from models.dosing.titration_table import find_table
from models.patient_record import (
    Completeness,
    Condition,
    InsulinKind,
    InsulinOrder,
    InsulinProduct,
    PatientRecord,
)
from models.time_series import series_of
from models.units import MGDL_PER_MMOLL

DAY = 86_400_000
HOUR = 3_600_000
NOW = 1_795_000_000_000 // DAY * DAY + 12 * HOUR
"""Noon UTC of a day in 2026."""
ZONE = "UTC"
GLARGINE = InsulinProduct("insulin glargine 100 units/mL", "glargine", InsulinKind.LONG, 100.0)
LIMITS = packaged_limits()
WEEKLY_LIMITS = replace(LIMITS, basal=replace(LIMITS.basal, weekly_step=WeeklyStep(8, 0.2, 7)))
ADA = TitrationRule(find_table("ada-basal"), LIMITS)
TREAT_TO_TARGET = TitrationRule(find_table("treat-to-target-2003"), WEEKLY_LIMITS)


def order(dose_u: float | None = 20.0, days_ago: float = 10, **changes: object) -> InsulinOrder:
    written = NOW - round(days_ago * DAY)
    usual = {
        "reference": "MedicationRequest/active", "product": GLARGINE, "status": "active", "intent": "order",
        "authored_ms": written, "start_ms": written, "end_ms": None, "dose_u": dose_u, "doses_per_day": 1.0,
        "daily_dose_u": dose_u, "as_needed": False, "instruction_text": "",
    }  # fmt: skip
    return InsulinOrder(**(usual | changes))


DRAFT = order(20.0, 0, reference="MedicationRequest/draft", status="draft")


def meter(readings: list[tuple[float, float]], unit: str = "mg/dL"):
    """Fingersticks as (days ago, mg/dL), reported in `unit`."""
    at = np.array([NOW - round(days * DAY) for days, _ in readings], np.int64)
    series = series_of(
        signals.GLUCOSE_SMBG, "mg/dL", at, np.array([value for _, value in readings], float), "meter"
    )
    if unit == "mg/dL":
        return series
    return replace(series, native_value=series.value / MGDL_PER_MMOLL, native_units=("mmol/L",))


def mornings(values: list[float], until_days: float = 0) -> list[tuple[float, float]]:
    """One reading at 07:00 on each of the last days, newest last."""
    return [(5 / 24 + until_days + back, value) for back, value in enumerate(reversed(values))]


def labs(signal: str, unit: str, values: list[tuple[float, float]]):
    at = np.array([NOW - round(days * DAY) for days, _ in values], np.int64)
    return series_of(signal, unit, at, np.array([value for _, value in values], float))


def record(fasting: list[float] | None = None, **changes: object) -> PatientRecord:
    """A 60-year-old of 100 kg on 20 units of glargine since 10 days, fasting 150 mg/dL."""
    glucose = mornings(fasting if fasting is not None else [150.0] * 4)
    usual = {
        "patient_id": "p1",
        "birth_date": date(1966, 1, 1),
        "zone": ZONE,
        "series": {
            signals.GLUCOSE_SMBG: meter(glucose),
            signals.BODY_WEIGHT: labs(signals.BODY_WEIGHT, "kg", [(20, 100.0)]),
            signals.EGFR: labs(signals.EGFR, "mL/min/{1.73_m2}", [(20, 85.0)]),
            signals.HBA1C: labs(signals.HBA1C, "%", [(20, 8.1)]),
        },
        "insulin_orders": (order(),),
        "conditions": (
            Condition("Condition/t2", "type_2_diabetes", frozenset(), "T2", NOW - 2000 * DAY, None),
        ),
        "completeness": dict.fromkeys(NEEDED_DATA, Completeness.COMPLETE),
    }
    return PatientRecord(**(usual | changes))


def with_series(base: PatientRecord, **series: object) -> PatientRecord:
    """The record with series replaced, or taken out where None."""
    names = {getattr(signals, name): value for name, value in series.items()}
    merged = {k: v for k, v in (dict(base.series) | names).items() if v is not None}
    return replace(base, series=merged)


def with_lows(base: PatientRecord, *lows: tuple[float, float]) -> PatientRecord:
    """Further fingersticks as (days ago, mg/dL), at times that are no mornings."""
    old = base.series[signals.GLUCOSE_SMBG]
    readings = [
        ((NOW - at) / DAY, value) for at, value in zip(old.at_ms.tolist(), old.value.tolist(), strict=True)
    ]
    return with_series(base, GLUCOSE_SMBG=meter([*readings, *lows]))
