"""Findings that were shown before: folded into one short card that still names each (H-16).

Between a decision and the answer; `cds_service.repeats` knows what was shown and when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hooks.card import Card, Indicator
from hooks.wording import age, bullets, count, sections


def may_be_folded(card: Card) -> bool:
    """Only what holds for days, asks for nothing now and offers no change of an order."""
    return bool(card.standing) and card.indicator is not Indicator.CRITICAL and not card.suggestions


def fold(cards: Sequence[Card], shown_ms: Mapping[str, int], as_of_ms: int, uuid: str) -> tuple[Card, ...]:
    """The cards, those in `shown_ms` (by id: when last shown) folded into one with this id, the last.

    The folded card lists every finding as it stands now: an answer never gets silent by repetition.
    """
    folded = [card for card in cards if card.uuid in shown_ms and may_be_folded(card)]
    if not folded:
        return tuple(cards)
    kept = (card for card in cards if card not in folded)
    return (*kept, _brief(folded, age(min(shown_ms[card.uuid] for card in folded), as_of_ms), uuid))


def _brief(folded: Sequence[Card], when: str, uuid: str) -> Card:
    stand = "stands as it was" if len(folded) == 1 else "stand as they were"
    return replace(
        folded[0],
        uuid=uuid,
        summary=f"{count(len(folded), 'finding')} shown to you {when} {stand}",
        indicator=Indicator.INFO,
        detail=sections(
            bullets([f"{card.indicator.value}: {card.summary}" for card in folded]),
            "Folded because you were shown the same before; the whole card comes again later.",
        ),
        override_reasons=(),
        standing="",
    )
