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

CRISIS_MGDL: Final = 300.0
"""ADA Standards of Care, section 9: from 300 mg/dL, above all with symptoms, catabolism is to be looked for.
Sick-day advice tests ketones from 240; a single value after a meal reaches that too often to stop a dose."""

NEWEST_HOURS: Final = 24

VERY_HIGH: Final = "very_high_glucose"


def crisis_reasons(lows: RecentLows, fasting: Sequence[FastingValue], as_of_ms: int) -> Iterator[Reason]:
    """One reason where the newest glucose of a day, or a mean, is 300 mg/dL or more."""
    newest, mean_mgdl = lows.newest, lows.metrics.mean_mgdl if lows.metrics else None
    current = newest is not None and as_of_ms - (newest.at_ms or 0) <= NEWEST_HOURS * DAY_MS // 24
    fasting_mgdl = sum(value.mgdl for value in fasting) / len(fasting) if fasting else 0.0
    if current and newest is not None and float(newest.value) >= CRISIS_MGDL:
        yield _reason(f"The newest glucose is {glucose_text(float(newest.value))}")
    elif fasting_mgdl >= CRISIS_MGDL:
        yield _reason(f"Mean fasting glucose is {glucose_text(fasting_mgdl)}")
    elif mean_mgdl is not None and mean_mgdl >= CRISIS_MGDL:
        yield _reason(f"Mean sensor glucose of 14 days is {glucose_text(mean_mgdl)}")


def _reason(found: str) -> Reason:
    text = f"{found}: look for ketones and dehydration before a table sets the dose."
    return Reason(ReasonCode.UNSAFE, VERY_HIGH, text)
