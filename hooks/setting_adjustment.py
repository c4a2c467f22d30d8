"""The service `setting-adjustment`: basal rates, carb ratios and sensitivity in adults with type 1 diabetes.

One of the services in `hooks.registry`; asks the setting models and leaves the words to `hooks.setting_card`
and `hooks.no_setting_card`. Silent where the whole problem list holds no type 1 diabetes.
"""

from typing import Final

from hooks import needs
from hooks.no_setting_card import no_setting_card
from hooks.service import Decision, Question, Service
from hooks.setting_card import setting_card
from models.assessment import Assessment, Outcome
from models.dosing.setting_adjustment import MODEL, assess, habits_of
from models.dosing.setting_population import is_known_not_type_1


def decide(question: Question) -> Decision:
    """One card: ranked options, or why there are none."""
    record, as_of_ms, zone = question.record, question.as_of_ms, question.zone
    if is_known_not_type_1(record):
        return Decision(Outcome.ASSESSED_NEGATIVE, ())
    answer = assess(record, as_of_ms, zone)
    if isinstance(answer, Assessment):
        return Decision(answer.outcome, (setting_card(question, answer),), (answer,))
    habits = habits_of(record, as_of_ms, zone)
    return Decision(answer.outcome, (no_setting_card(question, answer, habits),), (answer,))


SERVICE: Final = Service(
    id=MODEL,
    hook="patient-view",
    title="Type 1 setting adjustment",
    description=(
        "Ranks small changes of basal rates, carb ratios and sensitivity of an adult with type 1 diabetes, "
        "no change among them, with the expected time in range, time below range and glycaemia risk index, "
        "what the person's own records say, missed and late boluses, and how to undo."
    ),
    usage_requirements=(
        "Needs two weeks of sensor glucose, insulin given, carbohydrate entries, weight, eGFR, problem list "
        "and medication orders, by prefetch or FHIR access, and the patient's time zone. Not for automated "
        "insulin delivery. Whatever is missing is named and no setting is proposed. For verification by a "
        "clinician."
    ),
    needs=(
        needs.PATIENT,
        needs.CGM,
        needs.FINGERSTICKS,
        needs.DIARY,
        needs.INSULIN_GIVEN,
        needs.CONDITIONS,
        needs.ENCOUNTER,
        needs.MEDICATIONS,
        needs.PAST_MEDICATIONS,
        needs.WEIGHT,
        needs.RENAL,
    ),
    decide=decide,
    dosing=True,
)
