"""The service `insulin-adjustment`: a dose for the basal insulin order being drafted in type 2 diabetes.

One of the services in `hooks.registry`; finds the draft, asks the titration model, and leaves the words to
`hooks.basal_dose_card` and `hooks.no_dose_card`.
"""

from typing import Final

from fhir_mappers.references import code_words, medication_concept, names, objects
from fhir_mappers.therapy import to_insulin_order
from hooks import needs
from hooks.basal_dose_card import dose_card
from hooks.draft_size import Draft, beside_record
from hooks.no_dose_card import no_dose_card
from hooks.service import Decision, Question, Service
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode, Refused
from models.dosing.basal_case import TitrationRule
from models.dosing.basal_titration import MODEL, VERSION, Answer, assess
from models.dosing.safety_limits import SafetyLimits, UnusableLimits, packaged_limits
from models.dosing.titration_table import DEFAULT_TABLE, UnknownTable, find_table
from models.patient_record import InsulinKind, InsulinOrder

MEALTIME: Final = frozenset({InsulinKind.RAPID, InsulinKind.SHORT, InsulinKind.INHALED})


def decide(question: Question) -> Decision:
    """One card for the selected basal insulin draft; silent where no insulin is drafted."""
    drafts = [d for d in question.context.selected_orders() if d.get("resourceType") == "MedicationRequest"]
    if any(_is_unreadable(draft) for draft in drafts):
        reason = Reason(ReasonCode.INCOMPLETE, "draft", "The drafted medication cannot be identified.")
        return _without_dose(question, NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,)))
    insulin = [(d, order) for d in drafts if (order := to_insulin_order(dict(d), {})) is not None]
    basal = [(d, order) for d, order in insulin if order.product.kind not in MEALTIME]
    if not insulin:
        return Decision(Outcome.ASSESSED_NEGATIVE, ())
    if len(basal) != 1:
        return _without_dose(question, _not_one(question, len(basal)))
    draft, order = basal[0]
    rule = _rule(question)
    if isinstance(rule, Reason):
        return _without_dose(question, NotAssessed(MODEL, VERSION, question.as_of_ms, (rule,)))
    return _decision(question, draft, _answer(question, order, draft, rule), rule)


def _decision(question: Question, draft: Draft, answer: Answer, rule: TitrationRule) -> Decision:
    """The card of an answer, with the versions of the limits and the table that it rests on."""
    if isinstance(answer, Assessment):
        card, used = dose_card(question, answer, draft), answer.result.table
    else:
        card, used = no_dose_card(question, answer, beside_record(draft, question.record)), rule.table
    basis = {rule.limits.id: rule.limits.version, used.id: used.version}
    return Decision(answer.outcome, (card,), (answer,), basis)


def _answer(question: Question, order: InsulinOrder, draft: Draft, rule: TitrationRule) -> Answer:
    if _is_for_a_ward(draft):
        text = "The draft is for a stay in hospital; the tables are for doses at home."
        reason = Reason(ReasonCode.OUT_OF_POPULATION, "inpatient", text)
        return Refused(MODEL, VERSION, question.as_of_ms, (reason,))
    return assess(question.record, order, question.as_of_ms, rule, question.zone)


def _is_for_a_ward(draft: Draft) -> bool:
    """Whether the draft's category (HL7 medicationrequest-admin-location) says that it is an inpatient's."""
    return any("inpatient" in code_words(category) for category in objects(draft.get("category")))


def _rule(question: Question) -> TitrationRule | Reason:
    """What the organisation chose; without usable limits or table nothing is dosed."""
    practice = question.practice
    try:
        limits: SafetyLimits = practice.dose_limits or packaged_limits()
        table = find_table(practice.titration_table or DEFAULT_TABLE)
    except UnusableLimits:
        return Reason(ReasonCode.FAULT, "limits", "The signed limits of doses are missing or not usable.")
    except UnknownTable:
        return Reason(ReasonCode.FAULT, "titration_table", "The titration table chosen does not exist.")
    return TitrationRule(table, limits, practice.pen_increment_u, practice.cautious_goal)


def _not_one(question: Question, basal: int) -> Refused:
    """Why there is no answer to mealtime insulin alone, or to two basal drafts."""
    if basal:
        text = "Several basal insulin drafts are selected; select one."
        return Refused(MODEL, VERSION, question.as_of_ms, (Reason(ReasonCode.CONFLICT, "draft", text),))
    text = "Mealtime insulin is not adjusted by this service."
    reason = Reason(ReasonCode.OUT_OF_POPULATION, "mealtime_insulin", text)
    return Refused(MODEL, VERSION, question.as_of_ms, (reason,))


def _without_dose(question: Question, answer: NotAssessed | Refused) -> Decision:
    return Decision(answer.outcome, (no_dose_card(question, answer),), (answer,))


def _is_unreadable(draft: Draft) -> bool:
    """A draft whose medication is only a reference that did not come along: it may be insulin."""
    return to_insulin_order(dict(draft), {}) is None and not names(medication_concept(dict(draft), {}))


SERVICE: Final = Service(
    id="insulin-adjustment",
    hook="order-select",
    title="Insulin adjustment",
    description=(
        "Proposes a dose for the selected basal insulin order of an adult with type 2 diabetes, from a "
        "published titration table, with the values it rests on, alternatives, and the reasons when there "
        "is no dose to propose."
    ),
    usage_requirements=(
        "Needs glucose, weight, eGFR, problem list, medication orders and insulin given, by prefetch or FHIR "
        "access, and the patient's or the organisation's time zone. Whatever is missing is named and no dose "
        "is computed. For verification by a clinician before ordering."
    ),
    needs=(
        needs.PATIENT,
        needs.CGM,
        needs.FINGERSTICKS,
        needs.CONDITIONS,
        needs.MEDICATIONS,
        needs.PAST_MEDICATIONS,
        needs.INSULIN_GIVEN,
        needs.WEIGHT,
        needs.RENAL,
        needs.HBA1C,
        needs.ENCOUNTER,
    ),
    decide=decide,
    dosing=True,
)
