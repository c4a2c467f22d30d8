"""Resources that we suggest or answer with: the draft order with one dose changed, and OperationOutcome.

Sits behind the mappers: the way out. A suggested order is the caller's own draft, with its unknown elements
and extensions, so it is not rebuilt through a typed model; tests validate what comes out with fhir.resources.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from fhir_mappers.dosage import DOSE_IN_TEXT, WhyNoDose
from fhir_mappers.references import Json, member, objects, text
from fhir_mappers.therapy import to_insulin_order
from models.dosing.dose_format import units_text
from models.patient_record import InsulinKind, InsulinOrder

UCUM: Final = "http://unitsofmeasure.org"
ONCE_DAILY: Final = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
BASAL: Final = frozenset({InsulinKind.LONG, InsulinKind.INTERMEDIATE})
DOSE_STEP_U: Final = 0.5
"""Smallest step of insulin pens; doses are whole or half units (H-05)."""

MAX_SUGGESTED_U: Final = 200.0
"""A last stop against a slip of the decimal point; the clinical limits are the dosing module's."""

RESTATING: Final = ("text", "patientInstruction")
"""Texts of a Dosage that repeat its dose."""

NO_MEDICATIONS: Final[Mapping[str, Json]] = MappingProxyType({})

IssueSeverity = Literal["fatal", "error", "warning", "information"]


class WhyNotAdjustable(StrEnum):
    """Why a draft cannot be returned with another dose, as a clinician reads it."""

    NOT_BASAL = "the draft is not for a known basal insulin with a known concentration"
    SEVERAL_INSTRUCTIONS = "the draft has more than one dosage instruction"
    NOT_ONCE_DAILY = "the draft does not give one fixed dose once a day"
    IN_VOLUME = "the draft gives the dose as a volume"
    TEXT = "the text of the draft states a dose in a way that cannot be rewritten"
    ABOVE_MAXIMUM = "the draft sets a maximum dose, which the new dose must not pass unseen"
    MEANING_MODIFIED = "the draft has an extension that changes its meaning"


class NotAdjustable(Exception):
    """The draft cannot carry the new dose without saying something its author did not say."""

    def __init__(self, why: WhyNotAdjustable, detail: str | None = None) -> None:
        super().__init__(f"{why.value}: {detail}" if detail else why.value)
        self.why = why


def with_daily_dose(order: Json, dose_u: float, medications: Mapping[str, Json] = NO_MEDICATIONS) -> Json:
    """The whole draft, copied, with `dose_u` units once daily as its dose and nothing else changed.

    The value of `doseQuantity` is replaced in place; a printed unit `U` or `IU` becomes `units`, and a text
    that repeats the old dose is given the new one. A draft without any dosage gets one. Raises NotAdjustable
    where the draft says anything else than one dose once a day, and ValueError unless `dose_u` is positive,
    at most 200, in steps of half a unit.
    """
    if not 0 < dose_u <= MAX_SUGGESTED_U or dose_u % DOSE_STEP_U:
        raise ValueError(f"no dose to suggest: {dose_u!r}")
    read = to_insulin_order(order, medications)
    if read is None or read.product.kind not in BASAL or read.product.units_per_ml is None:
        raise NotAdjustable(WhyNotAdjustable.NOT_BASAL)
    if read.why_no_dose == WhyNoDose.MEANING_MODIFIED:
        raise NotAdjustable(WhyNotAdjustable.MEANING_MODIFIED)
    adjusted = deepcopy(order)
    instructions = adjusted.get("dosageInstruction")
    if not instructions or instructions == [{}]:
        adjusted["dosageInstruction"] = [_new_instruction(dose_u)]
    else:
        _change(_only_instruction(instructions), read, dose_u)
    _rewrite_around(adjusted, read, dose_u)
    return adjusted


def operation_outcome(
    severity: IssueSeverity, code: str, diagnostics: str, expression: str | None = None
) -> Json:
    """An OperationOutcome with one issue; `code` is of FHIR's issue-type, `expression` a FHIRPath."""
    issue: Json = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if expression:
        issue["expression"] = [expression]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _number(dose_u: float) -> int | float:
    return int(dose_u) if dose_u == int(dose_u) else float(dose_u)


def _quantity(dose_u: float) -> Json:
    return {"value": _number(dose_u), "unit": "units", "system": UCUM, "code": "[iU]"}


def _new_instruction(dose_u: float) -> Json:
    return {
        "text": f"{units_text(dose_u)} once daily",
        "timing": deepcopy(ONCE_DAILY),
        "doseAndRate": [{"doseQuantity": _quantity(dose_u)}],
    }


def _only_instruction(instructions: object) -> Json:
    found = objects(instructions)
    if len(found) != 1 or not isinstance(instructions, list) or len(instructions) != 1:
        raise NotAdjustable(WhyNotAdjustable.SEVERAL_INSTRUCTIONS)
    return found[0]


def _change(instruction: Json, read: InsulinOrder, dose_u: float) -> None:
    """Puts the dose into the one instruction of a draft."""
    missing = read.why_no_dose == WhyNoDose.DOSE_MISSING and not instruction.get("doseAndRate")
    if read.doses_per_day != 1 or read.as_needed or not (missing or read.daily_dose_u is not None):
        raise NotAdjustable(WhyNotAdjustable.NOT_ONCE_DAILY, read.why_no_dose)
    if missing:
        instruction["doseAndRate"] = [{"doseQuantity": _quantity(dose_u)}]
        return
    for entry in objects(instruction["doseAndRate"]):
        _change_quantity(member(entry, "doseQuantity"), read, dose_u)
    if any(name.startswith("maxDose") and instruction[name] for name in instruction):
        raise NotAdjustable(WhyNotAdjustable.ABOVE_MAXIMUM)
    for name in RESTATING:
        if name in instruction:
            instruction[name] = _rewritten(instruction[name], read, dose_u)
    _refuse_unreadable(instruction, "additionalInstruction", read)


def _change_quantity(quantity: Json, read: InsulinOrder, dose_u: float) -> None:
    if quantity.get("value") != read.dose_u:
        raise NotAdjustable(WhyNotAdjustable.IN_VOLUME)
    quantity["value"] = _number(dose_u)
    if text(quantity, "unit").lower() in ("u", "iu", "[iu]"):
        quantity["unit"] = "units"


def _rewrite_around(adjusted: Json, read: InsulinOrder, dose_u: float) -> None:
    """Texts outside the instruction: notes, R5's rendering, the narrative, which goes if it cannot follow."""
    _refuse_unreadable(adjusted, "note", read)
    if "renderedDosageInstruction" in adjusted:
        rendered = adjusted["renderedDosageInstruction"]
        adjusted["renderedDosageInstruction"] = _rewritten(rendered, read, dose_u)
    narrative = member(adjusted, "text")
    try:
        if narrative:
            narrative["div"] = _rewritten(narrative.get("div"), read, dose_u)
    except NotAdjustable:
        if narrative.get("status") != "generated":
            raise
        del adjusted["text"]


def _refuse_unreadable(element: Json, name: str, read: InsulinOrder) -> None:
    """Notes and further instructions are their author's words: none may go on stating the old dose."""
    if any(_states_dose(text(part, "text"), read.dose_u) for part in objects(element.get(name))):
        raise NotAdjustable(WhyNotAdjustable.TEXT)


def _rewritten(written: object, read: InsulinOrder, dose_u: float) -> object:
    """A text with the old dose replaced, where it stands once and in units, and nothing unclear left."""
    if not isinstance(written, str):
        return written
    doses = list(DOSE_IN_TEXT.finditer(written))
    if len(doses) == 1 and float(doses[0][1]) == read.dose_u:
        start, end = doses[0].span()
        rest, changed = written[:start] + written[end:], written[:start] + units_text(dose_u) + written[end:]
    else:
        rest, changed = written, written
    if _states_dose(rest, read.dose_u):
        raise NotAdjustable(WhyNotAdjustable.TEXT)
    return changed


def _states_dose(written: str, dose_u: float | None) -> bool:
    """Whether a text still speaks of an amount: units, or the bare number of the old dose."""
    if DOSE_IN_TEXT.search(written) or re.search(r"\bunits?\b(?!\s*(?:/|per)\s*ml)", written, re.I):
        return True
    numbers = re.findall(r"(?<![\d:.])\d+(?:\.\d+)?(?![\d:]|\.\d)", written)
    return dose_u is not None and any(float(number) == dose_u for number in numbers)
