"""Laws of the mapper: the fast path is the reference path, order and packing change nothing, nothing crashes it."""

import json
from codecs import BOM_UTF8
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observation_strategies import (
    AS_OF_MS,
    json_values,
    odd_observations,
    plain_observations,
    pressures,
    wild_observations,
)

from fhir_mappers.decode import NotFhir
from fhir_mappers.explain import explain
from fhir_mappers.pace import Pace
from fhir_mappers.points import dropped, points, summary
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import map_pages, record_of, to_patient_record
from models.patient_record import PatientRecord

Resource = dict[str, Any]
MORNING = datetime(2026, 5, 14, tzinfo=UTC)
WALL = "%Y-%m-%dT%H:%M:%S"
records_of = st.lists(odd_observations() | plain_observations() | pressures(), max_size=8)
readings = st.lists(plain_observations() | pressures(), min_size=1, max_size=8)


def bundle(resources: list[Resource]) -> bytes:
    """A searchset of one page."""
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()


def mapped(*bodies: bytes, fast: bool = True, as_of_ms: int = AS_OF_MS, site: Site = Site()) -> PatientRecord:  # noqa: B008
    """The record of p1 from one query."""
    return record_of(map_pages("p1", {"q": list(bodies)}, site, as_of_ms, Pace(fast=fast)))


def told(record: PatientRecord) -> tuple[list[str], list[str], tuple[str, ...]]:
    """All that a record says, in an order of its own."""
    lines = [json.dumps(point, sort_keys=True) for point in points(record)]
    return sorted(lines), sorted(json.dumps(drop) for drop in dropped(record)), record.warnings


@given(records_of)
def test_the_fast_path_gives_what_the_reference_path_gives(resources: list[Resource]) -> None:
    assert told(mapped(bundle(resources))) == told(mapped(bundle(resources), fast=False))


@pytest.mark.spec("PF8")
@given(readings, st.randoms())
def test_PF8_the_order_of_entries_changes_nothing(resources: list[Resource], random: Any) -> None:
    shuffled = [dict(resource) for resource in resources]
    random.shuffle(shuffled)
    assert told(mapped(bundle(shuffled))) == told(mapped(bundle(resources)))


@pytest.mark.spec("F-13")
@given(readings, st.data())
def test_F13_sending_entries_twice_changes_no_point(resources: list[Resource], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(resources), max_size=4))
    assert told(mapped(bundle([*resources, *again])))[0] == told(mapped(bundle(resources)))[0]


@pytest.mark.spec("F-13")
@given(readings, st.integers(0, 8))
def test_F13_where_pages_break_changes_nothing(resources: list[Resource], cut: int) -> None:
    paged = mapped(bundle(resources[:cut]), bundle(resources[cut:]))
    assert told(paged) == told(mapped(bundle(resources)))


@given(readings)
def test_a_bundle_an_array_ndjson_and_a_batch_response_say_the_same(resources: list[Resource]) -> None:
    array = json.dumps(resources).encode()
    ndjson = b"\n".join(json.dumps(resource).encode() for resource in resources)
    nested = bundle(
        [{"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}]
    )
    wanted = told(mapped(bundle(resources)))
    assert told(mapped(array)) == told(mapped(ndjson)) == told(mapped(nested)) == wanted
    assert told(mapped(BOM_UTF8 + array)) == told(mapped(BOM_UTF8 + ndjson)) == wanted


@pytest.mark.spec("H-03")
@given(st.lists(st.integers(45, 395), min_size=1, max_size=20, unique=True))
def test_H03_mass_and_moles_of_the_same_glucose_are_the_same_value(readings_mgdl: list[int]) -> None:
    def series(code: str, unit: str, per_unit: float) -> list[float]:
        made = [reading(f"g{i}", code, v / per_unit, unit, i) for i, v in enumerate(readings_mgdl)]
        return mapped(bundle(made)).series["glucose_cgm"].value.tolist()

    assert series("105272-9", "mmol/L", 18.0156) == pytest.approx(series("99504-3", "mg/dL", 1.0))


def reading(name: str, code: str, value: float, unit: str, position: int, offset: str = "Z") -> Resource:
    """A glucose reading, five minutes after the one before."""
    at = MORNING + timedelta(minutes=5 * position)
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at.strftime(WALL) + offset,
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
    }


@pytest.mark.spec("H-11")
@given(st.lists(st.integers(45, 395), min_size=1, max_size=20), st.sampled_from([-720, -210, 60, 345, 840]))
def test_H11_the_zone_in_which_a_time_is_written_changes_no_instant(values: list[int], minutes: int) -> None:
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    in_zone = []
    for i, value in enumerate(values):
        at = MORNING + timedelta(minutes=5 * i + minutes)
        written = f"{at.strftime(WALL)}{sign}{size // 60:02d}:{size % 60:02d}"
        in_zone.append(reading(f"g{i}", "99504-3", value, "mg/dL", i) | {"effectiveDateTime": written})
    in_utc = [reading(f"g{i}", "99504-3", value, "mg/dL", i) for i, value in enumerate(values)]
    here, there = (mapped(bundle(made)).series["glucose_cgm"] for made in (in_zone, in_utc))
    assert here.at_ms.tolist() == there.at_ms.tolist() and here.value.tolist() == there.value.tolist()


@given(readings, st.integers(-300_000, 300_000))
def test_shifting_all_times_and_now_together_shifts_all_points(
    resources: list[Resource], seconds: int
) -> None:
    def shifted(resource: Resource) -> Resource:
        text = resource["effectiveDateTime"]
        if len(text) < 20:
            return resource | {"status": "cancelled"}
        wall = datetime.fromisoformat(text[:19]) + timedelta(seconds=seconds)
        return resource | {"effectiveDateTime": wall.isoformat() + text[19:]}

    unmoved = [r | {"status": "cancelled"} if len(r["effectiveDateTime"]) < 20 else r for r in resources]
    before, after = (
        mapped(bundle(unmoved)),
        mapped(bundle([shifted(r) for r in resources]), as_of_ms=AS_OF_MS + seconds * 1000),
    )
    assert before.rejected.keys() == after.rejected.keys()
    assert before.series.keys() == after.series.keys()
    for signal, series in before.series.items():
        moved = after.series[signal]
        assert (moved.at_ms - seconds * 1000).tolist() == series.at_ms.tolist()
        assert moved.value.tolist() == series.value.tolist()


@pytest.mark.spec("H-06")
@given(readings)
def test_H06_every_resource_is_either_used_or_dropped_with_a_reason(resources: list[Resource]) -> None:
    record = mapped(bundle(resources))
    used = {point["reference"] for point in points(record)}
    lost = {drop["reference"] for drop in dropped(record)}
    assert used | lost == {f"Observation/{resource['id']}" for resource in resources}
    assert not any(p["reference"] in used for p in dropped(record) if p["reason"] == "wrong_patient")


@given(st.lists(wild_observations(), max_size=5), json_values)
def test_no_member_of_any_type_makes_the_mapper_raise(resources: list[Resource], junk: Any) -> None:
    entries = [*({"resource": r} for r in resources), junk, {"resource": junk}]
    parameters = {"resourceType": "Parameters", "parameter": [*entries, {"part": entries}, {"part": junk}]}
    report = {"resourceType": "DiagnosticReport", "contained": [*resources, junk], "result": junk}
    linked = report | {"result": [{"reference": f"#{resource.get('id')}"} for resource in resources]}
    held = [{"resource": resource} for resource in (parameters, report, linked)]
    body = json.dumps({"resourceType": "Bundle", "entry": [*entries, *held]})
    record = mapped(body.encode())
    assert told(record) == told(mapped(body.encode(), fast=False))
    assert summary(record)["patient"] == "p1"
    assert explain("p1", {"q": [body.encode()]}, as_of_ms=AS_OF_MS, site=Site())["patient"] == "p1"


@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()))
def test_bytes_that_are_no_fhir_raise_the_one_error_that_says_so(body: bytes) -> None:
    try:
        record = to_patient_record("p1", {"q": [body]}, as_of_ms=AS_OF_MS)
    except NotFhir:
        return
    assert not record.series


@pytest.mark.spec("B-04")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b"{",
        b'{"resourceType":"Bundle","entry":[NaN]}',
        b"\xef\xbb\xbf{}",
        '{"resourceType":"Bundle"}'.encode("utf-16"),
        b'{"resourceType":"Bundle","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"no":"type"}',
    ],
    ids=range(10),
)
def test_B04_broken_numbers_encodings_and_nesting_are_refused(body: bytes) -> None:
    with pytest.raises(NotFhir):
        to_patient_record("p1", {"q": [body]}, as_of_ms=AS_OF_MS)


def test_a_number_beyond_all_floats_costs_only_its_own_entry() -> None:
    good = json.dumps(reading("good", "99504-3", 120, "mg/dL", 0))
    huge = json.dumps(reading("huge", "99504-3", 120, "mg/dL", 1)).replace('"value": 120', '"value": 1e400')
    long = json.dumps(reading("long", "99504-3", 120, "mg/dL", 2)).replace(
        '"value": 120', '"value": 1' + "0" * 4000
    )
    record = mapped(f"[{good},{huge},{long}]".encode())
    assert record.series["glucose_cgm"].value.tolist() == [120]
    assert sum(rejection.count for rejection in record.rejected.values()) == 2
