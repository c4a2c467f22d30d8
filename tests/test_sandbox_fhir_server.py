"""The sandbox's FHIR server over HTTP: searches, paging, writes and access."""

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_ehr import LOINC, ORIGIN, SandboxEhr, new_ehr

from cds_service.sandbox.app import DATABASE
from cds_service.sandbox.cursor import Cursors
from cds_service.sandbox.fhir_dates import parse_range
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage
from hooks.errors import BadRequest


def glucose(identity: str, at: str, code: str = "99504-3", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": "Patient/a"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": 110, "unit": "mg/dL"},
        **more,
    }


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[SandboxEhr]:
    made = new_ehr(tmp_path)
    for resource in (
        {"resourceType": "Patient", "id": "a", "birthDate": "1980-01-01"},
        {"resourceType": "Patient", "id": "b"},
        glucose("g1", "2026-05-01T08:00:00Z"),
        glucose("g2", "2026-05-02T08:00:00+02:00", "105272-9"),
        glucose("g3", "2026-05-03", "29463-7", status="amended"),
        glucose("g4", "2026-05-04T08:00:00Z", subject={"reference": "Patient/b"}),
        glucose("g5", "", effectivePeriod={"start": "2026-05-02T23:00:00Z", "end": "2026-05-03T01:00:00Z"}),
    ):
        made.sandbox.storage.put(resource)
    yield made
    made.sandbox.storage.close()


@pytest.fixture(scope="module")
def lasting_ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxEhr]:
    made = new_ehr(tmp_path_factory.mktemp("lasting"))
    yield made
    made.sandbox.storage.close()


def test_a_search_by_patient_takes_bare_ids_typed_and_absolute_references(ehr: SandboxEhr) -> None:
    for written in ("a", "Patient/a", f"{ORIGIN}/fhir/Patient/a"):
        for name in ("patient", "subject"):
            assert ehr.ids("Observation", (name, written)) == {"g1", "g2", "g3", "g5"}


def test_a_search_by_code_takes_system_and_code_bare_codes_and_commas(ehr: SandboxEhr) -> None:
    assert ehr.ids("Observation", ("code", f"{LOINC}|99504-3")) == {"g1", "g4", "g5"}
    assert ehr.ids("Observation", ("code", "105272-9")) == {"g2"}
    assert ehr.ids("Observation", ("code", f"105272-9,{LOINC}|29463-7")) == {"g2", "g3"}
    assert ehr.ids("Observation", ("code", "http://snomed.info/sct|99504-3")) == set()
    assert ehr.ids("Observation", ("code", "|99504-3")) == set()


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        (["ge2026-05-02"], {"g2", "g3", "g5"}),
        (["gt2026-05-02"], {"g3", "g5"}),
        (["le2026-05-02"], {"g1", "g2", "g5"}),
        (["lt2026-05-02"], {"g1"}),
        (["2026-05-02"], {"g2"}),
        (["eq2026-05"], {"g1", "g2", "g3", "g5"}),
        (["ge2026-05-02", "lt2026-05-03"], {"g2", "g5"}),
        (["ge2026-05-03,lt2026-05-02"], {"g1", "g3", "g5"}),
        (["2026-05-02T06:00:00Z"], {"g2"}),
        (["gt2026-05-02T06:00:00Z", "lt2026-05-03"], {"g5"}),
    ],
)
def test_dates_repeat_as_and_and_merge_by_comma_as_or(
    ehr: SandboxEhr, dates: list[str], found: set[str]
) -> None:
    pairs = [("patient", "a"), *(("date", value) for value in dates)]
    assert ehr.ids("Observation", *pairs) == found


@given(st.datetimes(), st.datetimes())
def test_a_moment_is_on_or_after_a_day_exactly_if_not_before_it(moment: Any, day: Any) -> None:
    start, end = parse_range(f"{day:%Y-%m-%d}".rjust(10, "0"))
    at, after = parse_range(f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0"))
    assert end - start == 86_400_000
    assert (after > start) != (at < start)


def test_status_and_lastupdated_narrow_a_search(ehr: SandboxEhr) -> None:
    assert ehr.ids("Observation", ("status", "amended")) == {"g3"}
    assert ehr.ids("Observation", ("_lastUpdated", "gt2026-05-15")) == set()
    assert len(ehr.ids("Observation", ("_lastUpdated", "2026-05-15"))) == 5


def test_conditions_are_found_by_clinical_status(ehr: SandboxEhr) -> None:
    for identity, status in (("c1", "active"), ("c2", "resolved")):
        coding = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": status}
        condition = {"resourceType": "Condition", "id": identity, "clinicalStatus": {"coding": [coding]}}
        ehr.sandbox.storage.put(condition | {"subject": {"reference": "Patient/a"}})
    assert ehr.ids("Condition", ("patient", "a"), ("clinical-status", "active,recurrence")) == {"c1"}


def test_the_newest_come_first_when_asked(ehr: SandboxEhr) -> None:
    bundle = ehr.search("Observation", ("patient", "a"), ("_sort", "-date"))
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["g3", "g5", "g2", "g1"]


def test_a_patients_readings_by_date_are_found_without_sorting_them(ehr: SandboxEhr, tmp_path: Path) -> None:
    query = parse_query("Observation", [("patient", "p1"), ("code", "99504-3"), ("_sort", "-date")])
    where, values = query.where()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        select = f"EXPLAIN QUERY PLAN SELECT body FROM resource WHERE {where} ORDER BY {query.order}"
        steps = [row[3] for row in database.execute(select, values)]
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


@pytest.mark.parametrize("name", ["value-quantity", "_include", "code:text", "patient.name", "_elements"])
def test_an_unknown_parameter_is_refused_and_never_ignored(ehr: SandboxEhr, name: str) -> None:
    response = ehr.fhir(f"Observation?{name}=x")
    assert response.status_code == 400
    assert response.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("query", ["date=ap2026", "date=yesterday", "_count=-1", "_count=ten", "_sort=value"])
def test_malformed_values_are_refused(ehr: SandboxEhr, query: str) -> None:
    assert ehr.fhir(f"Observation?{query}").status_code == 400


def _all_pages(ehr: SandboxEhr, path: str) -> tuple[list[str], int]:
    ids, pages = [], 0
    while path:
        bundle = ehr.fhir(path).get_json()
        ids += [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        pages += 1
        path = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    return ids, pages


@pytest.mark.parametrize("sort", ["", "&_sort=date", "&_sort=-date", "&_sort=_lastUpdated"])
@pytest.mark.parametrize("count", [1, 2, 4, 100])
def test_pages_together_hold_each_resource_once(ehr: SandboxEhr, sort: str, count: int) -> None:
    ids, pages = _all_pages(ehr, f"Observation?patient=a&_count={count}{sort}")
    assert sorted(ids) == ["g1", "g2", "g3", "g5"]
    assert pages == -(-4 // count)


def test_every_page_tells_the_total_and_count_zero_only_that(ehr: SandboxEhr) -> None:
    first = ehr.search("Observation", ("patient", "a"), ("_count", "3"))
    link = next(each["url"] for each in first["link"] if each["relation"] == "next")
    assert first["total"] == ehr.fhir(link).get_json()["total"] == 4
    empty = ehr.search("Observation", ("patient", "a"), ("_count", "0"))
    assert empty["total"] == 4 and "entry" not in empty


def test_a_next_link_is_opaque_and_a_changed_one_is_refused(ehr: SandboxEhr) -> None:
    bundle = ehr.search("Observation", ("patient", "a"), ("_count", "1"))
    link = next(each["url"] for each in bundle["link"] if each["relation"] == "next")
    cursor = parse_qs(urlsplit(link).query)["_cursor"][0]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = base64.urlsafe_b64encode(raw.replace(b'"a"', b'"b"')).decode().rstrip("=")
    assert forged != cursor
    for bad in (forged, cursor[:-4], cursor + "AAAA", "", "%FF", "x"):
        response = ehr.fhir(f"Observation?_cursor={bad}")
        assert response.status_code == 400, bad
        assert response.get_json()["resourceType"] == "OperationOutcome"
    assert ehr.fhir(f"Condition?_cursor={cursor}").status_code == 400


@given(st.text(), st.integers())
def test_a_cursor_of_another_server_opens_nowhere(text: str, number: int) -> None:
    sealed = Cursors().seal({"text": text, "number": number})
    with pytest.raises(BadRequest):
        Cursors().open(sealed)


def test_post_search_equals_get_search(ehr: SandboxEhr) -> None:
    posted = ehr.fhir("Observation/_search", "POST", data={"patient": "a", "code": "99504-3"})
    assert {entry["resource"]["id"] for entry in posted.get_json()["entry"]} == {"g1", "g5"}


def test_what_is_stored_is_what_is_read_with_its_numbers_untouched(ehr: SandboxEhr) -> None:
    observation = glucose("precise", "2026-05-01T08:00:00Z", valueQuantity={"value": 5.55})
    made = ehr.fhir("Observation/precise", "PUT", json=observation)
    assert made.status_code == 201 and made.headers["ETag"] == 'W/"1"'
    read = ehr.fhir("Observation/precise").get_json()
    assert read.pop("meta") == {"versionId": "1", "lastUpdated": "2026-05-15T08:00:00.000Z"}
    assert read == observation
    again = ehr.fhir("Observation/precise", "PUT", json=observation | {"status": "amended"})
    assert again.status_code == 200 and again.headers["ETag"] == 'W/"2"'
    assert "precise" in ehr.ids("Observation", ("status", "amended"))
    assert "precise" not in ehr.ids("Observation", ("status", "final"))


def test_a_conditional_create_makes_one_and_then_finds_it(ehr: SandboxEhr) -> None:
    body = glucose("ignored", "2026-05-01T08:00:00Z", identifier=[{"system": "urn:x", "value": "7"}])
    condition = {"If-None-Exist": "identifier=urn:x|7"}
    first = ehr.fhir("Observation", "POST", json=body, headers=condition)
    second = ehr.fhir("Observation", "POST", json=body, headers=condition)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json()["id"] == second.get_json()["id"] != "ignored"
    ehr.fhir("Observation", "POST", json=body)
    assert ehr.fhir("Observation", "POST", json=body, headers=condition).status_code == 412


def _transaction(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def test_a_transaction_gives_ids_and_rewrites_the_references_to_them(ehr: SandboxEhr) -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "Demo"}]}
    observation = glucose("x", "2026-05-01T08:00:00Z", subject={"reference": "urn:uuid:1"})
    bundle = _transaction(
        {"fullUrl": "urn:uuid:1", "resource": patient, "request": {"method": "POST", "url": "Patient"}},
        {"resource": observation, "request": {"method": "PUT", "url": "Observation/x"}},
    )
    answer = ehr.fhir("", "POST", json=bundle).get_json()
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created", "201 Created"]
    patient_id = answer["entry"][0]["response"]["location"].split("/")[1]
    assert ehr.ids("Observation", ("patient", patient_id)) == {"x"}


def test_a_failing_entry_undoes_a_transaction_and_only_itself_in_a_batch(ehr: SandboxEhr) -> None:
    good = {
        "resource": glucose("new", "2026-05-01"),
        "request": {"method": "PUT", "url": "Observation/new"},
    }
    bad = {
        "resource": glucose("other", "2026-05-01"),
        "request": {"method": "DELETE", "url": "Observation/x"},
    }
    assert ehr.fhir("", "POST", json=_transaction(good, bad)).status_code == 400
    assert ehr.fhir("Observation/new").status_code == 404
    batch = ehr.fhir("", "POST", json=_transaction(good, bad, kind="batch")).get_json()
    assert [entry["response"]["status"] for entry in batch["entry"]] == ["201 Created", "400"]
    assert ehr.fhir("Observation/new").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"resourceType":"Observation"}', b'{"id":1}'])
def test_a_body_that_is_no_patient_is_refused_as_one(ehr: SandboxEhr, body: bytes) -> None:
    response = ehr.fhir("Patient", "POST", data=body, content_type="application/fhir+json")
    assert response.status_code == 400
    assert ehr.fhir("Patient", "POST", data=b"<Patient/>", content_type="text/xml").status_code == 415


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["code", "coding", "system", "reference", "start", "x"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "meta", "subject", "code", "category", "effectivePeriod", "effectiveDateTime"]
        ),
        _JSON,
    )
)
def test_any_object_is_stored_or_refused_and_never_a_fault_of_ours(
    lasting_ehr: SandboxEhr, members: dict[str, Any]
) -> None:
    body = {"resourceType": "Observation", **members}
    assert lasting_ehr.fhir("Observation", "POST", json=body).status_code in (201, 400)


@pytest.mark.parametrize("path", ["Observation/g1", "Observation?patient=a", "Observation?_cursor=x"])
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic x"])
def test_reads_need_a_living_token(ehr: SandboxEhr, path: str, authorization: str) -> None:
    response = ehr.fhir(path, headers={"Authorization": authorization})
    assert response.status_code == 401 and response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_dies_after_five_minutes(ehr: SandboxEhr) -> None:
    ehr.clock.now_ms += 299_999
    assert ehr.fhir("Patient/a").status_code == 200
    ehr.clock.now_ms += 1
    assert ehr.fhir("Patient/a").status_code == 401


def test_a_token_of_one_patient_sees_nobody_else_on_any_page(ehr: SandboxEhr) -> None:
    wide = ehr.search("Observation", ("_count", "2"))
    ehr.token = ehr.sandbox.tokens.issue("patient/*.rs", "tests", "b")
    assert ehr.ids("Observation") == {"g4"}
    assert ehr.ids("Patient") == {"b"}
    assert ehr.ids("Observation", ("patient", "a")) == set()
    assert ehr.fhir("Observation/g1").status_code == ehr.fhir("Patient/a").status_code == 404
    link = next(each["url"] for each in wide["link"] if each["relation"] == "next")
    found = [entry["resource"]["id"] for entry in ehr.fhir(link).get_json().get("entry", [])]
    assert set(found) <= {"g4"}


@pytest.mark.parametrize(
    ("scope", "read", "search", "write"),
    [
        ("patient/Observation.rs", 200, 200, 403),
        ("patient/Observation.read", 200, 200, 403),
        ("patient/Observation.s", 403, 200, 403),
        ("patient/Observation.r", 200, 403, 403),
        ("patient/Patient.rs", 403, 403, 403),
        ("patient/Observation.sr", 403, 403, 403),
        ("patient/Observation.rs?category=x", 403, 403, 403),
        ("system/*.cruds", 200, 200, 200),
        ("", 403, 403, 403),
    ],
)
def test_scopes_decide_what_a_token_may_do(
    ehr: SandboxEhr, scope: str, read: int, search: int, write: int
) -> None:
    ehr.token = ehr.sandbox.tokens.issue(scope, "tests")
    assert ehr.fhir("Observation/g1").status_code == read
    assert ehr.fhir("Observation?patient=a").status_code == search
    body = glucose("g1", "2026-05-01T08:00:00Z")
    assert ehr.fhir("Observation/g1", "PUT", json=body).status_code == write


def test_a_bundle_needs_write_access_to_every_type_in_it(ehr: SandboxEhr) -> None:
    ehr.token = ehr.sandbox.tokens.issue("system/Observation.cruds", "tests")
    patient = {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
    assert ehr.fhir("", "POST", json=_transaction(patient)).status_code == 403


def test_capabilities_and_smart_configuration_are_public_and_name_what_works(ehr: SandboxEhr) -> None:
    statement = ehr.fhir("metadata", headers={"Authorization": ""}).get_json()
    for resource in statement["rest"][0]["resource"]:
        for parameter in resource["searchParam"]:
            value = "2026-05-01" if parameter["type"] == "date" else "x"
            assert ehr.fhir(f"{resource['type']}?{parameter['name']}={value}").status_code == 200
    smart = ehr.fhir(".well-known/smart-configuration", headers={"Authorization": ""})
    assert smart.mimetype == "application/json"
    assert smart.get_json()["token_endpoint"] == f"{ORIGIN}/auth/token"


def test_only_its_own_address_and_origin_are_answered(ehr: SandboxEhr) -> None:
    client = ehr.sandbox.app.test_client()
    assert client.get("/fhir/metadata", base_url="http://rebound.example.org:8001").status_code == 403
    foreign = client.get("/", base_url=ORIGIN, headers={"Origin": "https://evil.example.org"})
    assert foreign.status_code == 403


def test_a_search_runs_the_same_after_the_store_is_opened_again(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "ehr.sqlite")
    storage.put(glucose("kept", "2026-05-01T08:00:00Z"))
    storage.close()
    again = Storage(tmp_path / "ehr.sqlite")
    found = again.search(parse_query("Observation", [("patient", "a"), ("date", "2026-05-01")]))
    again.close()
    assert [each["id"] for each in found] == ["kept"]
