"""What the vital-signs review could not assess, said once: all signals that never came in one line.

Under `hooks.vital_signs_card` and the vital-signs page of the app.
"""

from typing import Final

from hooks.service import Question
from models.assessment import Reason, ReasonCode
from models.risk import device_dropout, joint_change
from models.risk.vital_signs import TIME_ZONE, VitalSignsReview

RESTS_ON_COMPARISONS: Final = frozenset({joint_change.ABOUT, device_dropout.ABOUT})


def not_assessed_lines(question: Question, review: VitalSignsReview) -> list[str]:
    """Reasons, those of several signals in one line: all that never came first.

    Where nothing could be compared, what rests on comparisons is not listed as missing a second time.
    """
    compared = any(c.kind == "change" for c in review.comparisons)
    absent: list[str] = []
    labels: dict[str, list[str]] = {}
    for reason in review.reasons:
        label, _, why = reason.text.partition(": ")
        if compared or reason.about not in RESTS_ON_COMPARISONS:
            (absent if _never_came(question, reason) else labels.setdefault(why, [])).append(label)
    lines = [f"{', '.join(dict.fromkeys(those))}: {why}" for why, those in labels.items()]
    return [f"None in the data received: {', '.join(dict.fromkeys(absent))}", *lines] if absent else lines


def _never_came(question: Question, reason: Reason) -> bool:
    return (
        reason.code is ReasonCode.MISSING
        and reason.about != TIME_ZONE
        and reason.about not in question.record.series
    )
