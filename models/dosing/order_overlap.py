"""Whether two insulin orders are for the same insulin, and whether their doses fall on the same time of day.

Sits under the facts of the order check: what an order changes, what it doubles, what it stands beside.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from models.dosing.basal_order import BASAL_KINDS
from models.patient_record import InsulinKind, InsulinOrder

PARTS_OF_DAY: Final[Mapping[str, str]] = {
    **dict.fromkeys(("MORN", "MORN.early", "MORN.late", "WAKE", "CM", "ACM", "PCM"), "morning"),
    **dict.fromkeys(("NOON", "CD", "ACD", "PCD", "AFT", "AFT.early", "AFT.late"), "noon"),
    **dict.fromkeys(("EVE", "EVE.early", "EVE.late", "CV", "ACV", "PCV"), "evening"),
    **dict.fromkeys(("HS", "NIGHT"), "night"),
}
"""HL7 EventTiming by the part of the day; codes that hold for every meal are in none."""

CLOCK: Final = (("11:00", "morning"), ("16:00", "noon"), ("21:00", "evening"), ("24:00", "night"))
"""Clock times up to each hour; the times of three meals and bedtime (our judgement)."""


def same_insulin(one: InsulinOrder, other: InsulinOrder) -> bool:
    """The same ingredient and action, whatever the brand, taken as needed or regularly alike."""
    if one.product.ingredient is None or one.product.kind is None:
        return False
    return _meaning(one) == _meaning(other)


def may_coincide(one: InsulinOrder, other: InsulinOrder) -> bool:
    """Whether both may be taken at the same time of day; unless both name their times, they may."""
    mine, theirs = _parts_of_day(one), _parts_of_day(other)
    return not mine or not theirs or bool(mine & theirs)


def is_split(orders: Sequence[InsulinOrder]) -> bool:
    """Whether orders are one regimen in several doses: each at its own time of day."""
    return not any(may_coincide(one, other) for one, other in combinations(orders, 2))


def other_brand(one: InsulinOrder, other: InsulinOrder) -> bool:
    """Whether both print a brand, and not the same one."""
    brands = {one.product.brand, other.product.brand}
    return None not in brands and len(brands) == 2


def _meaning(order: InsulinOrder) -> tuple[str | None, InsulinKind | None, bool]:
    return order.product.ingredient, order.product.kind, order.as_needed


def _parts_of_day(order: InsulinOrder) -> frozenset[str]:
    """The parts of the day that an order names; none where one of them is not known."""
    parts = [_part_of_day(when) for when in order.when]
    if None in parts:
        return frozenset()
    basal = order.product.kind in BASAL_KINDS
    return frozenset("evening" if basal and part == "night" else str(part) for part in parts)


def _part_of_day(when: str) -> str | None:
    if when[:1].isdigit():
        return next((part for until, part in CLOCK if when < until), None)
    return PARTS_OF_DAY.get(when)
