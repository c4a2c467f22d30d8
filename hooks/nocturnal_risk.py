"""The risk of a low tonight, as lines of the glucose review and a card where it is raised.

Part of the service `glucose-review`, beside the risk of the next hours.
"""

from hooks.beside_cgm import estimated_from, recorded
from hooks.card import Card
from hooks.hypoglycemia_risk import Raised, RiskPart, asked, main_reasons, risk_card, share
from hooks.service import Question
from models.assessment import Assessment, NotAssessed, Outcome
from models.risk.nocturnal_hypoglycemia import MODEL, VERSION, NocturnalRisk, assess
from models.time_series import TimeSeries

TONIGHT = "a low tonight"


def tonight(question: Question, glucose: TimeSeries) -> RiskPart:
    """The risk between midnight and 06:00, stated from 21:00 on, or the reason why it is not."""
    answer = asked_tonight(question, glucose)
    if isinstance(answer, NotAssessed):
        return RiskPart(TONIGHT, answer)
    raised = answer.outcome is Outcome.ASSESSED_POSITIVE
    return RiskPart(TONIGHT, answer, _lines(answer.result), _card(question, answer) if raised else None)


def asked_tonight(question: Question, glucose: TimeSeries) -> Assessment[NocturnalRisk] | NotAssessed:
    """The answer of the model of the night, with what the record holds beside CGM."""
    return asked(
        question,
        MODEL,
        VERSION,
        lambda: assess(glucose, question.as_of_ms, question.zone, recorded(question)),
    )


def _lines(risk: NocturnalRisk) -> tuple[str, ...]:
    return (
        "Risk of a low tonight (below 70 mg/dL, 3.9 mmol/L, for 15 minutes between 00:00 and 06:00), with "
        f"its 90 % interval: {share(risk.tonight)}",
        main_reasons(risk.reasons),
    )


def _card(question: Question, answer: Assessment[NocturnalRisk]) -> Card:
    risk = answer.result
    made_of = estimated_from(answer)
    raised = Raised(MODEL, VERSION, "tonight, 00:00 to 06:00", risk.tonight, answer.as_of_ms, made_of)
    return risk_card(question, raised, _lines(risk), "A bedtime snack or less insulin for the night")
