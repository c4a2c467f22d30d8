"""The basal dose that the rules ask for, before the clamp: the lowest that lows, mornings or the table want.

Sits inside basal titration. What it wishes is clamped by `models.dosing.limits`, which knows nothing of it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from models import signals
from models.assessment import Input
from models.dosing.basal_case import Case
from models.dosing.dose_format import glucose_text, percent_text, units_text
from models.dosing.recent_lows import lowest_below
from models.dosing.titration_table import StartRule
from models.features.fasting import FastingValue

# ADA Standards of Care, section 9: after a low without a clear cause lower the dose by 10 to 20 %.
SMALLEST_REDUCTION: Final = 0.10
LARGEST_REDUCTION: Final = 0.20

DEVICES: Final = {
    signals.GLUCOSE_CGM: "sensor",
    signals.GLUCOSE_SMBG: "meter",
    signals.GLUCOSE_LAB: "laboratory",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A dose in units a day, the rule that asks for it as a sentence, and what held it back.

    `cause` is what decided, in a few words, where it was not the fasting values; `low` the glucose that did.
    """

    dose_u: float
    why: str
    limits: tuple[str, ...] = ()
    cause: str | None = None
    low: Input | None = None


def wish(case: Case) -> Wish:
    """The dose that lows and table ask for: of all that speak the lowest, and the first of equals."""
    current_u, start = case.basal.dose_u, case.rule.table.start
    if current_u is not None:
        return min(_wishes(case, current_u), key=lambda asked: asked.dose_u)
    if start is None:
        raise ValueError(f"{case.rule.table.id} starts no insulin")
    return _start(case, start)


def reduced_u(current_u: float, fraction: float, increment_u: float) -> float:
    """A dose reduced by about the fraction: deliverable, and between 10 and 20 % lower where one is.

    A small dose may have none in between; then the highest one at least 10 % lower.
    """
    at_most_u = math.floor((1 - SMALLEST_REDUCTION) * current_u / increment_u + 1e-9) * increment_u
    at_least_u = math.ceil((1 - LARGEST_REDUCTION) * current_u / increment_u - 1e-9) * increment_u
    aim_u = math.floor((1 - fraction) * current_u / increment_u + 1e-9) * increment_u
    return at_most_u if at_least_u > at_most_u else min(at_most_u, max(at_least_u, aim_u))


def _start(case: Case, start: StartRule) -> Wish:
    per_kg = start.cautious_units_per_kg if case.cautious else start.units_per_kg
    why = f"Start: the lower of {units_text(start.units)} and {per_kg:g} units per kg a day"
    cause = f" (age {case.age_years}, eGFR {case.inputs.egfr_value:.0f})" if case.cautious else ""
    return Wish(min(start.units, per_kg * case.inputs.weight_kg), f"{why}{cause}.")


def _wishes(case: Case, current_u: float) -> Iterator[Wish]:
    """What each rule asks for, lows first; the table always speaks."""
    if case.lows.recently or case.lows.time_below_over_target:
        yield _after_low(case, current_u)
    yield from _by_table_low(case, current_u)
    if case.low_mornings:
        yield _low_mornings(case, current_u, case.low_mornings[0])
    yield _by_row(case, current_u)


def _after_low(case: Case, current_u: float) -> Wish:
    """A reduction: of 10 % after glucose below 70 mg/dL, of 20 % after glucose below 54 mg/dL.

    The dose stays where it was lowered since, and where a moment of one sensor is all there is.
    """
    lows = case.lows
    if case.lows_answered:
        return _answered(case, current_u)
    if not (lows.lasting or (lows.time_below_over_target and lows.newest_low_ms is not None)):
        return _dip(case, current_u)
    fraction = LARGEST_REDUCTION if lows.lasting_very_low else SMALLEST_REDUCTION
    low = lows.very_low_in_7_d or lows.low_in_24_h
    share = f"{percent_text(lows.time_below_70_percent or 0.0)} of sensor time below {glucose_text(70)}"
    what = _low_text(low) if low else share
    dose_u = reduced_u(current_u, fraction, case.rule.increment_u)
    how = _how_far(current_u, dose_u, "by 10 to 20 %")
    why = f"Hypoglycaemia first: {what}. Unless a cause explains it, the dose is lowered {how}."
    return Wish(dose_u, why, cause=f"after {what}", low=low or lows.lowest_in_7_d)


def _answered(case: Case, current_u: float) -> Wish:
    """No second reduction for lows that all lie before the last change of the dose."""
    lows, previous_u = case.lows, case.basal.previous_u
    since = (
        f"the dose was lowered from {units_text(previous_u)} after them"
        if previous_u is not None
        else "the dose was ordered anew after them; whether that lowered it is not on record"
    )
    low = lows.very_low_in_7_d or lows.low_in_24_h or lows.lowest_in_7_d
    why = f"All lows lie before the last change of the dose: {since}. It is neither raised nor lowered again."
    return Wish(current_u, why, ("lows_answered",), low=low)


def _dip(case: Case, current_u: float) -> Wish:
    """The dose as it is: lows of the sensor alone, none of which lasted."""
    low, readings = case.lows.very_low_in_7_d or case.lows.low_in_24_h, case.lows.dip_readings
    what = "One reading of the sensor" if readings == 1 else f"{readings} readings of the sensor"
    shown = f", the lowest {glucose_text(float(low.value))}" if low else ""
    why = (
        f"{what} below {glucose_text(70)}{shown}, with higher readings within minutes on both sides: less "
        "than the 15 minutes of an episode, and perhaps noise. No increase; compare with a fingerstick."
    )
    return Wish(current_u, why, ("brief_dip",), low=low)


def _by_table_low(case: Case, current_u: float) -> Iterator[Wish]:
    """The table's own reduction after a low."""
    table, rule = case.rule.table, case.rule.table.reduce
    low = rule and lowest_below(case.record, rule.edge, rule.days, case.as_of_ms)
    if rule and low and not case.lows_answered:
        why = f"{table.title}: {_low_text(low)} lies below {rule.edge}."
        yield Wish(current_u + rule.step_u, why, cause=f"after {_low_text(low)}", low=low)


def _low_mornings(case: Case, current_u: float, lowest: FastingValue) -> Wish:
    """A reduction by 10 % where mornings are below the goal and no row of the table asks for more."""
    shown = glucose_text(lowest.lowest_mgdl)
    what = f"fasting glucose below the goal of {case.goal[0]}, lowest {shown}"
    dose_u = reduced_u(current_u, SMALLEST_REDUCTION, case.rule.increment_u)
    how = _how_far(current_u, dose_u, "by 10 %")
    why = f"Hypoglycaemia first: {what}. Unless a cause explains it, the dose is lowered {how}."
    cause = f"after fasting glucose as low as {shown}"
    return Wish(dose_u, why, cause=cause, low=fasting_low(lowest))


def _how_far(current_u: float, dose_u: float, share: str) -> str:
    """The share of the rule, or that a dose so small has no step of that share."""
    small = dose_u < (1 - LARGEST_REDUCTION) * current_u
    return "by one step of the pen, which is more than 20 % of so small a dose" if small else share


def _by_row(case: Case, current_u: float) -> Wish:
    table = case.rule.table
    row = table.row_for(case.fasting_mgdl)
    why = f"{table.title}: {table.statistic} fasting glucose {table.row_text(row)}."
    if row.step_u and not case.waited:
        return Wish(current_u, why, ("table_interval",))
    held = _held_by(case) if row.step_u > 0 else ()
    if held:
        return Wish(current_u, why, held, low=_holding_low(case))
    return Wish(current_u + row.step_u, why)


def _held_by(case: Case) -> tuple[str, ...]:
    """What speaks against an increase although the row asks for one."""
    on_cautious_goal = case.cautious_because and not case.goal[1].exceeded_by(case.fasting_mgdl)
    goal = ("cautious_goal",) if on_cautious_goal else ()
    table_low = ("table_low",) if _table_low(case) else ()
    mornings = ("low_fasting",) if case.low_fasting else ()
    signs = tuple(sign.name for sign in case.signs if sign.stops_increase)
    return (*goal, *table_low, *mornings, *signs)


def _table_low(case: Case) -> Input | None:
    rule = case.rule.table.no_increase
    return lowest_below(case.record, rule.edge, rule.days, case.as_of_ms) if rule else None


def _holding_low(case: Case) -> Input | None:
    return _table_low(case) or (fasting_low(case.low_fasting) if case.low_fasting else None)


def fasting_low(value: FastingValue) -> Input:
    """The lowest reading of a fasting value, as a value that decided."""
    signal = signals.GLUCOSE_CGM if value.source == "sensor" else signals.GLUCOSE_SMBG
    return Input(signal, value.lowest_mgdl, "mg/dL", value.at_ms, value.reference)


def _low_text(low: Input) -> str:
    return f"a glucose of {glucose_text(float(low.value))}"
