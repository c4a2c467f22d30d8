"""What a titration rested on, for the card: values used, checks made, and what was not known.

Sits inside basal titration, after the dose is decided; nothing here changes it.
"""

from models.assessment import Input, Reason, ReasonCode
from models.dosing.basal_wish import Case
from models.dosing.dose_format import glucose_text, units_text
from models.dosing.dosing_inputs import LOWEST_EGFR
from models.dosing.recent_lows import RecentLows


def inputs_used(case: Case) -> tuple[Input, ...]:
    """Every value used, with its unit, time and reference."""
    current_u, order = case.basal.dose_u, case.basal.order
    in_use = (
        (Input("basal dose in use", current_u, "units", case.basal.changed_ms, order.reference),)
        if current_u is not None and order is not None
        else ()
    )
    fasting = (Input("fasting glucose", v.mgdl, "mg/dL", v.at_ms, v.reference) for v in case.fasting)
    measured = (case.inputs.weight, case.inputs.egfr, case.inputs.hba1c, case.lows.newest)
    return (*in_use, *fasting, *(found for found in measured if found is not None))


def checks_made(case: Case) -> tuple[str, ...]:
    """What was looked at and how it stands, one sentence each."""
    lows, limits = case.lows, case.rule.limits.basal
    per_kg = (case.basal.dose_u or 0.0) / case.inputs.weight_kg
    return tuple(
        sentence
        for sentence in (
            f"Lowest glucose of 7 days: {_glucose(lows.lowest_in_7_d)} among {lows.readings} readings.",
            f"Glucose below {glucose_text(70)} in 24 hours: {_found(lows.low_in_24_h)}.",
            f"Glucose below {glucose_text(54)} in 7 days: {_found(lows.very_low_in_7_d)}.",
            _time_below(lows),
            f"Dose in use {per_kg:.2f} units per kg; no increase above {limits.ceiling_units_per_kg:g}.",
            _interval(case),
            f"eGFR {case.inputs.egfr_value:.0f} mL/min/1.73 m2; no dose below {LOWEST_EGFR:.0f}.",
            *(sign.text for sign in case.signs),
            "One active basal insulin order, of standard concentration."
            if case.basal.order
            else "No active basal insulin order.",
        )
        if sentence
    )


def _time_below(lows: RecentLows) -> str:
    if lows.time_below_70_percent is None or lows.time_below_54_percent is None:
        return "Share of time in hypoglycaemia: not known without sensor readings."
    return (
        f"Sensor time below {glucose_text(70)} {lows.time_below_70_percent:.1f} % (limit 4 %), "
        f"below {glucose_text(54)} {lows.time_below_54_percent:.1f} % (limit 1 %)."
    )


def _interval(case: Case) -> str:
    days = case.basal.days_since_change(case.as_of_ms)
    if days is None or case.basal.dose_u is None:
        return ""
    dose, title = units_text(case.basal.dose_u), case.rule.table.title
    return f"{dose} ordered {days:.1f} days ago; {title} waits {case.rule.table.cadence_days} days."


def _glucose(found: Input | None) -> str:
    return glucose_text(float(found.value)) if found else "not known"


def _found(low: Input | None) -> str:
    return f"yes, {_glucose(low)}" if low else "none on record"


def not_known(case: Case) -> tuple[Reason, ...]:
    """What a fuller picture would have held; none of it changes the dose."""
    missing = []
    if case.inputs.hba1c is None:
        text = "No HbA1c of the last 120 days is on record."
        missing.append(Reason(ReasonCode.MISSING, "hba1c", text))
    if case.lows.time_below_70_percent is None:
        text = "No sensor glucose: lows between fingersticks and at night are not seen."
        missing.append(Reason(ReasonCode.MISSING, "glucose_cgm", text))
    return tuple(missing)
