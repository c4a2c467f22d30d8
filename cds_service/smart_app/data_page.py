"""The page on data: what arrived, what was used, what was dropped and why, and which codes nobody knows.

One of the pages in `routes`; the counts are those of `fhir_mappers.explain`.
"""

from collections.abc import Mapping
from typing import Any, Final

from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.wording import Table, clock_words
from fhir_mappers.explain import explain
from hooks import needs, wording

WANTED: Final = (
    needs.CGM, needs.FINGERSTICKS, needs.DIARY, needs.MEDICATIONS, needs.PAST_MEDICATIONS,
    needs.INSULIN_GIVEN, needs.WEIGHT, needs.RENAL, needs.HBA1C, needs.VITAL_SIGNS, needs.ACTIVITY,
)  # fmt: skip


def view(reader: Reader, _: Mapping[str, str]) -> tuple[Chart, dict[str, Any]]:
    """The page as of now: everything that any page or service would ask for."""
    chart = reader.read(*WANTED)
    with reader.turn:
        found = explain(
            chart.record.patient_id, chart.gathered.pages, as_of_ms=chart.as_of_ms, site=chart.site
        )
    return chart, {
        "queries": _queries(chart),
        "signals": _signals(chart),
        "arrived": _arrived(found),
        "dropped": _dropped(chart),
        "warnings": found["warnings"],
        "clock": clock_words(chart),
    }


def _queries(chart: Chart) -> Table:
    purpose = {need.key: need.purpose for need in (needs.PATIENT, needs.CONDITIONS, *WANTED)}
    rows = [
        (key.replace("-", " "), str(state).replace("_", " "), purpose.get(key, ""))
        for key, state in chart.record.completeness.items()
    ]
    return Table("What was asked for", ("Data", "How complete", "What for"), rows)


def _signals(chart: Chart) -> Table:
    rows = [
        (
            name.replace("_", " "),
            f"{len(series):,}",
            PRINTED_UNITS.get(series.unit, series.unit),
            wording.moment(int(series.at_ms[0]), chart.zone),
            wording.moment(int(series.at_ms[-1]), chart.zone),
        )
        for name, series in sorted(chart.record.series.items())
        if len(series)
    ]
    return Table("Signals used", ("Signal", "Values", "Unit", "First", "Last"), rows)


PRINTED_UNITS: Final = {"[iU]": "units", "mm[Hg]": "mmHg", "Cel": "°C", "mL/min/{1.73_m2}": "mL/min/1.73 m²"}


def _arrived(found: dict[str, Any]) -> Table:
    rows = [
        (
            f"{line['type']} {_code_words(line['code'])}".strip(),
            f"{line['arrived']:,}",
            f"{line['used']:,}",
            f"{line['not_read']:,}",
            ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in line["dropped"].items())
            or "none",
        )
        for line in found["arrived"]
    ]
    return Table(
        "Resources by type and code", ("Type and code", "Arrived", "Used", "Not read", "Dropped"), rows
    )


def _code_words(code: str) -> str:
    """A code with the name of its system, where that has one."""
    for address, name in SYSTEMS.items():
        code = code.replace(f"{address}|", f"{name} ")
    return code


SYSTEMS: Final = {"http://loinc.org": "LOINC", "http://snomed.info/sct": "SNOMED CT"}


def _dropped(chart: Chart) -> Table:
    """Reasons with a few references, so that somebody can look them up in the record."""
    rows = [
        (reason.replace("_", " "), f"{rejection.count:,}", ", ".join(rejection.references[:SHOWN_REFERENCES]))
        for reason, rejection in sorted(chart.record.rejected.items(), key=lambda item: -item[1].count)
    ]
    return Table("Dropped, by reason", ("Reason", "Resources", f"The first {SHOWN_REFERENCES}"), rows)


SHOWN_REFERENCES: Final = 3
