"""Does not say the same to the same person again within the hours that the organisation chose (H-16).

Between `pipeline` and `given_answers`, for hooks that fire whenever a chart is opened.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid5

from cds_service.given_answers import Call
from cds_service.pipeline import Answered
from cds_service.store.shown_findings import ShownFindings
from hooks.card import Card
from hooks.repeated_findings import fold, may_be_folded

FOLDED_HOOK: Final = "patient-view"
"""An order that is about to be signed is checked aloud every time."""

HOUR_MS: Final = 3_600_000


def fold_repeated(shown: ShownFindings, call: Call, answered: Answered) -> Answered:
    """The answer with what this user was shown lately folded. Raises Unavailable (503)."""
    keys = _keys(shown, call, answered.decision.cards)
    if not keys:
        return answered
    as_of_ms = call.moment.as_of_ms
    since_ms = as_of_ms - round(call.tenant.repeat_after_h * HOUR_MS)
    last_ms = shown.last_ms(call.tenant.id, list(keys.values()), since_ms)
    shown_ms = {uuid: last_ms[key] for uuid, key in keys.items() if key in last_ms}
    return replace(folded(answered, shown_ms, as_of_ms, call.moment.response_id), findings=keys)


def folded(answered: Answered, shown_ms: Mapping[str, int], as_of_ms: int, response_id: UUID) -> Answered:
    """The answer with these cards folded: now, or when a recorded decision is made again."""
    cards = fold(answered.decision.cards, shown_ms, as_of_ms, str(uuid5(response_id, "repeated")))
    return replace(answered, decision=replace(answered.decision, cards=cards), shown_ms=shown_ms)


def _keys(shown: ShownFindings, call: Call, cards: tuple[Card, ...]) -> dict[str, str]:
    """The key of each card that may be folded later, by its id: what it says, to whom, about whom."""
    user = call.asked.context.user_id
    if not call.tenant.repeat_after_h or call.service.hook != FOLDED_HOOK or not user:
        return {}
    whom = (user, call.asked.context.patient_id, call.service.id)
    return {
        card.uuid: shown.key(call.tenant.id, *whom, card.standing, card.indicator.value, card.summary)
        for card in cards
        if may_be_folded(card)
    }
