"""The card where type 1 settings are not judged: why, and what the records show of boluses and lows.

Beside `hooks.setting_card`, under `hooks.setting_adjustment`. Never a setting, never a dose.
"""

from typing import Final

from hooks import wording
from hooks.card import Card, Indicator
from hooks.service import Question
from hooks.setting_card import setting_source
from hooks.setting_words import habit_lines
from models.assessment import NotAssessed, Refused
from models.dosing.insulin_habits import Habit
from models.dosing.setting_adjustment import LOW_NOW, VERY_LOW_NOW

OVERRIDE_REASONS: Final = (
    wording.override("known-and-considered", "Known and considered"),
    wording.override("data-elsewhere", "The missing data are known to me from elsewhere"),
    wording.override("not-for-this-patient", "The rule is not for this patient"),
)
TREAT_LOW: Final = (
    "Treat the low glucose by the local protocol, measure again after 15 minutes, and look for its cause "
    "before settings are looked at."
)


def no_setting_card(question: Question, answer: NotAssessed | Refused, habits: tuple[Habit, ...]) -> Card:
    """All reasons, what forbids first; a low glucose now before everything."""
    abouts = {reason.about for reason in answer.reasons}
    low_now = bool(abouts & {LOW_NOW, VERY_LOW_NOW})
    return Card(
        uuid=question.uuid("no-setting-adjustment"),
        summary=wording.summary(_summary(answer, low_now)),
        indicator=_indicator(abouts),
        source=setting_source(question, answer.model, answer.version),
        detail=wording.sections(
            "**No settings were proposed.** Why:",
            wording.reasons(answer),
            TREAT_LOW if low_now else "The settings in use are not judged by this, for better or worse.",
            "**Boluses and lows on record**" if habits else "",
            wording.bullets(habit_lines(habits)),
            f"{wording.moment(question.as_of_ms, question.zone)}; model {answer.model} {answer.version}.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def _summary(answer: NotAssessed | Refused, low_now: bool) -> str:
    first = answer.reasons[0].text.rstrip(".")
    if low_now:
        return f"Treat the low glucose first: {first[0].lower()}{first[1:]}. Insulin settings not assessed."
    more = len(answer.reasons) - 1
    return f"Type 1 settings not assessed: {first}" + (f" (and {more} more)" if more else "")


def _indicator(abouts: set[str]) -> Indicator:
    if VERY_LOW_NOW in abouts:
        return Indicator.CRITICAL
    return Indicator.WARNING if LOW_NOW in abouts else Indicator.INFO
