"""What a Dosage says: units of insulin, how often a day, and a daily total only where every dose is fixed.

Sits under therapy, which reads orders and administrations with it. Nothing is read from free text except
that it contradicts the coded dose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeGuard

from fhir_mappers.code_tables import read_table
from fhir_mappers.references import Json, code_words, member, objects, text
from models.patient_record import InsulinProduct

MAX_DOSE_U: Final = 600.0
"""Above any insulin dose: hard limit of a day's total in the IEEE 11073 insulin terms (MDC 189460)."""

SNOMED_UNIT: Final = "767525000"
"""SNOMED CT |Unit|, sent by some servers instead of UCUM `[iU]`."""

HOURS_PER: Final[Mapping[str, float]] = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0}
TIMING_CODES: Final[Mapping[str, float]] = {
    "QD": 1, "BID": 2, "TID": 3, "QID": 4, "AM": 1, "PM": 1, "BED": 1, "HS": 1, "QOD": 0.5,
    "Q8H": 3, "Q6H": 4, "Q4H": 6, "Q3H": 8, "Q2H": 12, "Q1H": 24,
}  # fmt: skip
"""Times a day of the HL7 codes for Timing.code (v3-GTSAbbreviation)."""

ONE_EVENT: Final = frozenset(
    {"MORN", "NOON", "AFT", "EVE", "NIGHT", "HS", "WAKE", "CM", "CD", "CV", "ACM", "ACD", "ACV"}
    | {"PCM", "PCD", "PCV", "MORN.early", "MORN.late", "AFT.early", "AFT.late", "EVE.early", "EVE.late"}
)
"""Codes of `when` that happen once a day; `AC`, `PC` and `C` depend on the number of meals."""

MAX_TIMES_A_DAY: Final = 24.0
DOSE_IN_TEXT: Final = re.compile(
    r"(?<![\d.,/-])(\d{1,9}(?:\.\d{1,9})?)[\s-]{0,4}(?:units?|unit\(s\)|\[?iu\]?|u)(?!\w|\s*(?:/|per\s+\d*\s*ml))",
    re.I,
)
SAYS_DOSE: Final = re.compile(r"\d|\bunits?\b", re.I)
VARIES_IN_TEXT: Final = re.compile(
    r"sliding|correction|per scale|titrat|increas|decreas|adjust|as directed", re.I
)

TIMES_IN_TEXT: Final = tuple(
    (times, re.compile(pattern, re.I))
    for times, pattern in (
        (1 / 7, r"once (?:a week|weekly|per week)|every week\b"),
        (0.5, r"every other day|alternate days"),
        (1, r"\bonce (?:daily|a day|per day|each day|nightly)|\b1\s*x\s*(?:daily|täglich)|einmal täglich"
            r"|\bnightly\b|\bq\.?d\.?(?=\W|$)|every 24 h"),
        (2, r"\btwice (?:daily|a day|per day)|\b(?:two|2) times (?:a day|daily|per day)|\bb\.?i\.?d\b"
            r"|\b2\s*x\s*(?:daily|täglich)|zweimal täglich|every 12 h"),
        (3, r"\b(?:three|3) times (?:a day|daily|per day)|\bt\.?i\.?d\b|\b3\s*x\s*(?:daily|täglich)"
            r"|dreimal täglich|every 8 h"),
        (4, r"\b(?:four|4) times (?:a day|daily|per day)|\bq\.?i\.?d\b|\b4\s*x\s*(?:daily|täglich)"
            r"|viermal täglich|every 6 h"),
    )
)  # fmt: skip
"""Frequencies as instructions print them; read only to see that they contradict the coded one."""


class WhyNoDose(StrEnum):
    """Why an order gives no daily dose, as a clinician reads it."""

    DOSE_MISSING = "the order states no dose"
    DOSE_TEXT_ONLY = "the dose is written only as text"
    DOSE_IS_RANGE = "the dose is a range"
    DOSE_IS_RATE = "the dose is a rate"
    DOSE_IMPLAUSIBLE = "the dose is implausible"
    DOSE_UNIT_UNKNOWN = "the dose is not in insulin units"
    DOSE_UNIT_CONFLICT = "the coded unit and the printed unit of the dose differ"
    DOSE_TEXT_CONFLICT = "the coded dose and the instruction text differ"
    FREQUENCY_TEXT_CONFLICT = "the coded frequency and the instruction text differ"
    DOSE_VARIES = "the instruction text lets the dose vary"
    INSULIN_CONCENTRATION_UNKNOWN = "the dose is a volume and the concentration is unknown"
    SEVERAL_DOSES = "the order has several instructions that cannot be added up"
    AS_NEEDED = "the dose is taken as needed"
    FREQUENCY_UNKNOWN = "how often a day the dose is taken is not fixed"
    MEANING_MODIFIED = "an extension that changes the meaning of the order is not understood"
    NOT_DAILY = "the dose is not taken every day"


@dataclass(frozen=True, slots=True)
class Units:
    """An amount of insulin in units, or why there is none; flags say how the unit was written."""

    value: float | None
    why: WhyNoDose | None = None
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dosing:
    """What an order's instructions say together. `dose_u` is one dose, where all of them are equal."""

    dose_u: float | None = None
    doses_per_day: float | None = None
    daily_dose_u: float | None = None
    as_needed: bool = False
    text: str = ""
    why: WhyNoDose | None = None
    when: tuple[str, ...] = ()
    range_u: tuple[float, float] | None = None


def plain_numbers(value: Any) -> Any:
    """The same JSON with floats for Decimals, which drafts hold to keep the digits they came with."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: plain_numbers(inner) for name, inner in value.items()}
    return [plain_numbers(inner) for inner in value] if isinstance(value, list) else value


def insulin_units(quantity: Json, product: InsulinProduct) -> Units:
    """Units of insulin in a Quantity. A volume needs the product's concentration; a mass is never a dose."""
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or text(quantity, "comparator"):
        return Units(None, WhyNoDose.DOSE_MISSING)
    if not 0 <= value <= MAX_DOSE_U:
        return Units(None, WhyNoDose.DOSE_IMPLAUSIBLE)
    meaning, why, flags = _unit(quantity)
    if why:
        return Units(None, why)
    if meaning == "ml" and product.units_per_ml is None:
        return Units(None, WhyNoDose.INSULIN_CONCENTRATION_UNKNOWN)
    units = float(value) * ((product.units_per_ml or 1.0) if meaning == "ml" else 1.0)
    return Units(units, flags=flags) if units <= MAX_DOSE_U else Units(None, WhyNoDose.DOSE_IMPLAUSIBLE)


def units_per_hour(quantity: Json) -> float | None:
    """The rate in a Quantity written in units per hour; None for any other unit."""
    value, written = quantity.get("value"), text(quantity, "code") or text(quantity, "unit")
    known = written.lower() in INSULIN_WORDS["[iU]/h"]
    if not known or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MAX_DOSE_U else None


def _unit(quantity: Json) -> tuple[str, WhyNoDose | None, frozenset[str]]:
    """What code and printed unit mean together (`units` or `ml`), why not, and how it was written."""
    code, printed = text(quantity, "code"), text(quantity, "unit")
    meanings = {meaning for word in (code, printed) if (meaning := _meaning(word))}
    if len(meanings) > 1 or "mass" in meanings:
        unknown = meanings == {"mass"}
        return "", WhyNoDose.DOSE_UNIT_UNKNOWN if unknown else WhyNoDose.DOSE_UNIT_CONFLICT, frozenset()
    if not meanings:
        return "", WhyNoDose.DOSE_UNIT_UNKNOWN, frozenset()
    ambiguous = "u" in (code.lower(), printed.lower())
    flags = {"unit_alias"} if ambiguous else set()
    return meanings.pop(), None, frozenset(flags | ({"unit_from_text"} if not _meaning(code) else set()))


def _meaning(word: str) -> str | None:
    """What a unit means for an insulin product: `units`, `ml`, `mass`, or None when nobody knows.

    UCUM's unit is `[iU]`; its `U` is an enzyme unit, which no insulin is dosed in.
    """
    lowered = word.lower()
    if lowered in INSULIN_WORDS["[iU]"] or word == SNOMED_UNIT:
        return "units"
    if lowered in ("ml", "milliliter", "milliliters"):
        return "ml"
    return "mass" if lowered in ("mg", "ug", "g", "mcg") else None


def _insulin_words() -> Mapping[str, frozenset[str]]:
    """Lower-case spellings of the insulin unit and of its rate, by UCUM code."""
    rows = [row for row in read_table("units.csv") if row["only_for"] == "insulin"]
    return {
        ucum: frozenset({row["seen"].lower() for row in rows if row["ucum"] == ucum} | {ucum.lower()})
        for ucum in ("[iU]", "[iU]/h")
    }


INSULIN_WORDS: Final = _insulin_words()


def read_dosing(instructions: Sequence[Json], product: InsulinProduct) -> Dosing:
    """What the `dosageInstruction` list of an order says; the daily total only where it is certain."""
    read = [_instruction(i, product) for i in instructions if i]
    if not read:
        return Dosing(why=WhyNoDose.DOSE_MISSING)
    if len(read) == 1:
        return read[0]
    return _together(read, _additive(instructions, read))


def _together(read: Sequence[Dosing], additive: bool) -> Dosing:
    whys = [d.why for d in read if d.why]
    why = whys[0] if whys else None if additive else WhyNoDose.SEVERAL_DOSES
    same_dose = len({d.dose_u for d in read}) == 1
    counts = [d.doses_per_day for d in read if d.doses_per_day is not None]
    known = additive and len(counts) == len(read)
    return Dosing(
        dose_u=read[0].dose_u if same_dose else None,
        doses_per_day=sum(counts) if known and same_dose else None,
        daily_dose_u=None if why else sum(d.daily_dose_u or 0.0 for d in read),
        as_needed=any(d.as_needed for d in read),
        text="; ".join(d.text for d in read if d.text),
        why=why,
        when=tuple(w for d in read for w in d.when),
    )


def _additive(instructions: Sequence[Json], read: Sequence[Dosing]) -> bool:
    """Whether instructions hold side by side: same sequence, same bounds, and each at its own named times.

    Two instructions with the same times may be one dose written twice.
    """
    repeats = [member(member(i, "timing"), "repeat") for i in instructions if i]
    sequences = {str(i.get("sequence")) for i in instructions if i}
    bounds = {str([(k, v) for k, v in sorted(r.items()) if k.startswith("bounds")]) for r in repeats}
    times = [when for d in read for when in d.when]
    named = all(d.when for d in read) and len(set(times)) == len(times)
    return len(sequences) == 1 and len(bounds) == 1 and named


def _instruction(instruction: Json, product: InsulinProduct) -> Dosing:
    """One Dosage."""
    printed = _text(instruction)
    amount, range_u = _amount(instruction, product)
    per_day, when = doses_per_day(member(instruction, "timing"))
    as_needed = _as_needed(instruction)
    modified = WhyNoDose.MEANING_MODIFIED if instruction.get("modifierExtension") else None
    why = modified or _why_not(amount, per_day, as_needed, printed)
    daily = amount.value * per_day if why is None and amount.value is not None and per_day else None
    return Dosing(amount.value, per_day, daily, as_needed, printed, why, when, range_u)


def _why_not(amount: Units, per_day: float | None, as_needed: bool, printed: str) -> WhyNoDose | None:
    """The first reason why this instruction has no daily total."""
    if amount.value is None:
        only_text = amount.why is WhyNoDose.DOSE_MISSING and SAYS_DOSE.search(printed)
        return WhyNoDose.DOSE_TEXT_ONLY if only_text else amount.why
    if amount.value <= 0:
        return WhyNoDose.DOSE_IMPLAUSIBLE
    if VARIES_IN_TEXT.search(printed):
        return WhyNoDose.DOSE_VARIES
    doses = [float(dose) for dose in DOSE_IN_TEXT.findall(printed)]
    if doses and set(doses) != {amount.value}:
        return WhyNoDose.DOSE_TEXT_CONFLICT
    if per_day is not None and any(times != per_day for times in times_in_text(printed)):
        return WhyNoDose.FREQUENCY_TEXT_CONFLICT
    if as_needed:
        return WhyNoDose.AS_NEEDED
    if per_day is None:
        return WhyNoDose.FREQUENCY_UNKNOWN
    return WhyNoDose.NOT_DAILY if per_day < 1 else None


def times_in_text(printed: str) -> tuple[float, ...]:
    """The frequencies, in times a day, that an instruction prints in words."""
    return tuple(times for times, pattern in TIMES_IN_TEXT if pattern.search(printed))


def _amount(instruction: Json, product: InsulinProduct) -> tuple[Units, tuple[float, float] | None]:
    """The dose of one instruction, or the ends of its range. Ordered doses go before calculated ones."""
    entries = objects(instruction.get("doseAndRate"))
    ordered = [e for e in entries if "ordered" in code_words(e.get("type"))] or entries
    if not ordered:
        return Units(None, WhyNoDose.DOSE_MISSING), None
    if any(name.startswith("rate") for entry in ordered for name in entry):
        return Units(None, WhyNoDose.DOSE_IS_RATE), None
    if len(ordered) > 1:
        return Units(None, WhyNoDose.SEVERAL_DOSES), None
    if limits := member(ordered[0], "doseRange"):
        low, high = (insulin_units(member(limits, end), product).value for end in ("low", "high"))
        known = (low, high) if low is not None and high is not None else None
        return Units(None, WhyNoDose.DOSE_IS_RANGE), known
    return insulin_units(member(ordered[0], "doseQuantity"), product), None


def doses_per_day(timing: Json) -> tuple[float | None, tuple[str, ...]]:
    """Doses a day of a Timing and the times it names; None where the count is not fixed."""
    repeat = member(timing, "repeat")
    when = _strings(repeat.get("when")) + _strings(repeat.get("timeOfDay"))
    if all(name.startswith("bounds") for name in repeat):
        codes = code_words(timing.get("code"))
        return (TIMING_CODES.get(next(iter(codes)).upper()) if len(codes) == 1 else None), when
    if any(k in repeat for k in ("frequencyMax", "periodMax", "count", "countMax", "dayOfWeek", "duration")):
        return None, when
    if timing.get("event"):
        return None, when
    stated = _frequency(repeat)
    named = _named_times(repeat)
    if stated is not None and named is not None and stated != named:
        return None, when
    return (stated if named is None else named), when


def _frequency(repeat: Json) -> float | None:
    """frequency times a day over period; FHIR's default frequency is 1, its period has none."""
    frequency, period = repeat.get("frequency", 1), repeat.get("period")
    hours = HOURS_PER.get(text(repeat, "periodUnit"))
    if not _positive(frequency) or not _positive(period) or hours is None:
        return None
    times = frequency * 24.0 / (period * hours)
    return times if times <= MAX_TIMES_A_DAY else None


def _named_times(repeat: Json) -> float | None:
    """How many times a day `when` and `timeOfDay` name; None where they name none, or a varying number."""
    when, clock = _strings(repeat.get("when")), _strings(repeat.get("timeOfDay"))
    if bool(when) == bool(clock) or not set(when) <= ONE_EVENT:
        return None
    return float(len(set(when) | set(clock)))


def _positive(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6


def _strings(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _as_needed(instruction: Json) -> bool:
    """R4 `asNeeded[x]`, R5 `asNeeded` and `asNeededFor`."""
    flagged = instruction.get("asNeededBoolean") is True or instruction.get("asNeeded") is True
    return flagged or bool(member(instruction, "asNeededCodeableConcept") or instruction.get("asNeededFor"))


def _text(instruction: Json) -> str:
    parts = (text(instruction, "text"), text(instruction, "patientInstruction"))
    return ". ".join(dict.fromkeys(part for part in parts if part))
