"""What of insulin, food, steps and heart rate a risk beside CGM may use, and how that is said on a card.

Part of the service `glucose-review`, under its risks; the terms themselves are `models.risk.recorded_terms`.
"""

from collections.abc import Mapping
from typing import Any, Final

from hooks import needs
from hooks.prefetch import DataNeed
from hooks.service import Question
from hooks.wording import capital, listed
from models.assessment import Assessment
from models.dosing.uncounted_insulin import uncounted_insulin
from models.features.sampling import DAY_MS
from models.patient_record import WHOLE
from models.risk.recorded_terms import DAYS, OF_NEXT_HOURS, Recorded
from models.signals import CARBS, HEART_RATE, INSULIN_BOLUS, STEPS

READ_FROM: Final[Mapping[str, tuple[DataNeed, ...]]] = {
    INSULIN_BOLUS: (needs.INSULIN_GIVEN, needs.DIARY),
    CARBS: (needs.DIARY,),
    STEPS: (needs.STEPS,),
    HEART_RATE: (needs.HEART_RATE,),
}
"""Where each signal may come from. None is required: without them the risks rest on CGM alone."""

NEEDS: Final = (needs.INSULIN_GIVEN, needs.DIARY, needs.STEPS, needs.HEART_RATE)

LOOKED_AT_MS: Final[Mapping[str, int]] = {CARBS: DAYS * DAY_MS, STEPS: DAY_MS // 4}
"""How far back nothing may be lost of what is added up: one entry that could not be used reads as none taken.

A lost entry of an earlier day makes the usual day smaller and the share of it larger. Of steps, as of
insulin, that is the safe side; food lowers the risk of a low, so its usual day must be whole. Heart rate is
a mean.
"""

WORDS: Final = {INSULIN_BOLUS: "insulin", CARBS: "food", STEPS: "activity"}
"""How a card names them."""

FROM_CGM_ALONE: Final = "CGM alone: insulin, food and activity are not known to it"


def recorded(question: Question) -> Recorded:
    """The signals of which all was read: half of the boluses would tell of less insulin than there is.

    So would a bolus, food or steps that were sent and cannot be counted.
    """
    series, read, uncounted = question.record.series, question.record.completeness, _uncounted(question)
    whole = {need.key for need in NEEDS if read.get(need.key) in WHOLE}
    return Recorded(
        {
            signal: series[signal]
            for signal, sources in READ_FROM.items()
            if signal in series and signal not in uncounted and whole >= {need.key for need in sources}
        }
    )


def _uncounted(question: Question) -> set[str]:
    """Signals of which something was left out that may be of the time their terms look at."""
    record, as_of_ms = question.record, question.as_of_ms
    lacking = {signal for signal, back in LOOKED_AT_MS.items() if record.may_lack(signal, as_of_ms - back)}
    return lacking | ({INSULIN_BOLUS} if uncounted_insulin(record, as_of_ms) else set())


def not_counted(question: Question) -> tuple[str, ...]:
    """One line that names what is on record and still not used, for an entry that could not be used."""
    uncounted, series = _uncounted(question), question.record.series
    named = [word for signal, word in WORDS.items() if signal in uncounted and signal in series]
    if not named:
        return ()
    are = "are" if len(named) > 1 else "is"
    return (
        f"{capital(listed(named))} on record {are} not used in these risks: an entry that would count could "
        "not be used",
    )


def estimated_from(answer: Assessment[Any], event: str = "") -> str:
    """What an estimate rests on, and what it does not know.

    `event` names what, the likelier it is by CGM, leaves the rest the less to say; empty where all of it
    always counts.
    """
    used = {one.name for one in answer.inputs}
    known = [word for signal, word in WORDS.items() if signal in used]
    unknown = [word for signal, word in WORDS.items() if signal not in used]
    if not known:
        return FROM_CGM_ALONE
    rest = f"; {listed(unknown)} {'are' if len(unknown) > 1 else 'is'} not used" if unknown else ""
    if not event:
        return f"CGM and recorded {listed(known)}{rest}"
    if not any(one.points for one in answer.contributions if one.name in OF_NEXT_HOURS):
        return (
            f"CGM; recorded {listed(known)} would change this number only where CGM tells of less risk{rest}"
        )
    return f"CGM and recorded {listed(known)} (which count the less the likelier CGM makes {event}){rest}"
