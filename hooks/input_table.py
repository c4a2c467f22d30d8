"""The values that an answer on insulin rests on, as a table with result, time and age of each.

Under the cards of the dosing services.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hooks import wording
from hooks.service import Question
from models.assessment import Input
from models.dosing.dose_format import units_text
from models.features.fasting import FastingValue

NAMES: Final[Mapping[str, str]] = {
    "glucose_cgm": "newest glucose, sensor",
    "glucose_smbg": "newest glucose, meter",
    "glucose_lab": "newest glucose, laboratory",
}
DOSE_UNIT: Final = "units"
PRINTED_UNITS: Final[Mapping[str, str]] = {"mL/min/{1.73_m2}": "mL/min/1.73 m2"}


def input_table(question: Question, inputs: Sequence[Input], fasting: Sequence[FastingValue] = ()) -> str:
    """One row for each value; `fasting` tells which device gave a fasting value. Empty without values."""
    sources = {value.at_ms: value for value in fasting}
    rows = [(_name(found, sources), _result(question, found), _when(question, found)) for found in inputs]
    return wording.table(("value", "result", "when"), rows) if rows else ""


def _name(found: Input, fasting: Mapping[int, FastingValue]) -> str:
    if found.name == "fasting glucose" and found.at_ms is not None and found.at_ms in fasting:
        value = fasting[found.at_ms]
        return f"fasting glucose, {value.source}" + (" (marked fasting)" if value.marked else "")
    return NAMES.get(found.name, found.name)


def _result(question: Question, found: Input) -> str:
    value = float(found.value)
    if found.unit == "mg/dL":
        return wording.glucose(value, question.practice.glucose_unit)
    if found.unit == DOSE_UNIT:
        return f"{units_text(value)} a day"
    return f"{value:.1f} {PRINTED_UNITS.get(found.unit, found.unit)}".replace(".0 ", " ")


def _when(question: Question, found: Input) -> str:
    if found.at_ms is None:
        return "not known"
    at = wording.moment(found.at_ms, question.zone)
    return f"{wording.age(found.at_ms, question.as_of_ms)} ({at})"
