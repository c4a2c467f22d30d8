"""Which insulins basal titration knows, and what holds for each: its own table, time of day, highest dose.

Sits under basal titration. An insulin that is not listed is refused; none is treated like another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.patient_record import InsulinKind, InsulinOrder, InsulinProduct

EVENING: Final = frozenset({"HS", "EVE", "EVE.early", "EVE.late", "NIGHT", "CV", "ACV", "PCV"})
"""HL7 times of day from the evening meal on; a clock time counts from 17:00."""

EVENING_FROM: Final = "17:00"


@dataclass(frozen=True, slots=True)
class BasalProduct:
    """What holds for one group of insulins.

    `table` is the table the product is titrated by, None for the organisation's choice. `max_u` is the daily
    dose at which its other drug is at its highest, `min_u` the lowest that its pen delivers. `evening_only`:
    the fasting glucose of the morning tells of the dose of the evening.
    """

    table: str | None = None
    max_u: float | None = None
    min_u: float = 0.0
    evening_only: bool = False
    may_start: bool = True


_ANALOGUE: Final = BasalProduct()
_NPH: Final = BasalProduct(evening_only=True)
"""Riddle 2003 titrated bedtime NPH by the same table as glargine."""

_DEGLUDEC_LIRAGLUTIDE: Final = BasalProduct("two-zero-two", 50, 10, may_start=False)
_GLARGINE_LIXISENATIDE: Final = BasalProduct("fixed-ratio-weekly", 60, 15, may_start=False)
"""US labels of Xultophy 100/3.6 (10-50 units) and Soliqua 100/33 (15-60 units); the first dose depends on the
therapy before."""

_ASPART_30: Final = BasalProduct("premix-evening", 30, evening_only=True, may_start=False)
"""Label of NovoMix 30: from 30 units once a day the dose is to be split, which is not computed."""

PRODUCTS: Final[Mapping[tuple[InsulinKind, frozenset[str]], BasalProduct]] = {
    (InsulinKind.LONG, frozenset({"glargine"})): _ANALOGUE,
    (InsulinKind.LONG, frozenset({"detemir"})): _ANALOGUE,
    (InsulinKind.LONG, frozenset({"degludec"})): _ANALOGUE,
    (InsulinKind.INTERMEDIATE, frozenset({"isophane"})): _NPH,
    (InsulinKind.LONG_WITH_GLP1, frozenset({"degludec", "liraglutide"})): _DEGLUDEC_LIRAGLUTIDE,
    (InsulinKind.LONG_WITH_GLP1, frozenset({"glargine", "lixisenatide"})): _GLARGINE_LIXISENATIDE,
    (InsulinKind.PREMIX, frozenset({"aspart", "protamine"})): _ASPART_30,
}
"""Kind and ingredients of each insulin that is titrated here; weekly icodec is not."""

THIRTY: Final = re.compile(r"(?<!\d)30(?!\d)")
"""What the name of a premixed insulin with 30 % fast part says: NovoMix 30, Mix 70/30, 30 UNT/ML."""


def product_rule(product: InsulinProduct) -> BasalProduct | None:
    """What holds for a product; None for one that is not titrated here."""
    if product.kind is None or product.ingredient is None:
        return None
    if product.kind is InsulinKind.PREMIX and not THIRTY.search(product.name):
        return None
    return PRODUCTS.get((product.kind, frozenset(re.split(r"[+ ]", product.ingredient))))


def taken_in_the_evening(order: InsulinOrder) -> bool:
    """Whether the order says one time of day, and that is the evening; unsaid is not."""
    return len(order.when) == 1 and all(_is_evening(when) for when in order.when)


def _is_evening(when: str) -> bool:
    return when in EVENING or (when[:1].isdigit() and when >= EVENING_FROM)
