"""The service `vital-signs-review`: what changed in a patient's vital signs, and since when.

One of the services in `hooks.registry`; asks the model and chooses the cards.
"""

from hooks import needs
from hooks.service import Decision, Question, Service
from hooks.vital_signs_card import latest_card, refusal_card, review_card
from models.assessment import Refused
from models.risk.vital_comparison import MODEL
from models.risk.vital_signs import review_vital_signs


def decide(question: Question) -> Decision:
    """At most two cards: readings beyond a limit first, then the comparison with the own baseline."""
    review = review_vital_signs(question.record, question.age_years, question.zone, question.as_of_ms)
    if isinstance(review, Refused):
        return Decision(review.outcome, (refusal_card(question, review),), (review,))
    latest = latest_card(question, review)
    cards = (*((latest,) if latest else ()), review_card(question, review, latest))
    return Decision(review.outcome, cards, (*review.answers, *review.news2))


SERVICE = Service(
    id=MODEL,
    hook="patient-view",
    title="Vital signs review",
    description=(
        "Compares heart rate, heart rate variability, respiration, oxygen saturation, temperature, blood "
        "pressure, steps and sleep of the last week with this patient's own three weeks before and with "
        "limits that never adapt, and says what changed, since when, and what could not be assessed."
    ),
    usage_requirements=(
        "Needs the patient and 28 days of Observations of vital signs, activity and sleep, by prefetch or "
        "FHIR access. Without a time zone nights are not assessed; without the problem list COPD, heart "
        "failure and known atrial fibrillation are not taken into account."
    ),
    needs=(needs.PATIENT, needs.VITAL_SIGNS, needs.ACTIVITY, needs.CONDITIONS),
    decide=decide,
)
