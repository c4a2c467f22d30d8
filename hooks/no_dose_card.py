"""The card where there is no dose: what is missing, or why none may be computed. Never a number of units.

Beside `hooks.basal_dose_card`, under the dosing services.
"""

from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.draft_size import DraftSize
from hooks.input_table import input_table
from hooks.service import Question
from models.assessment import NotAssessed, Refused
from models.dosing.basal_titration import LOW_NOW, VERY_LOW_NOW
from models.dosing.hyperglycaemic_crisis import VERY_HIGH

OVERRIDE_REASONS: Final = (
    wording.override("known-and-considered", "Known and considered in the order"),
    wording.override("data-elsewhere", "The missing data are known to me from elsewhere"),
    wording.override("not-for-this-patient", "The rule is not for this patient"),
)

QUIET: Final = frozenset({"mealtime_insulin"})
"""What this service simply does not do; everything else that stops a dose is a warning."""

TREAT_LOW: Final = (
    "Treat the low glucose by the local protocol, measure again after 15 minutes, and look for its cause "
    "before insulin is ordered."
)


LOOK_FOR_CRISIS: Final = (
    "Measure ketones, look for vomiting, dehydration, drowsiness, infection, missed insulin and steroids, "
    "and think of ketoacidosis and of a hyperosmolar state; with an SGLT2 inhibitor ketoacidosis may come "
    "with lower glucose. Insulin is decided by the clinician, not by a titration table."
)


def dosing_source(question: Question, model: str, version: str) -> Source:
    """Who says this: the model, with the address of its model card where one is served."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, "insulin-adjustment", "Insulin adjustment")
    return Source(f"Wearable CDS {model} {version}", topic, f"{url}/{model}" if url else None)


def no_dose_card(question: Question, answer: NotAssessed | Refused, draft: DraftSize | None = None) -> Card:
    """All reasons why no dose was computed; a draft far above, a low or a crisis comes first."""
    far_above = f"Draft is {draft.multiple}. " if draft is not None and draft.far_above else ""
    abouts = {reason.about for reason in answer.reasons}
    seen = answer.inputs if isinstance(answer, Refused) else ()
    return Card(
        uuid=question.uuid("no-insulin-dose"),
        summary=wording.summary(f"{far_above}Insulin dose not calculated: {_first_reason(answer)}"),
        indicator=Indicator.CRITICAL if far_above else _indicator(abouts),
        source=dosing_source(question, answer.model, answer.version),
        detail=wording.sections(
            f"**{far_above.strip()}** Look for a slip of number, unit or drug." if far_above else "",
            "**No insulin dose was calculated.** Why:",
            wording.reasons(answer),
            _first_of_all(abouts, bool(far_above)),
            "**Values seen**" if seen else "",
            input_table(question, seen),
            f"{wording.moment(question.as_of_ms, question.zone)}; model {answer.model} {answer.version}.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def _first_of_all(abouts: set[str], far_above: bool) -> str:
    """What to do first, or how far the draft was looked at."""
    if abouts & {LOW_NOW, VERY_LOW_NOW}:
        return TREAT_LOW
    if VERY_HIGH in abouts:
        return LOOK_FOR_CRISIS
    if far_above:
        return "The draft was held against the dose in use, and against nothing else."
    return "The drafted order is not judged by this: its dose was not checked."


def _first_reason(answer: NotAssessed | Refused) -> str:
    """The first reason, and how many more there are."""
    first = answer.reasons[0].text.rstrip(".")
    more = len(answer.reasons) - 1
    return f"{first} (and {more} more)" if more else first


def _indicator(abouts: set[str]) -> Indicator:
    if abouts & {VERY_LOW_NOW, VERY_HIGH}:
        return Indicator.CRITICAL
    return Indicator.INFO if abouts <= QUIET else Indicator.WARNING
