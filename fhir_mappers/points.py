"""A record as lines that anybody can check against a site's export: every point, every drop, a summary.

Sits at the end of the mapping, for the command line and the golden tests.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fhir_mappers.observed_time import PRECISION_MARKS
from models.patient_record import InsulinOrder, PatientRecord
from models.time_series import TimeSeries

CENSORED: Final = {-1: "<", 0: None, 1: ">"}
DATE_FORMS: Final = {"to_day": "%Y-%m-%d", "to_month": "%Y-%m", "to_year": "%Y"}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def points(record: PatientRecord) -> Iterator[dict[str, Any]]:
    """One dict per point, by signal and time; insulin orders come last.

    `value` is in the signal's own `unit`, glucose in mg/dL (factor 18.0156) with the reported number and
    unit beside it. `at` and `until` are UTC, or the bare date where only a date is known; `until` is null
    for a point. `censored` is `<`, `>` or null. A coded value is its word.
    """
    for series in record.series.values():
        yield from _points_of(series, record.zone)
    for order in record.insulin_orders:
        yield _order_point(order)


def _points_of(series: TimeSeries, zone: str | None) -> Iterator[dict[str, Any]]:
    for row in range(len(series)):
        flags = series.flag_sets[series.flags[row]]
        at_ms, until_ms = int(series.at_ms[row]), int(series.until_ms[row])
        value = _word_or_number(series, row)
        yield {
            "signal": series.signal,
            "value": value,
            "unit": series.unit,
            "at": printed_time(at_ms, flags, zone),
            "until": None if until_ms == at_ms else printed_time(until_ms, flags, zone, is_end=True),
            "native_value": value if series.unit == "code" else float(series.native_value[row]),
            "native_unit": series.native_units[series.native_unit[row]],
            "censored": CENSORED[int(series.censored[row])],
            "flags": sorted(flags - PRECISION_MARKS),
            "reference": series.references[int(series.reference[row])],
        }


def _word_or_number(series: TimeSeries, row: int) -> str | float:
    value = float(series.value[row])
    return series.labels[int(value)] if series.unit == "code" else value


def printed_time(at_ms: int, flags: frozenset[str], zone: str | None, is_end: bool = False) -> str:
    """UTC with Z, or the local date, month or year where no more is known; an end is the last day covered."""
    at = EPOCH + timedelta(milliseconds=at_ms)
    for mark in sorted(flags & PRECISION_MARKS):
        local = (at - timedelta(milliseconds=1 if is_end else 0)).astimezone(ZoneInfo(zone or "UTC"))
        return local.strftime(DATE_FORMS[mark])
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def _order_point(order: InsulinOrder) -> dict[str, Any]:
    """An insulin order in the same keys, and with what only orders have."""
    start_ms = order.start_ms if order.start_ms is not None else order.authored_ms
    flags = [
        name
        for name, holds in (
            ("dose_is_range", order.dose_range_u is not None),
            ("dose_text_only", order.dose_u is None and order.dose_range_u is None),
            ("as_needed", order.as_needed),
        )
        if holds
    ]
    return {
        "signal": "insulin_order",
        "value": order.dose_u,
        "unit": "[iU]",
        "at": None if start_ms is None else printed_time(start_ms, frozenset(), None),
        "until": None if order.end_ms is None else printed_time(order.end_ms, frozenset(), None),
        "native_value": order.dose_u,
        "native_unit": "[iU]",
        "censored": None,
        "flags": flags,
        "reference": order.reference,
        "ingredient": order.product.ingredient,
        "kind": order.product.kind,
        "concentration": order.product.units_per_ml,
        "dose_units": order.dose_u,
        "dose_range": order.dose_range_u,
        "per_day": order.doses_per_day,
        "total_daily": order.daily_dose_u,
        "when": list(order.when),
        "text": order.instruction_text,
    }


def dropped(record: PatientRecord) -> Iterator[dict[str, Any]]:
    """One dict per dropped resource, by reason; with flags where there is more to say."""
    for reason, rejection in record.rejected.items():
        for reference in rejection.references:
            flags = rejection.flags.get(reference)
            yield {"reference": reference, "reason": reason} | ({"flags": sorted(flags)} if flags else {})


def summary(record: PatientRecord) -> dict[str, Any]:
    """Signals with counts, first and last; what was dropped by reason; completeness and warnings."""
    signals = {
        name: {
            "count": len(series),
            "unit": series.unit,
            "first": printed_time(int(series.at_ms[0]), frozenset(), None),
            "last": printed_time(int(series.at_ms[-1]), frozenset(), None),
        }
        for name, series in record.series.items()
    }
    return {
        "patient": record.patient_id,
        "zone": record.zone,
        "signals": signals,
        "insulin_orders": len(record.insulin_orders),
        "dropped": {reason: rejection.count for reason, rejection in record.rejected.items()},
        "completeness": dict(record.completeness),
        "warnings": list(record.warnings),
    }
