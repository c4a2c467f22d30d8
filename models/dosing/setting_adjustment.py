"""Type 1 settings: from a patient record to ranked changes, "no change" among them, or why there are none.

The top of the setting models; `hooks.setting_adjustment` puts its answer into words.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models import signals
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode, Refused
from models.dosing.day_columns import recorded_days
from models.dosing.dosing_inputs import read_inputs
from models.dosing.insulin_habits import Habit, find_habits
from models.dosing.personal_fit import PersonalFit, fit_person
from models.dosing.recent_lows import RecentLows, recent_lows
from models.dosing.recorded_days import RecordedDays
from models.dosing.setting_actions import NO_CHANGE
from models.dosing.setting_advice import (
    SettingAdvice,
    choose_options,
    habits_come_first,
    shares_now,
    unwanted_changes,
)
from models.dosing.setting_features import TherapyRecord, setting_features
from models.dosing.setting_guards import lows_forbid_more_insulin
from models.dosing.setting_population import setting_reasons
from models.dosing.therapy import Therapy
from models.dosing.therapy_in_use import days_of_one_programme, therapy_in_use
from models.dosing.value_of_action import contributions, packaged_model
from models.features.local_time import zone_of
from models.patient_record import PatientRecord

MODEL: Final = "setting-adjustment"
VERSION: Final = "1.0.0"

LOW_NOW, VERY_LOW_NOW = "low_now", "very_low_now"
NEWEST_WITHIN_H: Final = 24
"""Advice on settings looks at weeks; a sensor silent for longer than a day may hide what happened since."""

HOUR_MS: Final = 3_600_000
REFUSING: Final = frozenset({ReasonCode.OUT_OF_POPULATION, ReasonCode.UNSAFE, ReasonCode.CONFLICT})

Answer = Assessment[SettingAdvice] | NotAssessed | Refused


def assess(record: PatientRecord, as_of_ms: int, zone: str | None) -> Answer:
    """The advice, or every reason of the first step that failed."""
    lows = recent_lows(record, as_of_ms)
    if lows.low_now:
        return _without(as_of_ms, (_low_reason(lows),))
    reasons = (*setting_reasons(record, as_of_ms, zone), *_glucose_reasons(lows, as_of_ms))
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return _without(as_of_ms, (*reasons, clock))
    days = days_of(record, as_of_ms, clock)
    if reasons or isinstance(days, Reason):
        return _without(as_of_ms, (*reasons, *([days] if isinstance(days, Reason) else [])))
    therapy, fit = therapy_in_use(days), fit_person(days)
    failed = tuple(found for found in (therapy, fit) if isinstance(found, Reason))
    if isinstance(therapy, Reason) or isinstance(fit, Reason):
        return _without(as_of_ms, failed)
    return _advice(record, as_of_ms, lows, _Read(days, therapy, fit))


def habits_of(record: PatientRecord, as_of_ms: int, zone: str | None) -> tuple[Habit, ...]:
    """The findings on boluses and lows alone, for a record that gives no advice."""
    clock = zone_of(zone)
    days = clock if isinstance(clock, Reason) else days_of(record, as_of_ms, clock)
    return () if isinstance(days, Reason) else find_habits(days)


def days_of(record: PatientRecord, as_of_ms: int, zone: ZoneInfo) -> RecordedDays | Reason:
    """The whole days since basal was last changed, or why they cannot be used."""
    days = recorded_days(record, as_of_ms, zone)
    return days if isinstance(days, Reason) else days_of_one_programme(days)


def _without(as_of_ms: int, reasons: tuple[Reason, ...]) -> NotAssessed | Refused:
    """Refused where one reason forbids an answer, else not assessed; what forbids comes first."""
    ordered = tuple(sorted(reasons, key=lambda reason: reason.code not in REFUSING))
    kind = Refused if ordered[0].code in REFUSING else NotAssessed
    return kind(MODEL, VERSION, as_of_ms, ordered)


def _low_reason(lows: RecentLows) -> Reason:
    if lows.very_low_now:
        text = "Glucose is below 54 mg/dL (3.0 mmol/L) now."
        return Reason(ReasonCode.UNSAFE, VERY_LOW_NOW, text)
    return Reason(ReasonCode.UNSAFE, LOW_NOW, "Glucose is below 70 mg/dL (3.9 mmol/L) now.")


def _glucose_reasons(lows: RecentLows, as_of_ms: int) -> tuple[Reason, ...]:
    metrics = lows.metrics
    if metrics is None or metrics.newest_ms is None:
        text = "No sensor glucose of the last 14 days is on record."
        return (Reason(ReasonCode.MISSING, signals.GLUCOSE_CGM, text),)
    found = []
    if metrics.why_not is not None:
        text = f"{metrics.why_not[0].upper()}{metrics.why_not[1:]}."
        found.append(Reason(ReasonCode.SPARSE, signals.GLUCOSE_CGM, text))
    if as_of_ms - metrics.newest_ms > NEWEST_WITHIN_H * HOUR_MS:
        text = f"The newest sensor reading is more than {NEWEST_WITHIN_H} hours old."
        found.append(Reason(ReasonCode.STALE, signals.GLUCOSE_CGM, text))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read from the recorded days."""

    days: RecordedDays
    therapy: Therapy
    fit: PersonalFit


def _advice(record: PatientRecord, as_of_ms: int, lows: RecentLows, read: _Read) -> Answer:
    days, therapy, fit = read.days, read.therapy, read.fit
    measured = read_inputs(record, as_of_ms)
    if isinstance(measured, tuple):
        return _without(as_of_ms, measured)
    model, features = packaged_model(), _features(days, therapy, measured.weight_kg)
    lacking = [name for name in model.features if not np.isfinite(features[name])]
    if lacking:
        text = f"The records leave out what the model looks at ({lacking[0].replace('_', ' ')})."
        return _without(as_of_ms, (Reason(ReasonCode.SPARSE, "features", text),))
    habits, by_pump = find_habits(days), _by_pump(record)
    only_reductions = _only_reductions(features, lows, habits)
    unwanted, crossed_out = unwanted_changes(fit, therapy, by_pump, features)
    options = choose_options(model, features, bool(only_reductions), unwanted)
    advice = SettingAdvice(
        options=options,
        only_reductions=only_reductions,
        crossed_out=crossed_out,
        days=days,
        therapy=therapy,
        by_pump=by_pump,
        fit=fit,
        habits=habits,
        now=shares_now(days),
        features=features,
    )
    worth_saying = options[0].change != NO_CHANGE or bool(habits)
    newest = (lows.newest,) if lows.newest is not None else ()
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if worth_saying else Outcome.ASSESSED_NEGATIVE,
        result=advice,
        contributions=contributions(model, features, options[0].change),
        limits=only_reductions,
        inputs=(*newest, measured.weight, measured.egfr),
        details={name: advice.now[name] for name in ("tir", "tbr", "gri")},
    )


def _only_reductions(
    features: dict[str, float], lows: RecentLows, habits: tuple[Habit, ...]
) -> tuple[str, ...]:
    """What forbids more insulin: lows on record (hazard H-02), or boluses missed too often."""
    many = lows_forbid_more_insulin(np.array([features["tbr"]]), np.array([features["tbr54"]]))[0]
    found = {
        "time_below_range": bool(many) or lows.time_below_over_target,
        "low_within_24_h": lows.low_in_24_h is not None,
        "very_low_within_7_d": lows.very_low_in_7_d is not None,
        "habits": habits_come_first(habits),
    }
    return tuple(name for name, holds in found.items() if holds)


def _features(days: RecordedDays, therapy: Therapy, weight_kg: float) -> dict[str, float]:
    columns = (days.cgm_mgdl[None], days.basal_u[None], days.bolus_u[None], days.carbs_g[None])
    found = setting_features(TherapyRecord(*columns, therapy, np.array([weight_kg])))
    return {name: float(value[0]) for name, value in found.items()}


def _by_pump(record: PatientRecord) -> bool:
    basal = record.series.get(signals.INSULIN_BASAL)
    return basal is not None and bool((basal.until_ms > basal.at_ms).any())
