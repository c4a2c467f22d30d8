"""What a titration rested on, for the card: values used, checks made, and what was not known.

Sits inside basal titration, after the dose is decided; nothing here changes it.
"""

from dataclasses import replace

from models.assessment import Input, Reason, ReasonCode
from models.dosing.basal_case import Case
from models.dosing.basal_wish import DEVICES
from models.dosing.dose_format import glucose_text, percent_text, units_text
from models.dosing.dosing_inputs import LOWEST_EGFR
from models.dosing.recent_lows import RecentLows
from models.features.glycemic import SUFFICIENT_ACTIVE_PERCENT
from models.patient_record import WHOLE


def inputs_used(case: Case, low: Input | None) -> tuple[Input, ...]:
    """Every value used, with its unit, time and reference; the low that decided comes first."""
    current_u, order = case.basal.dose_u, case.basal.order
    in_use = (
        (Input("basal dose in use", current_u, "units", case.basal.changed_ms, order.reference),)
        if current_u is not None and order is not None
        else ()
    )
    decided = (_glucose_named("low that decided", low),) if low else ()
    fasting = (Input("fasting glucose", v.mgdl, "mg/dL", v.at_ms, v.reference) for v in case.fasting)
    measured = (case.inputs.weight, case.inputs.egfr, case.inputs.hba1c, newest_glucose(case.lows))
    return (*decided, *in_use, *fasting, *(found for found in measured if found is not None))


def newest_glucose(lows: RecentLows) -> Input | None:
    """The newest glucose of all devices, named with its device."""
    return _glucose_named("newest glucose", lows.newest) if lows.newest else None


def lowest_glucose(lows: RecentLows) -> Input | None:
    """The lowest glucose of 7 days, named with its device."""
    return _glucose_named("lowest glucose of 7 days", lows.lowest_in_7_d) if lows.lowest_in_7_d else None


def _glucose_named(name: str, found: Input) -> Input:
    return replace(found, name=f"{name}, {DEVICES[found.name]}")


def checks_made(case: Case) -> tuple[str, ...]:
    """What was looked at and how it stands, one sentence each."""
    lows = case.lows
    return tuple(
        sentence
        for sentence in (
            f"Glucose below {glucose_text(70)} in 24 hours: {_found(lows.low_in_24_h)}.",
            f"Glucose below {glucose_text(54)} in 7 days: {_found(lows.very_low_in_7_d)}; "
            f"{lows.readings} readings.",
            _time_below(lows),
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
    """Shares of low sensor time with how much of the time they were measured in."""
    metrics = lows.metrics
    if metrics is None or lows.time_below_70_percent is None or lows.time_below_54_percent is None:
        return "Share of time in hypoglycaemia: not known without sensor readings."
    few = (
        "" if metrics.sufficient else f", too little for a report ({SUFFICIENT_ACTIVE_PERCENT:.0f} % needed)"
    )
    return (
        f"Sensor time below {glucose_text(70)} {percent_text(lows.time_below_70_percent)} (limit 4 %), "
        f"below {glucose_text(54)} {percent_text(lows.time_below_54_percent)} (limit 1 %), of readings that "
        f"cover {percent_text(metrics.sensor_active_percent)} of 14 days{few}."
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
    if case.record.completeness.get("encounter") not in WHOLE:
        text = "Whether the patient is in hospital could not be read; the tables are for doses at home."
        missing.append(Reason(ReasonCode.MISSING, "encounter", text))
    return tuple(missing)
