"""A query is as complete as its pages admit: no total, a next link, an outcome among the entries, a short count."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fhir_mappers.to_patient_record import to_patient_record
from models.patient_record import Completeness

ROOT = Path(__file__).resolve().parent.parent
PAGING = (
    Path(os.environ.get("WEARABLE_CDS_SHARED", ROOT.parent / "shared"))
    / "data"
    / "quirks"
    / "paging_cases.json"
)
AS_OF_MS = 1_767_225_600_000


def reading(name: str) -> dict[str, Any]:
    return {"resource": {"resourceType": "Observation", "id": name}}


def outcome(severity: str) -> dict[str, Any]:
    return {"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "x"}]}}


def page(*entries: Any, **members: Any) -> bytes:
    return json.dumps(
        {"resourceType": "Bundle", "type": "searchset", "entry": list(entries)} | members
    ).encode()


def completeness(*pages: bytes, stated: Completeness | None = None) -> Completeness:
    known = {} if stated is None else {"q": stated}
    return to_patient_record("p1", {"q": list(pages)}, as_of_ms=AS_OF_MS, completeness=known).completeness[
        "q"
    ]


NEXT = {"link": [{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]}
DEVICE = {"resource": {"resourceType": "Device", "id": "d"}, "search": {"mode": "include"}}


@pytest.mark.spec("PF2")
@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([page(reading("a"))], "complete"),
        ([page()], "empty"),
        ([b'{"resourceType":"Bundle","type":"searchset"}'], "empty"),
        ([], "empty"),
        ([page(reading("a"), total=1)], "complete"),
        ([page(reading("a"), total=2)], "partial"),
        ([page(reading("a"), total=2), page(reading("b"), total=2)], "complete"),
        ([page(reading("a"), **NEXT)], "partial"),
        ([page(reading("a"), **NEXT), page()], "complete"),
        ([page(reading("a"), DEVICE, total=2)], "partial"),
        ([page(reading("a"), outcome("warning"))], "partial"),
        ([page(reading("a"), outcome("information"))], "complete"),
        ([page(outcome("error"))], "failed"),
        ([json.dumps(outcome("error")["resource"]).encode()], "failed"),
        ([page(reading("a"), total="many")], "complete"),
    ],
)
def test_PF2_F12_a_query_is_as_complete_as_its_pages_admit(pages: list[bytes], expected: str) -> None:
    assert completeness(*pages) == expected


@pytest.mark.parametrize("stated", list(Completeness))
def test_pages_only_ever_lower_what_the_caller_states(stated: Completeness) -> None:
    full = stated in (Completeness.COMPLETE, Completeness.EMPTY)
    assert completeness(page(reading("a")), stated=stated) == (Completeness.COMPLETE if full else stated)
    assert completeness(page(reading("a"), **NEXT), stated=stated) == (
        Completeness.PARTIAL if full else stated
    )


def test_a_query_without_pages_is_what_the_caller_says() -> None:
    record = to_patient_record("p1", {}, as_of_ms=AS_OF_MS, completeness={"labs": Completeness.FAILED})
    assert record.completeness == {"labs": Completeness.FAILED}


def paging_cases() -> list[Any]:
    """The paging cases of the reference data, none where it is absent."""
    found = json.loads(PAGING.read_text())["cases"] if PAGING.is_file() else []
    return [pytest.param(case, id=case["id"]) for case in found]


@pytest.mark.spec("F-12")
@pytest.mark.parametrize("case", paging_cases())
def test_F12_pages_as_servers_send_them_give_their_readings_once(case: dict[str, Any]) -> None:
    bodies = [json.dumps(body).encode() for body in case["pages"].values() if "http_status" not in body]
    record = to_patient_record("p1", {"q": bodies}, as_of_ms=AS_OF_MS)
    series = record.series.get("glucose_cgm")
    found = [series.references[i] for i in series.reference] if series is not None else []
    reachable = [f"Observation/{name}" for name in case["expect_ids"]]
    assert sorted(set(found)) == sorted(found)
    assert set(reachable) <= set(found)
    broken = case.get("expect_flags") or any("http_status" in body for body in case["pages"].values())
    assert (record.completeness["q"] == Completeness.COMPLETE) == (not broken) or case["id"].startswith(
        "foreign"
    )
