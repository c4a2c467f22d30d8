"""Glucose so high that a table is not what is needed: ketones, dehydration and their cause come first.

Sits in front of basal titration (hazard H-13: signs of ketoacidosis give an urgent text and no dose).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from models.assessment import Reason, ReasonCode
from models.dosing.dose_format import glucose_text
from models.dosing.recent_lows import RecentLows
from models.features.fasting import FastingValue
from models.features.sampling import DAY_MS
from models.patient_record import Medication

CRISIS_MGDL: Final = 300.0
"""ADA Standards of Care, section 9: from 300 mg/dL, above all with symptoms, catabolism is to be looked for.
Sick-day advice tests ketones from 240; a single value after a meal reaches that too often to stop a dose."""

KETONES_MGDL: Final = 250.0
"""The limit of glucose for ketoacidosis before 2024; under an SGLT2 inhibitor it runs below that too, so that
highs which only begin there are no reason to wait (FDA drug safety communication of 15 May 2015 and its
update of 4 Dec 2015; ADA Standards of Care 2025, section 9)."""

SGLT2_INHIBITOR: Final = "sglt2_inhibitor"

NEWEST_HOURS: Final = 24

VERY_HIGH: Final = "very_high_glucose"


def crisis_reasons(lows: RecentLows, fasting: Sequence[FastingValue], as_of_ms: int) -> Iterator[Reason]:
    """One reason where the newest glucose of a day, or a mean, is 300 mg/dL or more."""
    newest, fasting_mgdl, sensor_mgdl = lows.newest, _mean_mgdl(fasting), _sensor_mgdl(lows)
    current = newest is not None and as_of_ms - (newest.at_ms or 0) <= NEWEST_HOURS * DAY_MS // 24
    if current and newest is not None and float(newest.value) >= CRISIS_MGDL:
        yield _reason(f"The newest glucose is {glucose_text(float(newest.value))}")
    elif fasting_mgdl >= CRISIS_MGDL:
        yield _reason(f"Mean fasting glucose is {glucose_text(fasting_mgdl)}")
    elif sensor_mgdl >= CRISIS_MGDL:
        yield _reason(f"Mean sensor glucose of 14 days is {glucose_text(sensor_mgdl)}")


def ketone_advice(
    medications: Sequence[Medication], lows: RecentLows, fasting: Sequence[FastingValue]
) -> str | None:
    """To look for ketones before more insulin, where an SGLT2 inhibitor is taken and means are high."""
    means = {
        "mean fasting glucose": _mean_mgdl(fasting),
        "mean sensor glucose of 14 days": _sensor_mgdl(lows),
    }
    high = [f"{name} {glucose_text(mgdl)}" for name, mgdl in means.items() if mgdl >= KETONES_MGDL]
    if not high or all(drug.drug_class != SGLT2_INHIBITOR for drug in medications):
        return None
    return (
        f"An SGLT2 inhibitor is on record, and {high[0]}: look for ketones before the dose is raised. "
        "Under it ketoacidosis also runs at lower glucose (FDA 2015; ADA 2025, section 9)."
    )


def _mean_mgdl(fasting: Sequence[FastingValue]) -> float:
    return sum(value.mgdl for value in fasting) / len(fasting) if fasting else 0.0


def _sensor_mgdl(lows: RecentLows) -> float:
    mean_mgdl = lows.metrics.mean_mgdl if lows.metrics else None
    return 0.0 if mean_mgdl is None else mean_mgdl


def _reason(found: str) -> Reason:
    text = f"{found}: look for ketones and dehydration before a table sets the dose."
    return Reason(ReasonCode.UNSAFE, VERY_HIGH, text)
