"""What the cards of the glucose review share: their source, their line on the data, and a current low.

Between `hooks.glucose_review`, which chooses, and `hooks.wording`; the two kinds of review stand beside it.
"""

from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.service import Question
from models.features.bands import LOW, VERY_LOW, shown_glucose
from models.patient_record import Completeness
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG
from models.time_series import TimeSeries

MODEL: Final = "glucose-review"
VERSION: Final = "1.0.0"

CURRENT_MS: Final = 15 * 60_000
"""A reading up to 15 minutes old speaks of now (LoopAlgorithm's recency interval; hazard H-07)."""

OVERRIDE_REASONS: Final = (
    wording.override("already-known", "Already known and being addressed"),
    wording.override("data-not-representative", "The data do not represent this patient's usual days"),
    wording.override("other-targets", "Other targets were agreed with this patient"),
    wording.override("not-relevant", "Not relevant to this visit"),
)

_LABELS: Final = {GLUCOSE_CGM: "CGM", GLUCOSE_SMBG: "meter"}


def source(question: Question) -> Source:
    """Who says this: the model, with the address of its model card where one is served."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, MODEL, "Glucose review")
    return Source(f"Wearable CDS {MODEL} {VERSION}", topic, f"{url}/{MODEL}" if url else None)


def current_low(question: Question, glucose: TimeSeries) -> Card | None:
    """A reading of the last minutes below 70 mg/dL: critical below 54 (H-02, H-07)."""
    window = glucose.between(question.as_of_ms - CURRENT_MS, question.as_of_ms)
    newest = window.take(window.at_ms == window.newest_ms) if len(window) else window
    shown = shown_glucose(newest)
    if not shown.below(LOW).any():
        return None
    very_low = bool(shown.below(VERY_LOW).any())
    value = wording.reading(newest, 0, question.practice.glucose_unit)
    when = wording.age(int(newest.at_ms[0]), question.as_of_ms)
    limit = wording.glucose(54 if very_low else 70, question.practice.glucose_unit)
    return Card(
        uuid=question.uuid("current-low"),
        summary=wording.summary(f"Glucose {value}, {when} ({_LABELS[glucose.signal]}): below {limit}"),
        indicator=Indicator.CRITICAL if very_low else Indicator.WARNING,
        source=source(question),
        detail=(
            f"Measured {wording.moment(int(newest.at_ms[0]), question.zone)}. Confirm with the patient and "
            "treat according to the local protocol. This is one reading of a record, not an alarm: "
            "later readings may exist that were not sent."
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def left_out(question: Question) -> list[str]:
    """What was not used and why, and what may be missing: lines for the part on data."""
    record = question.record
    lines = [
        f"Left out: {rejection.count} ({reason.replace('_', ' ')})"
        for reason, rejection in sorted(record.rejected.items(), key=lambda item: -item[1].count)[:5]
    ]
    for key, state in sorted(record.completeness.items()):
        if state is Completeness.PARTIAL:
            lines.append(f"Only part of the {key} data could be read")
        elif state in (Completeness.FAILED, Completeness.NOT_ASKED):
            lines.append(f"The {key} data could not be read")
    return lines
