"""Which insulin a concept names: ingredient, action and concentration, from codes and from the printed name.

Sits under therapy and medications. What the codes and the names do not say stays None, and where they
contradict each other everything stays None: a wrong product is worse than an unknown one.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from fhir_mappers.code_tables import CodeTable, TableRow, read_table
from fhir_mappers.references import Coding, codings, names
from models.patient_record import InsulinKind, InsulinProduct

KINDS: Final[Mapping[str, InsulinKind]] = {
    **{kind.value: kind for kind in InsulinKind},
    "long+GLP1": InsulinKind.LONG_WITH_GLP1,
}
FAST: Final = frozenset({InsulinKind.RAPID, InsulinKind.SHORT})
"""Class codes call both 'fast-acting' or 'short-acting', so the two do not contradict each other."""

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
REMEMBERED: Final = 512
REMEMBERED_CHARS: Final = 2000
INSULIN_WORD: Final = re.compile(r"insul(?!in-like)\w*|инсулин|胰岛素")
SUPPLY_WORD: Final = re.compile(r"needle|syringe|lancet|strip|pump|pod\b|swab|sharps|reservoir|infusion set")
PER_ML: Final = re.compile(
    r"(?<![\d.,])(\d+(?:\.\d+)?)\s*(?:unt|units?|unit\(s\)|\[?iu\]?|u)\s*(?:/|per)\s*(\d+(?:\.\d+)?)?\s*ml\b"
)
U_NUMBER: Final = re.compile(r"\bu-?(\d{2,3})\b")
ATC: Final = "www.whocc.no/atc"
ATC_INSULIN: Final = "A10A"
OTHER_DRUG: Final = re.compile(
    r"metformin|\b(?:tablets?|capsules?|oral|cream|ointment|suppository)\b|\d\s*m?c?g\b", re.I
)
"""What a printed name says that is no insulin: no insulin is swallowed, applied or dosed by mass."""

BIOSIMILAR: Final = re.compile(r"(?:glargine|lispro|aspart)-([a-z]{4})\b")
BIOSIMILAR_BRANDS: Final[Mapping[str, str]] = {"yfgn": "semglee", "aglr": "rezvoglar", "aabc": "lyumjev"}
"""FDA Purple Book: the suffix of the nonproprietary name and the brand."""


class Reading(NamedTuple):
    """What one code or one printed name says of an insulin."""

    ingredient: str | None = None
    kind: InsulinKind | None = None
    units_per_ml: float | None = None


def product_of(concept: object) -> InsulinProduct | None:
    """The insulin that a CodeableConcept names, or None when nothing in it says insulin."""
    codes, printed = tuple(codings(concept)), names(concept)
    length = sum(len(part) for part in (*printed, *chain.from_iterable(codes)))
    return (_remembered if length <= REMEMBERED_CHARS else _product)(codes, printed)


def _product(codes: tuple[Coding, ...], printed: tuple[str, ...]) -> InsulinProduct | None:
    rows = list(CODES.rows_of(codes))
    coded = [_of_row(row) for row in rows]
    named = [reading for name in printed if (reading := _of_name(name))]
    if not coded and not named:
        return None
    known_names = (*printed, *(row["rxnorm_name"] for row in rows if "rxnorm_name" in row), "insulin")
    agreed, others = _agreed([*coded, *named]), _other_drugs(codes, printed)
    if agreed is None or others:
        said = dict.fromkeys((*map(_said, [*coded, *named]), *others))
        return InsulinProduct(known_names[0], None, None, None, contradictory=tuple(said))
    return InsulinProduct(known_names[0], *agreed, brand=_brand(known_names))


_remembered = lru_cache(maxsize=REMEMBERED)(_product)
"""A pump names its insulin thousands of times."""


def _agreed(readings: Sequence[Reading]) -> Reading | None:
    """What all readings allow; None when two of them contradict each other."""
    ingredients = {r.ingredient for r in readings if r.ingredient}
    kinds = {r.kind for r in readings if r.kind}
    strengths = {r.units_per_ml for r in readings if r.units_per_ml}
    if len(ingredients) > 1 or len(strengths) > 1 or (len(kinds) > 1 and not kinds <= FAST):
        return None
    exact_kind = next((r.kind for r in readings if r.ingredient and r.kind), None)
    return Reading(
        next(iter(ingredients), None) if exact_kind else None,
        exact_kind or next(iter(kinds), None),
        next(iter(strengths), None),
    )


def _said(reading: Reading) -> str:
    """One reading in words: `insulin glargine 300 units/mL`."""
    named = f"insulin {reading.ingredient}" if reading.ingredient else f"{reading.kind or 'an'} insulin"
    return named + (f" {reading.units_per_ml:g} units/mL" if reading.units_per_ml else "")


def _other_drugs(codes: Sequence[Coding], printed: Sequence[str]) -> tuple[str, ...]:
    """What a concept names besides insulin: codes and printed names of other drugs."""
    coded = [c.display or f"code {c.code}" for c in codes if _is_other_drug(c)]
    named = [name for name in printed if OTHER_DRUG.search(name) and _of_name(name) is None]
    return tuple(dict.fromkeys([*coded, *named]))


def _is_other_drug(coding: Coding) -> bool:
    """An ATC code outside the insulins, or a code of another class of drugs. Codes nobody knows are none:
    one insulin has many."""
    if coding.system == ATC:
        return not (coding.code.startswith(ATC_INSULIN) or ATC_INSULIN.startswith(coding.code))
    return any(True for _ in OTHER_CODES.rows_of([coding]))


def _brand(printed: Sequence[str]) -> str | None:
    """The brand that the names print; None without one, or where they print several."""
    found = {brand for name in printed for brand in _brands_of(name.lower())}
    return found.pop() if len(found) == 1 else None


def _brands_of(lowered: str) -> Iterator[str]:
    for suffix in BIOSIMILAR.findall(lowered):
        yield BIOSIMILAR_BRANDS.get(suffix, suffix)
    for word, pattern in BRANDS:
        lowered, count = pattern.subn(" ", lowered)
        if count:
            yield word


def _of_row(row: TableRow) -> Reading:
    strength = row.get("units_per_ml")
    return Reading(row["ingredient"] or None, KINDS.get(row["kind"]), float(strength) if strength else None)


def _of_name(name: str) -> Reading | None:
    """What a printed name says; None when it is not the name of an insulin."""
    lowered = "".join(
        c for c in unicodedata.normalize("NFKC", name).lower() if unicodedata.category(c) != "Cf"
    )
    parts, is_insulin = _parts(lowered)
    says_insulin = INSULIN_WORD.search(lowered) and not (SUPPLY_WORD.search(lowered) and not parts)
    if not says_insulin and not is_insulin:
        return None
    ingredient, kind = COMPOSITIONS.get(parts, ("+".join(sorted(parts)) or None, None))
    return Reading(ingredient, kind, _strength(lowered, kind))


def _parts(lowered: str) -> tuple[frozenset[str], bool]:
    """The ingredients that a name in lower case prints, and whether one of its words means only insulins.

    The longest phrases are read first: `humalog mix` before `humalog`.
    """
    found: set[str] = set()
    is_insulin = False
    for pattern, parts, only_insulin in WORDS:
        lowered, count = pattern.subn(" ", lowered)
        if count:
            found |= parts
            is_insulin |= only_insulin
    return frozenset(found), is_insulin


def _strength(lowered: str, kind: InsulinKind | None) -> float | None:
    """Units per mL as printed (`100 UNT/ML`, `300 units per 3 mL`, `U-100`); None when absent or ambiguous.

    The two shares of a premix add up: 70 and 30 units per mL are 100.
    """
    printed = [float(units) / float(ml or 1) for units, ml in PER_ML.findall(lowered) if float(ml or 1)]
    printed += [float(number) for number in U_NUMBER.findall(lowered)]
    shares = kind is InsulinKind.PREMIX and len(printed) == 2 and max(printed) < 100
    values = {sum(printed)} if shares else set(printed)
    return values.pop() if len(values) == 1 else None


def _phrase(row: TableRow) -> tuple[re.Pattern[str], frozenset[str], bool]:
    pattern = re.compile(rf"(?<!\w){re.escape(row['word'])}(?!\w)")
    return pattern, frozenset(row["parts"].split("+")), not row["also_in_other_drugs"]


PRODUCTS: Final = [row | {"kind": row["action"]} for row in read_table("insulin_products.csv")]
CODES: Final = CodeTable.of(
    [row | {"system": RXNORM, "code": row["rxcui"], "match": "exact"} for row in PRODUCTS]
    + read_table("insulin_codes.csv")
)
OTHER_CODES: Final = CodeTable.of(
    [
        row
        for row in read_table("medication_codes.csv")
        if row["match"] != "word" and row["drug_class"] != "glp1_receptor_agonist"
    ]
)
"""Drugs of other classes by code; GLP-1 receptor agonists are combined with insulins."""

WORD_ROWS: Final = sorted(read_table("insulin_words.csv"), key=lambda row: -len(row["word"]))
WORDS: Final = [_phrase(row) for row in WORD_ROWS]
BRANDS: Final = [
    (row["word"], _phrase(row)[0])
    for row in WORD_ROWS
    if "label" in row["source"] and not row["also_in_other_drugs"]
]
COMPOSITIONS: Final[Mapping[frozenset[str], tuple[str, InsulinKind]]] = {
    _parts(row["rxnorm_name"].lower())[0]: (row["ingredient"], KINDS[row["kind"]]) for row in PRODUCTS
}
