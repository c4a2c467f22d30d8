"""The review of meter readings as a card, where there is no sensor: shares of readings, never of time.

Called by `hooks.glucose_review`; reads `models.features.fingersticks`, decides nothing itself.
"""

from typing import Final

import numpy as np

from hooks import wording
from hooks.card import Card, Indicator
from hooks.glucose_card import MODEL, OVERRIDE_REASONS, VERSION, left_out, source
from hooks.glucose_extremes import very_high
from hooks.service import Question
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode
from models.features.bands import HIGH_TIGHT, shown_glucose
from models.features.fingersticks import FingerstickReview, ReadingShares, fingerstick_review
from models.features.glycemic import REPORT_DAYS
from models.features.targets import PREGNANCY
from models.time_series import TimeSeries
from models.units import GlucoseUnit

FASTING_PREGNANCY_MGDL: Final = 95.0
"""Fasting glucose in pregnancy is to stay below it (ADA Standards of Care, section 15)."""


def review(question: Question, meter: TimeSeries) -> tuple[Card, Assessment[FingerstickReview] | NotAssessed]:
    """The card and the assessment behind it. Meter readings have no consensus targets, so none is applied."""
    found = fingerstick_review(meter, question.as_of_ms, REPORT_DAYS, question.zone)
    high = tuple(very_high(question, meter, found.overall.mean_mgdl))
    positive = bool(found.overall.below_70_percent or high)
    card = Card(
        uuid=question.uuid("fingerstick-review"),
        standing="" if high else "fingerstick-review",
        summary=wording.fitting(*(wording.capital(e.short) for e in high), _summary(question, found)),
        indicator=Indicator.WARNING if positive else Indicator.INFO,
        source=source(question),
        detail=wording.sections(
            wording.bullets([f"**{wording.capital(extreme.text)}**" for extreme in high]),
            _detail(question, found, meter),
        ),
        override_reasons=OVERRIDE_REASONS,
    )
    if not found.sufficient:
        reason = Reason(ReasonCode.SPARSE, "glucose_smbg", found.why_not or "too few meter readings")
        return card, NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))
    outcome = Outcome.ASSESSED_POSITIVE if positive else Outcome.PARTIAL
    return card, Assessment(MODEL, VERSION, question.as_of_ms, outcome, found)


def _summary(question: Question, found: FingerstickReview) -> str:
    shares = found.overall
    if shares.mean_mgdl is None or shares.below_70_percent is None or shares.above_180_percent is None:
        return f"No meter readings in the last {REPORT_DAYS} days"
    mean = wording.glucose(shares.mean_mgdl, question.practice.glucose_unit)
    unit = question.practice.glucose_unit
    if not found.sufficient:
        counted = f"{shares.readings} in {REPORT_DAYS} days"
        return f"Too few meter readings for a review: {counted}{_span(found, unit)}"
    lowest = ""
    if shares.below_54_percent and found.lowest_mgdl is not None:
        lowest = f", lowest {wording.glucose(found.lowest_mgdl, unit)}"
    return (
        f"Meter readings: {shares.readings} in {REPORT_DAYS} days{lowest}, "
        f"{wording.percent(shares.below_70_percent)} {wording.band('below 70 mg/dL', unit)}, "
        f"{wording.percent(shares.above_180_percent)} {wording.band('above 180 mg/dL', unit)}, mean {mean}"
    )


def _span(found: FingerstickReview, unit: GlucoseUnit) -> str:
    """Lowest and highest, where shares of so few readings would mean nothing."""
    low, high = found.lowest_mgdl, found.highest_mgdl
    if low is None or high is None:
        return ""
    lowest = wording.glucose(low, unit)
    return f", {lowest}" if low == high else f", {lowest} to {wording.glucose(high, unit)}"


def _detail(question: Question, found: FingerstickReview, meter: TimeSeries) -> str:
    blocks = {} if isinstance(found.by_block, Reason) else found.by_block
    rows = [_row("all", found.overall), *(_row(name, shares) for name, shares in blocks.items())]
    lines = [*_lines(question, found), *_pregnancy_lines(question, found, meter), *left_out(question)]
    return wording.sections(
        wording.table(("Readings", "Mean mg/dL", "below 54", "below 70", "above 180", "above 250"), rows),
        wording.bullets(lines),
        "Columns are in mg/dL: 54, 70, 180 and 250 are 3.0, 3.9, 10.0 and 13.9 mmol/L. "
        "Shares are of readings, not of time: a meter sees only the moments when it was used. "
        "A review of recorded data; not an alarm and not a dose.",
    )


def _row(name: str, shares: ReadingShares) -> tuple[str, ...]:
    values = (
        shares.below_54_percent,
        shares.below_70_percent,
        shares.above_180_percent,
        shares.above_250_percent,
    )
    mean = "-" if shares.mean_mgdl is None else f"{shares.mean_mgdl:.0f}"
    when = f"{name}: {shares.readings}"
    return (when, mean, *("-" if v is None else wording.percent(v) for v in values))


def _lines(question: Question, found: FingerstickReview) -> list[str]:
    unit = question.practice.glucose_unit
    lines = [
        f"Readings on {found.days_with_readings} of {REPORT_DAYS} days, {found.readings_per_day:.1f} a day"
    ]
    if found.newest_ms is not None:
        lines[0] += f"; newest {wording.age(found.newest_ms, question.as_of_ms)}"
    if found.lowest_mgdl is not None:
        lines.append(f"Lowest {wording.glucose(found.lowest_mgdl, unit)}")
    if not found.sufficient and found.why_not:
        lines.append(f"Not enough for a review: {found.why_not}")
    if isinstance(found.by_block, Reason):
        lines.append(f"Times of day: {found.by_block.text}")
    elif not isinstance(found.fasting, Reason) and found.fasting:
        mean = sum(value.mgdl for value in found.fasting) / len(found.fasting)
        lines.append(
            f"Fasting: {wording.count(len(found.fasting), 'morning')}, mean {wording.glucose(mean, unit)}"
        )
    return lines


def _pregnancy_lines(question: Question, found: FingerstickReview, meter: TimeSeries) -> list[str]:
    """Readings against the limits of pregnancy; whether one was taken before or after a meal is not known."""
    if not question.record.concepts() & PREGNANCY:
        return []
    unit = question.practice.glucose_unit
    above = int(np.count_nonzero(shown_glucose(meter).above(HIGH_TIGHT)))
    lines = [f"Pregnancy: {above} of {len(meter)} readings {wording.band('above 140 mg/dL', unit)}"]
    if not isinstance(found.fasting, Reason) and found.fasting:
        high = sum(value.mgdl >= FASTING_PREGNANCY_MGDL for value in found.fasting)
        limit = wording.glucose(FASTING_PREGNANCY_MGDL, unit)
        lines.append(f"Pregnancy: {high} of {len(found.fasting)} fasting values at or above {limit}")
    return [
        *lines,
        "Goals in pregnancy: ADA Standards of Care, section 15 (fasting, one and two hours after)",
    ]
