"""What the cards of the glucose review share: their source, their line on the data, and a current low.

Between `hooks.glucose_review`, which chooses, and `hooks.wording`; the two kinds of review stand beside it.
"""

from typing import Final

import numpy as np

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.service import Question
from models.features.bands import LOW, VERY_LOW, shown_glucose
from models.patient_record import Completeness
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG
from models.time_series import TimeSeries

MODEL: Final = "glucose-review"
VERSION: Final = "1.0.0"

CURRENT_MS: Final = 60 * 60_000
"""A last reading that was low is said for an hour, with its age; the dosing rules look as far back."""

AHEAD_MS: Final = 5 * 60_000
"""A device's clock may run ahead by as much as the mapper lets through (F-17)."""

OVERRIDE_REASONS: Final = (
    wording.override("already-known", "Already known and being addressed"),
    wording.override("data-not-representative", "The data do not represent this patient's usual days"),
    wording.override("other-targets", "Other targets were agreed with this patient"),
    wording.override("not-relevant", "Not relevant to this visit"),
)

LABELS: Final = {GLUCOSE_CGM: "CGM", GLUCOSE_SMBG: "meter"}


def source(question: Question) -> Source:
    """Who says this: the model, with the address of its model card where one is served."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, MODEL, "Glucose review")
    return Source(f"Wearable CDS {MODEL} {VERSION}", topic, f"{url}/{MODEL}" if url else None)


def current_low(question: Question, streams: tuple[TimeSeries, ...]) -> Card | None:
    """The lowest of each device's newest reading of the last hour, where it is low (H-02, H-07).

    Critical below 54 mg/dL. A low stays said for an hour after contact is lost, and one device does not
    silence the other.
    """
    recent = [
        stream.between(question.as_of_ms - CURRENT_MS, question.as_of_ms + AHEAD_MS) for stream in streams
    ]
    newest = [stream.take(stream.at_ms == stream.newest_ms) for stream in recent if len(stream)]
    lows = [stream for stream in newest if shown_glucose(stream).below(LOW).any()]
    if not lows:
        return None
    lowest = min(lows, key=lambda stream: float(stream.value.min()))
    others = [stream for stream in newest if stream is not lowest]
    return _low_card(question, lowest.take(np.array([int(lowest.value.argmin())])), others)


def _low_card(question: Question, low: TimeSeries, others: list[TimeSeries]) -> Card:
    unit, at_ms = question.practice.glucose_unit, int(low.at_ms[0])
    very_low = bool(shown_glucose(low).below(VERY_LOW).any())
    limit = wording.glucose(54 if very_low else 70, unit)
    said = f"{wording.reading(low, 0, unit)}, {wording.age(at_ms, question.as_of_ms)}"
    beside = {
        f"{LABELS[other.signal]} {wording.reading(other, 0, unit)}, "
        f"{wording.age(int(other.at_ms[0]), question.as_of_ms)}": int(other.at_ms[0]) > at_ms
        for other in others
    }
    since = [f"since then {text}" for text, later in beside.items() if later]
    device = LABELS[low.signal]
    finding = wording.capital(f"{device} {said}") if since else f"Last glucose {said} ({device})"
    return Card(
        uuid=question.uuid("current-low"),
        summary=wording.fitting(f"{finding}: below {limit}", *since),
        indicator=Indicator.CRITICAL if very_low else Indicator.WARNING,
        source=source(question),
        detail=wording.sections(
            f"Measured {wording.moment(at_ms, question.zone)}. "
            + (
                f"Beside it: {'; '.join(beside)}."
                if beside
                else "No other device has a reading of this hour."
            ),
            "Confirm with the patient and treat according to the local protocol. This is one reading of a "
            "record, not an alarm: later readings may exist that were not sent.",
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
