"""The risk of a low tonight, as lines of the glucose review and a card where it is raised.

Part of the service `glucose-review`, beside the risk of the next hours.
"""

from typing import Final

from hooks.card import Card
from hooks.hypoglycemia_risk import FROM_CGM_ALONE, Raised, RiskPart, asked, main_reasons, risk_card, share
from hooks.service import Question
from models.assessment import Assessment, NotAssessed, Outcome
from models.risk.nocturnal_hypoglycemia import MODEL, VERSION, NocturnalRisk, assess
from models.risk.recorded_terms import Recorded
from models.signals import CARBS, STEPS
from models.time_series import TimeSeries

TONIGHT = "a low tonight"

RECORDED: Final = ((CARBS, "food"), (STEPS, "activity"))
"""What tonight's risk uses beside CGM where it is recorded, in the words of the card."""


def tonight(question: Question, glucose: TimeSeries) -> RiskPart:
    """The risk between midnight and 06:00, stated from 21:00 on, or the reason why it is not."""
    answer = asked_tonight(question, glucose)
    if isinstance(answer, NotAssessed):
        return RiskPart(TONIGHT, answer)
    raised = answer.outcome is Outcome.ASSESSED_POSITIVE
    return RiskPart(TONIGHT, answer, _lines(answer.result), _card(question, answer) if raised else None)


def asked_tonight(question: Question, glucose: TimeSeries) -> Assessment[NocturnalRisk] | NotAssessed:
    """The answer of the model of the night, with food and steps where the record holds them."""
    recorded = Recorded(question.record.series)
    return asked(
        question, MODEL, VERSION, lambda: assess(glucose, question.as_of_ms, question.zone, recorded)
    )


def _lines(risk: NocturnalRisk) -> tuple[str, ...]:
    return (
        "Risk of a low tonight (below 70 mg/dL, 3.9 mmol/L, for 15 minutes between 00:00 and 06:00), with "
        f"its 90 % interval: {share(risk.tonight)}",
        main_reasons(risk.reasons),
    )


def _card(question: Question, answer: Assessment[NocturnalRisk]) -> Card:
    risk = answer.result
    raised = Raised(MODEL, VERSION, "tonight, 00:00 to 06:00", risk.tonight, answer.as_of_ms, _known(answer))
    return risk_card(question, raised, _lines(risk), "A bedtime snack or less insulin for the night")


def _known(answer: Assessment[NocturnalRisk]) -> str:
    """What the estimate rests on, and what it does not know."""
    used = {one.name for one in answer.inputs}
    known = [word for signal, word in RECORDED if signal in used]
    unknown = [word for signal, word in RECORDED if signal not in used]
    if not known:
        return FROM_CGM_ALONE
    not_known = " and ".join(("insulin", *unknown))
    return f"CGM and recorded {' and '.join(known)}: {not_known} {'are' if unknown else 'is'} not known to it"
