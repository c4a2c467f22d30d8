"""Copies, corrections, second streams and second sensors leave one reading; nothing else is lost."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers import deduplicate as deduplication
from fhir_mappers.columns import Books, columns_of
from fhir_mappers.deduplicate import deduplicate, interval_ms
from fhir_mappers.points import points
from fhir_mappers.row import Row
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import to_patient_record
from models.patient_record import PatientRecord

START = datetime(2026, 5, 1, tzinfo=UTC)
AS_OF_MS = int(datetime(2026, 5, 15, tzinfo=UTC).timestamp() * 1000)


def reading(name: str, seconds: float, value: float, device: str = "A", **members: Any) -> dict[str, Any]:
    """A CGM reading some seconds after the start."""
    at = START + timedelta(seconds=seconds)
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "99504-3"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "valueQuantity": {"value": value, "unit": "mg/dL", "code": "mg/dL"},
        "device": {"display": device},
    } | members


def stream(
    device: str, count: int, every_s: float = 300, first_s: float = 0, value: float = 120
) -> list[dict[str, Any]]:
    """A regular stream of one device."""
    return [reading(f"{device}{i}", first_s + i * every_s, value + i % 7, device) for i in range(count)]


def mapped(resources: list[dict[str, Any]], **site: Any) -> PatientRecord:
    return to_patient_record(
        "p1", {"q": [json.dumps(resources).encode()]}, as_of_ms=AS_OF_MS, site=Site(**site)
    )


def glucose(resources: list[dict[str, Any]], **site: Any) -> list[dict[str, Any]]:
    return [p for p in points(mapped(resources, **site)) if p["signal"] == "glucose_cgm"]


@pytest.mark.spec("H-10")
@given(st.integers(2, 60), st.floats(0.001, 29), st.sampled_from(["A", "B"]))
def test_H10_a_second_copy_of_a_stream_adds_no_reading(count: int, late_s: float, device: str) -> None:
    once = stream("A", count)
    again = [reading(f"copy{i}", i * 300 + late_s, 120 + i % 7, device) for i in range(count)]
    assert len(glucose([*once, *again])) == count


@pytest.mark.spec("H-10")
def test_H10_two_weeks_of_one_source_do_not_become_four_by_a_cloud_copy() -> None:
    week = stream("sensor", 7 * 288)
    cloud = [reading(f"c{i}", i * 300 + 4, 120 + i % 7, "cloud") for i in range(7 * 288)]
    found = glucose([*week, *cloud])
    assert len({p["at"][:16] for p in found}) == len(found) == 7 * 288


@pytest.mark.spec("H-10")
@pytest.mark.parametrize(
    ("first", "second", "conflict"), [(120, 139, False), (120, 141, True), (60, 71, False), (60, 73, True)]
)
def test_H10_sources_that_differ_by_more_than_20_percent_or_20_mgdl_conflict(
    first: int, second: int, conflict: bool
) -> None:
    found = glucose([reading("a", 0, first, "A"), reading("b", 2, second, "B")], preferred_sources=("A",))
    assert [p["value"] for p in found] == [first]
    assert ("source_conflict" in found[0]["flags"]) == conflict


@pytest.mark.spec("H-10")
def test_H10_the_preferred_source_wins_and_the_other_fills_its_gaps() -> None:
    preferred = [r for i, r in enumerate(stream("good", 12)) if i not in (5, 6)]
    found = glucose([*preferred, *stream("other", 12, first_s=3, value=130)], preferred_sources=("good",))
    assert len(found) == 12
    assert [p["reference"] for p in found[5:7]] == ["Observation/other5", "Observation/other6"]


def test_without_preference_the_longer_stream_wins_then_the_newer_sensor() -> None:
    short, long = stream("S", 6, first_s=150), stream("L", 12)
    assert {p["reference"][12] for p in glucose([*short, *long])[:6]} == {"L"}
    old, new = stream("A", 6), stream("B", 6, first_s=150)
    assert {p["reference"][12] for p in glucose([*old, *new])} == {"B"}


def test_a_one_minute_stream_keeps_every_minute() -> None:
    assert len(glucose(stream("fast", 120, every_s=60))) == 120


def test_a_sensor_change_keeps_both_streams_whole() -> None:
    first, second = stream("A", 20), stream("B", 20, first_s=20 * 300 + 7200)
    assert len(glucose([*first, *second])) == 40


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(60, 300), st.sampled_from("AB")), max_size=30),
    st.randoms(),
)
def test_the_order_of_arrival_decides_nothing(made: list[tuple[int, int, str]], random: Any) -> None:
    resources = [reading(f"r{i}", s, v, d) for i, (s, v, d) in enumerate(made)]
    shuffled = list(resources)
    random.shuffle(shuffled)
    assert glucose(shuffled) == glucose(resources)


@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(60, 300), st.sampled_from("AB")), min_size=1, max_size=30
    )
)
def test_at_no_instant_are_two_readings_left(
    made: list[tuple[int, int, str]],
) -> None:
    series = mapped([reading(f"r{i}", s, v, d) for i, (s, v, d) in enumerate(made)]).series["glucose_cgm"]
    assert len(series) >= 1
    assert (np.diff(series.at_ms) > 0).all()


@pytest.mark.spec("F-13")
@given(st.permutations([1, 2, 3]))
def test_F13_of_three_versions_of_one_id_the_newest_counts(order: list[int]) -> None:
    versions = {
        n: reading("x", 0, 100 + n, meta={"lastUpdated": f"2026-05-0{n}T00:00:00Z"}) for n in (1, 2, 3)
    }
    record = mapped([versions[n] for n in order])
    assert record.series["glucose_cgm"].value.tolist() == [103]
    assert record.rejected["superseded"].count == 2


@pytest.mark.spec("F-13")
def test_F13_versions_without_dates_go_by_number_and_a_retraction_before_a_result() -> None:
    numbered = [reading("x", 0, 100 + n, meta={"versionId": str(n)}) for n in (9, 10)]
    assert mapped(numbered).series["glucose_cgm"].value.tolist() == [110]
    retracted = [reading("x", 0, 100), reading("x", 0, 100, status="entered-in-error")]
    for order in (retracted, retracted[::-1]):
        assert not mapped(order).series


@pytest.mark.parametrize(
    ("steps_s", "expected_s"),
    [([], 300), ([60, 60, 300], 60), ([9, 291, 9, 291], 300), ([300, 900], 300), ([3600], 900)],
)
def test_the_step_of_a_stream_is_its_commonest_one_copies_aside(steps_s: list[int], expected_s: int) -> None:
    at_ms = np.cumsum([0, *steps_s]) * 1000
    assert interval_ms(at_ms) == expected_s * 1000


def meter(number: int, at_ms: int = 0, value: float = 1.0, censored: int = 0, unit: str = "mg/dL") -> Row:
    """A reading of a signal of one source, by a number that no other has."""
    return Row("glucose_smbg", value, "mg/dL", at_ms, at_ms, value, unit, f"o{number:05}", censored=censored)


def left_of(rows: list[Row]) -> list[str]:
    """References of the readings that stay where all were uploaded at once."""
    books = Books()
    found = deduplicate(columns_of(rows, books), books, lambda _: 0, Site())
    assert {reason for _, reason in found.lost} <= {"duplicate"}
    return [books.references[reference] for reference in found.columns.reference.tolist()]


def _says_the_same(one: Row, other: Row) -> bool:
    said = ("at_ms", "native_value", "native_unit", "value", "censored")
    return all(getattr(one, name) == getattr(other, name) for name in said)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([1.0, 2.0, 0.0, -0.0, float("nan")]),
            st.sampled_from([0, 0, 1]),
            st.sampled_from(["mg/dL", "mmol/L"]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_is_called_a_duplicate_is_what_comparing_each_with_all_calls_one(
    made: list[tuple[int, float, int, str]],
) -> None:
    rows, kept = [meter(number, *each) for number, each in enumerate(made)], list[Row]()
    for row in rows:
        kept += [] if any(_says_the_same(row, other) for other in kept) else [row]
    assert sorted(left_of(rows)) == [row.reference for row in kept]


@pytest.mark.spec("B-07")
def test_of_thousands_of_readings_at_one_instant_each_is_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = []
    said = deduplication._said
    monkeypatch.setattr(
        deduplication, "_said", lambda columns, row: looked_at.append(row) or said(columns, row)
    )
    assert len(left_of([meter(number, value=float(number)) for number in range(2_000)])) == 2_000
    assert sorted(looked_at) == list(range(2_000))
