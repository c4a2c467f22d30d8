"""Weight lost within a month: a sign of malnutrition, illness or too little insulin where nobody intends it.

One check of the vital-signs review; without weighings of the last month it is not asked.
"""

from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, ReasonCode
from models.features.feature import count_text
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed

LOSS_PERCENT: Final = 5.0
WINDOW_DAYS: Final = 28
"""5 % within one month (Academy of Nutrition and Dietetics and ASPEN; White et al., JPEN 2012;36:275)."""

RECENT_DAYS: Final = 7
BEFORE_DAYS: Final = 14
"""The last week is compared with the days 14 to 28 before: medians, so that neither one heavy dinner nor one
wrong scale decides (our judgement)."""

FEWEST: Final = 2
"""Weighings of each part; one may be somebody else's (our judgement)."""

IMPLAUSIBLE_PERCENT: Final = 20.0
"""More than this in 30 days is a unit or a person mistaken (hazard H-24 of the risk analysis)."""

LABEL: Final = "Body weight"


def loss_checks(record: PatientRecord, as_of_ms: int) -> tuple[Answer, ...]:
    """The weight of the last week against that of weeks before; empty without a weighing in the month."""
    series = record.series.get(signals.BODY_WEIGHT)
    month = None if series is None else series.between(as_of_ms - WINDOW_DAYS * DAY_MS, as_of_ms)
    if month is None or not len(month):
        return ()
    recent = month.between(as_of_ms - RECENT_DAYS * DAY_MS, as_of_ms)
    before = month.between(as_of_ms - WINDOW_DAYS * DAY_MS, as_of_ms - BEFORE_DAYS * DAY_MS)
    if min(len(recent), len(before)) < FEWEST:
        found = f"{count_text(len(recent), 'weighing')} in {RECENT_DAYS} days, {len(before)} two weeks before"
        text = f"{LABEL}: {found}; {FEWEST} of each tell a loss"
        return (not_assessed(ReasonCode.SPARSE, signals.BODY_WEIGHT, text, as_of_ms),)
    now, usual = float(np.median(recent.value)), float(np.median(before.value))
    lost_percent = 100 * (usual - now) / usual
    if abs(lost_percent) > IMPLAUSIBLE_PERCENT:
        text = f"{LABEL}: differs by {abs(lost_percent):.0f} % within a month, so unit or person is in doubt"
        return (not_assessed(ReasonCode.IMPLAUSIBLE, signals.BODY_WEIGHT, text, as_of_ms),)
    lost = lost_percent >= LOSS_PERCENT
    comparison = Comparison(
        name="rapid_weight_loss",
        kind="target",
        label=LABEL,
        unit="kg",
        decimals=1,
        now=Level(now, None, None, len(recent), "weighings"),
        usual=Level(usual, None, None, len(before), "weighings"),
        usual_is="median of days 14 to 28 before",
        urgency=Urgency.NOTE if lost else None,
        says=f"down {lost_percent:.1f} %" if lost else "no finding",
        since_ms=int(before.at_ms[-1]) if lost else None,
        since_or_before=lost,
        statistic=f"limit {LOSS_PERCENT:g} % in a month where it is not intended",
        source="AND/ASPEN 2012, JPEN 36:275",
    )
    return (assessed(comparison, as_of_ms, (Input(LABEL, now, "kg", int(recent.at_ms[-1])),)),)
