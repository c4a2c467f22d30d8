"""Every quirk and duplicate case of the reference data, and our own for the rules they leave open, exactly."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir_mappers.points import dropped, points
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import to_patient_record
from models.patient_record import PatientRecord
from models.time_series import UNKNOWN_OFFSET
from models.units import round_native

ROOT = Path(__file__).resolve().parent.parent
QUIRKS = Path(os.environ.get("WEARABLE_CDS_SHARED", ROOT.parent / "shared")) / "data" / "quirks"
OWN = ROOT / "tests" / "golden" / "mapper"
AS_OF_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
LOCAL_HOUR_UNKNOWN = {"local_time_unknown"}
"""Follows from every time with Z where no zone is known; the cases name it only where it is their subject."""

ORDER_KEYS = {
    "ingredient",
    "kind",
    "concentration",
    "dose_units",
    "dose_range",
    "per_day",
    "total_daily",
    "when",
    "text",
}


def cases(path: Path) -> list[Any]:
    """The cases of one file, none where the reference data is absent."""
    found = json.loads(path.read_text())["cases"] if path.is_file() else []
    return [pytest.param(case, id=case["id"]) for case in found]


def mapped(resources: Any, **site: Any) -> PatientRecord:
    """The record of the patient of all cases."""
    return to_patient_record(
        "p1", {"case": [json.dumps(resources).encode()]}, as_of_ms=AS_OF_MS, site=Site(**site)
    )


def utc(printed: str | None) -> str | None:
    """A printed time as the cases write it: offset spelled out, fractions in microseconds."""
    if printed is None or "T" not in printed:
        return printed
    return datetime.fromisoformat(printed.replace("Z", "+00:00")).isoformat()


def as_expected(point: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """A point in the words of the case that expects it, rounded to the digits that the case gives."""
    in_native = expected.get("unit") == point["native_unit"] != point["unit"]
    value = point["native_value"] if in_native else point["value"]
    digits = len(str(expected.get("value", "")).partition(".")[2])
    seen = {
        "metric": point["signal"],
        "value": round(value, digits) if isinstance(value, float) else value,
        "unit": point["native_unit"] if in_native else point["unit"],
        "time": utc(point["until"] or point["at"]),
        "start": utc(point["at"]),
        "censored": point["censored"],
        "mgdl": round(point["value"], 1) if point["unit"] == "mg/dL" else None,
        "band": band(point),
        "limit": {"<": 40, ">": 400, None: None}[point["censored"]],
    }
    seen |= {key: list(v) if isinstance(v, tuple) else v for key, v in point.items() if key in ORDER_KEYS}
    return {key: seen[key] for key in expected if key != "local_hour"}


def band(point: dict[str, Any]) -> str | None:
    """The glucose band by the number as the device showed it."""
    if point["native_unit"] != "mmol/L":
        return None
    shown = round_native(point["native_value"], "mmol/L")
    return "in_range" if 3.9 <= shown <= 10.0 else "outside"


@pytest.mark.spec("F-16", "F-17", "PF9", "H-03", "Q12", "Q17", "Q25", "Q55")
@pytest.mark.parametrize("case", cases(QUIRKS / "quirk_cases.json"))
def test_F16_F17_PF9_H03_a_quirk_gives_exactly_the_expected_points_drops_and_flags(
    case: dict[str, Any],
) -> None:
    record = mapped(case["input"])
    expect = case["expect"]
    found, lost = list(points(record)), list(dropped(record))
    wanted = sorted(expect["points"], key=lambda p: (p["metric"], p.get("time", "")))
    assert len(found) == len(wanted)
    assert [as_expected(p, w) for p, w in zip(found, wanted, strict=True)] == [
        {k: v for k, v in w.items() if k != "local_hour"} for w in wanted
    ]
    assert [drop["reason"] for drop in lost] == ([expect["drop_reason"]] if expect["drop_reason"] else [])
    flags = {flag for one in [*found, *lost] for flag in one.get("flags", [])}
    subject = LOCAL_HOUR_UNKNOWN & set(expect["flags"])
    assert flags - (LOCAL_HOUR_UNKNOWN - subject) == set(expect["flags"])


@pytest.mark.spec("H-11")
@pytest.mark.parametrize("case", [c for c in cases(QUIRKS / "quirk_cases.json") if c.id == "time-offset"])
def test_H11_the_local_hour_that_the_device_stated_is_kept(case: dict[str, Any]) -> None:
    series = mapped(case["input"]).series["glucose_cgm"]
    assert series.offset_min is not None and series.offset_min[0] != UNKNOWN_OFFSET
    local = datetime.fromtimestamp(series.at_ms[0] / 1000, UTC) + timedelta(minutes=int(series.offset_min[0]))
    assert local.hour == case["expect"]["points"][0]["local_hour"]


@pytest.mark.spec("F-13", "H-10", "PF8")
@pytest.mark.parametrize(
    "case", [c for c in cases(QUIRKS / "duplicate_cases.json") if isinstance(c.values[0]["input"], list)]
)
def test_F13_H10_PF8_copies_and_second_streams_count_once(case: dict[str, Any]) -> None:
    record = mapped(case["input"])
    found = list(points(record))
    assert len(found) == case["expect_count"]
    assert len(found) + len(list(dropped(record))) == len(case["input"])
    assert {flag for p in found for flag in p["flags"]} - LOCAL_HOUR_UNKNOWN == set(
        case.get("expect_flags", [])
    )


@pytest.mark.spec("Q43")
def test_Q43_meter_readings_that_repeat_the_sensor_within_half_a_second_are_dropped_as_copies() -> None:
    def reading(name: str, code: str, minute: int, fraction: str) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": f"2024-05-02T10:{minute:02d}:00{fraction}Z",
            "valueQuantity": {"value": 100 + minute, "unit": "mg/dL", "code": "mg/dL"},
        }

    sensor = [reading(f"s{i}", "99504-3", 5 * i, "") for i in range(11)]
    copies = [reading(f"m{i}", "41653-7", 5 * i, ".400") for i in range(11)]
    record = mapped([*sensor, *copies, reading("own", "41653-7", 7, "")])
    assert len(record.series["glucose_cgm"]) == 11
    assert [p["reference"] for p in points(record) if p["signal"] == "glucose_smbg"] == ["Observation/own"]
    assert record.rejected["smbg_copy_of_cgm"].count == 11


def own_cases() -> list[Any]:
    """Our own cases of all files, named by file and case."""
    return [
        pytest.param(case, id=f"{path.stem}:{case['id']}")
        for path in sorted(OWN.glob("*.json"))
        for case in json.loads(path.read_text())["cases"]
    ]


@pytest.mark.parametrize("case", own_cases())
def test_a_rule_without_a_shared_case_holds_exactly(case: dict[str, Any]) -> None:
    record = mapped(case["input"], **case.get("site", {}))
    found = [{key: p[key] for key in case["keys"]} for p in points(record)]
    assert found == case["points"]
    assert [[d["reference"], d["reason"]] for d in dropped(record)] == case["dropped"]
    assert list(record.warnings) == case.get("warnings", [])
