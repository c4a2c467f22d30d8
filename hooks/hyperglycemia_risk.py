"""The risk of a new high within the next hours, as a line of the glucose review; never a card of its own.

Part of the service `glucose-review`; asks `models.risk.hyperglycemia`.
"""

from typing import Final

from hooks.hypoglycemia_risk import RiskPart, asked_episode, by_horizon, main_reasons
from hooks.service import Question
from models.assessment import NotAssessed, Outcome
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.time_series import TimeSeries

NEXT_HOURS: Final = "a high in the next hours"


def high_in_next_hours(question: Question, glucose: TimeSeries) -> RiskPart:
    """The risk as of the question, with its reasons where it is raised, or why none is stated."""
    answer = asked_episode(question, HYPERGLYCEMIA, glucose)
    if isinstance(answer, NotAssessed):
        return RiskPart(NEXT_HOURS, answer)
    raised = answer.outcome is Outcome.ASSESSED_POSITIVE
    said = (
        "Risk of a new high (above 250 mg/dL, 13.9 mmol/L, for 15 minutes), with its 90 % interval, within "
        f"{by_horizon(answer.result)}"
    )
    reasons = (main_reasons(answer.result.reasons),) if raised else ()
    return RiskPart(NEXT_HOURS, answer, (said, *reasons))
