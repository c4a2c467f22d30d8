"""Weight gained within days where heart failure is on record: a sign of fluid.

One check of the vital-signs review; without heart failure on record it is not asked.
"""

from typing import Final

import numpy as np

from models import signals
from models.assessment import Input, ReasonCode
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed

GAIN_KG: Final = 2.0
WITHIN_DAYS: Final = 3
BEFORE_DAYS: Final = 4
"""More than 2 kg in 3 days (McDonagh et al., Eur Heart J 2021;42:3599, self-care in heart failure); compared
with the lowest weight of 3 to 7 days ago, so that a slower gain of the week counts too."""

HEART_FAILURE: Final = "heart_failure"
LABEL: Final = "Body weight"


def weight_checks(record: PatientRecord, as_of_ms: int) -> tuple[Answer, ...]:
    """Today's weight against that of the days before; empty without heart failure on record."""
    return (_check(record, as_of_ms),) if HEART_FAILURE in record.concepts() else ()


def _check(record: PatientRecord, as_of_ms: int) -> Answer:
    weight, split_ms = record.series.get(signals.BODY_WEIGHT), as_of_ms - WITHIN_DAYS * DAY_MS
    if weight is None:
        return not_assessed(
            ReasonCode.MISSING, signals.BODY_WEIGHT, f"{LABEL}: none in the data received", as_of_ms
        )
    recent, before = (
        weight.between(split_ms, as_of_ms),
        weight.between(split_ms - BEFORE_DAYS * DAY_MS, split_ms),
    )
    if not len(recent) or not len(before):
        text = f"{LABEL}: {len(recent)} in {WITHIN_DAYS} days, {len(before)} in the {BEFORE_DAYS} before"
        return not_assessed(ReasonCode.SPARSE, signals.BODY_WEIGHT, text, as_of_ms)
    lowest, now = int(np.argmin(before.value)), float(recent.value[-1])
    gained = now - float(before.value[lowest])
    gain = gained > GAIN_KG
    found = Comparison(
        name="rapid_weight_gain",
        kind="target",
        label=LABEL,
        unit="kg",
        decimals=1,
        now=Level(now, None, None, 1, "weighings"),
        usual=Level(float(before.value[lowest]), None, None, len(before), "weighings"),
        usual_is="lowest of the days before",
        urgency=Urgency.SOON if gain else None,
        says=f"up {gained:.1f} kg" if gain else "no finding",
        since_ms=int(before.at_ms[lowest]) if gain else None,
        since_or_before=False,
        statistic=f"limit {GAIN_KG:g} kg in {WITHIN_DAYS} days where heart failure is on record",
        source="ESC 2021, Eur Heart J 42:3599",
    )
    newest = Input(signals.BODY_WEIGHT, now, "kg", int(recent.at_ms[-1]))
    return assessed(found, as_of_ms, (newest,))
