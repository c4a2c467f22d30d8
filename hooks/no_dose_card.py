"""The card where there is no dose: what is missing, or why none may be computed. Never a number of units.

Beside `hooks.basal_dose_card`, under the dosing services.
"""

from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.service import Question
from models.assessment import NotAssessed, Refused
from models.dosing.basal_titration import LOW_NOW, VERY_LOW_NOW

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


def dosing_source(question: Question, model: str, version: str) -> Source:
    """Who says this: the model, with the address of its model card where one is served."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, "insulin-adjustment", "Insulin adjustment")
    return Source(f"Wearable CDS {model} {version}", topic, f"{url}/{model}" if url else None)


def no_dose_card(question: Question, answer: NotAssessed | Refused) -> Card:
    """All reasons why no dose was computed; a low glucose now comes first."""
    abouts = {reason.about for reason in answer.reasons}
    low_now = bool(abouts & {LOW_NOW, VERY_LOW_NOW})
    return Card(
        uuid=question.uuid("no-insulin-dose"),
        summary=wording.summary(f"Insulin dose not calculated: {_first_reason(answer)}"),
        indicator=_indicator(abouts),
        source=dosing_source(question, answer.model, answer.version),
        detail=wording.sections(
            "**No insulin dose was calculated.** Why:",
            wording.reasons(answer),
            TREAT_LOW if low_now else "The drafted order is not judged by this: its dose was not checked.",
            f"{wording.moment(question.as_of_ms, question.zone)}; model {answer.model} {answer.version}.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def _first_reason(answer: NotAssessed | Refused) -> str:
    """The first reason, and how many more there are."""
    first = answer.reasons[0].text.rstrip(".")
    more = len(answer.reasons) - 1
    return f"{first} (and {more} more)" if more else first


def _indicator(abouts: set[str]) -> Indicator:
    if VERY_LOW_NOW in abouts:
        return Indicator.CRITICAL
    return Indicator.INFO if abouts <= QUIET else Indicator.WARNING
