"""Reading an EHR that pages, stalls, breaks off, refuses and lies: what came, and never more than that."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fake_ehr import FakeEhr, bundle, observation, running
from patience import PATIENCE_S

from cds_service.addresses import parse_base
from cds_service.breaker import FAILURES
from cds_service.calls import Answer
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.fhir_client import MAX_PAGES, FhirClient, Pages, Query
from cds_service.fhir_exchange import ByteBudget
from cds_service.smart_auth import AccessToken, hook_token
from cds_service.tenants import FhirBase, Tenant
from models.patient_record import Completeness

TENANT = Tenant("north", "https://north.example")
SOON = 4.0
"""Time for an EHR that answers, on a busy machine; the tests of one that does not wait it out."""

TOKEN = "canary-token"
EXAMPLE = "https://ehr.example.org/fhir"
SAYS_ALL = {Completeness.COMPLETE, Completeness.EMPTY}


@pytest.fixture
def ehr() -> Iterator[FakeEhr]:
    with running() as ehr:
        yield ehr


@pytest.fixture
def egress() -> Iterator[Egress]:
    egress = Egress()
    yield egress
    egress.close()


@pytest.fixture
def client(ehr: FakeEhr, egress: Egress) -> FhirClient:
    return make_client(ehr, egress)


def make_client(ehr: FakeEhr, egress: Egress, token: AccessToken | None = None, **tenant: Any) -> FhirClient:
    base = FhirBase(parse_base(ehr.base, loopback=True), allow_private=True)
    token = token or hook_token(TOKEN, 300, "patient/*.rs")
    return FhirClient(egress, base, token, replace(TENANT, **tenant))


def search(patient: str) -> Query:
    return Query("Observation", (("patient", patient), ("code", "http://loinc.org|99504-3")))


def ask(client: FhirClient, patient: str, seconds: float = PATIENCE_S) -> Pages:
    return client.ask(search(patient), Deadline.after(seconds))


def ids(pages: Pages, mode: str = "match") -> list[str]:
    entries = [entry for body in pages.bodies for entry in json.loads(body).get("entry", [])]
    return list(
        dict.fromkeys(e["resource"]["id"] for e in entries if e.get("search", {}).get("mode") == mode)
    )


# paging


@pytest.mark.spec("FA12", "FA13", "F-12", "Q60")
@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("method", ["post", "get"])
def test_FA12_FA13_Q60_the_recommended_paging_cases(
    ehr: FakeEhr, egress: Egress, shared: Path, number: int, method: str
) -> None:
    cases = json.loads((shared / "data/quirks/paging_cases.json").read_text())["cases"]
    assert len(cases) == 9
    case = cases[number]
    start = parse_qsl(urlsplit(case["start"]).query)
    for url, page in case["pages"].items():
        parts = urlsplit(url if url.startswith("http") else f"{EXAMPLE}/{url}")
        body = json.dumps(page).replace(EXAMPLE, ehr.base).encode()
        answer = (page.get("http_status", 200), body)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        ehr.script[parts.path, query] = answer
        if list(query) == start:
            ehr.script[f"{parts.path}/_search", query] = answer
    client = make_client(ehr, egress, search_method=method)
    pages = client.ask(Query("Observation", tuple(start)), Deadline.after(PATIENCE_S))
    assert ids(pages) == case["expect_ids"]
    assert ids(pages, "include") == case.get("expect_included", [])
    flags = {
        "paging_loop": "paging.loop",
        "paging_incomplete": "status_410",
        "server_error": "operation_outcome",
    }
    assert [pages.why] == [flags[flag] for flag in case.get("expect_flags", [])] or pages.why is None
    assert (pages.completeness in SAYS_ALL) is ("expect_flags" not in case)


def test_all_pages_come_in_order(client: FhirClient, ehr: FakeEhr) -> None:
    pages = ask(client, "p-ok")
    assert (ids(pages), pages.completeness, pages.why) == (["o1", "o2", "o3"], Completeness.COMPLETE, None)


def test_a_whole_empty_answer_says_there_is_nothing(client: FhirClient) -> None:
    assert ask(client, "p-none").completeness is Completeness.EMPTY


@pytest.mark.spec("F-12")
@pytest.mark.parametrize(
    ("patient", "why", "pages"),
    [("p-loop", "paging.loop", 2), ("p-aba", "paging.loop", 3), ("p-cursor", "paging.limit", MAX_PAGES)],
)
def test_F12_loops_and_endless_cursors_end_and_are_partial(
    client: FhirClient, patient: str, why: str, pages: int
) -> None:
    found = ask(client, patient)
    assert (found.completeness, found.why) == (Completeness.PARTIAL, why)
    assert len(found.bodies) <= pages


@pytest.mark.spec("C-05", "FA6")
@pytest.mark.parametrize("patient", ["p-foreign", "p-outside", "p-scheme-relative"])
def test_C05_FA6_a_next_link_out_of_the_base_is_not_followed(
    client: FhirClient, ehr: FakeEhr, patient: str
) -> None:
    with running() as stranger:
        ehr.stranger = stranger.base
        pages = ask(client, patient)
        assert (pages.completeness, pages.why) == (Completeness.PARTIAL, "paging.denied")
        assert stranger.seen == []
    assert len(ehr.seen) == 1


@pytest.mark.spec("PF1", "FA12")
def test_PF1_a_first_page_from_prefetch_is_followed(client: FhirClient, ehr: FakeEhr) -> None:
    first = bundle(observation(1), next=f"{ehr.base}/Observation?patient=p-ok&page=2")
    pages = client.follow(first, Deadline.after(PATIENCE_S))
    assert (ids(pages), pages.completeness) == (["o1", "o2", "o3"], Completeness.COMPLETE)


# failures


@pytest.mark.spec("F-04", "F-05", "F-07", "C-06", "C-10")
@pytest.mark.parametrize(
    ("patient", "why"),
    [
        ("p-500", "status_500"),
        ("p-502", "status_502"),
        ("p-503", "status_503"),
        ("p-504", "status_504"),
        ("p-429", "status_429"),
        ("p-401", "status_401"),
        ("p-403", "status_403"),
        ("p-404", "status_404"),
        ("p-201", "status_201"),
        ("p-302", "redirect"),
        ("p-login", "not_json"),
        ("p-login-untyped", "not_fhir"),
        ("p-latin-1", "not_fhir"),
        ("p-outcome", "operation_outcome"),
        ("p-wrong-type", "not_a_bundle"),
        ("p-reset", "connection_lost"),
        ("p-short", "truncated"),
        ("p-cut", "not_fhir"),
        ("p-cut-chunked", "truncated"),
        ("p-gzip", "encoded"),
        ("p-endless", "too_large"),
    ],
)
def test_F04_F05_F07_a_failure_is_named_and_is_never_no_data(
    client: FhirClient, patient: str, why: str
) -> None:
    assert ask(client, patient) == Pages((), Completeness.FAILED, why)


@pytest.mark.spec("F-07", "FA13")
@pytest.mark.parametrize("status", [401, 500])
def test_F07_FA13_what_came_before_a_failure_is_kept_as_partial(client: FhirClient, status: int) -> None:
    pages = ask(client, f"p-{status}-later")
    assert (ids(pages), pages.completeness, pages.why) == (["o1"], Completeness.PARTIAL, f"status_{status}")


@pytest.mark.spec("F-06", "Q61")
def test_F06_Q61_fewer_entries_than_the_server_counted_are_partial(client: FhirClient) -> None:
    pages = ask(client, "p-total")
    assert (ids(pages), pages.completeness, pages.why) == (["o1"], Completeness.PARTIAL, "total")


@pytest.mark.spec("FA13")
@pytest.mark.parametrize(
    ("severity", "completeness"),
    [("warning", Completeness.PARTIAL), ("information", Completeness.COMPLETE)],
)
def test_FA13_a_warning_among_the_entries_makes_the_answer_partial(
    client: FhirClient, severity: str, completeness: Completeness
) -> None:
    pages = ask(client, f"p-{severity}")
    assert (ids(pages), pages.completeness) == (["o1"], completeness)


UNREADABLE_OUTCOME = (
    b'{"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome", '
    b'"issue": [{"severity": "\xff"}]}}'
)


@pytest.mark.spec("F-06", "FA13")
@pytest.mark.parametrize(
    ("members", "why"),
    [
        (b'"link": [{"relation": "next", "url": "http://["}]', "paging.denied"),
        (b'"entry": [' + UNREADABLE_OUTCOME + b"]", "warning"),
    ],
    ids=["a link that is no address", "an outcome that is no text"],
)
def test_F06_FA13_what_of_a_page_is_damaged_makes_it_partial_and_raises_nothing(
    client: FhirClient, members: bytes, why: str
) -> None:
    page = b'{"resourceType": "Bundle", "type": "searchset", ' + members + b"}"
    assert client.follow(page, Deadline.after(PATIENCE_S)) == Pages((page,), Completeness.PARTIAL, why)


@pytest.mark.spec("F-01")
def test_F01_a_server_that_is_down_is_a_failure(egress: Egress) -> None:
    base = FhirBase(parse_base("http://127.0.0.1:1/fhir", loopback=True), allow_private=True)
    client = FhirClient(egress, base, None, TENANT)
    assert ask(client, "p-ok") == Pages((), Completeness.FAILED, "connect")


@pytest.mark.spec("F-02", "PE3", "PF1")
def test_F02_PE3_queries_run_at_once_and_the_slow_ones_end_at_the_deadline(
    client: FhirClient, ehr: FakeEhr
) -> None:
    found = client.gather(
        {
            "good": search("p-ok"),
            "slow": search("p-hang"),
            "drip": search("p-drip"),
            "patient": Query("Patient", id="p-read"),
        },
        Deadline.after(SOON),
    )
    assert found["good"].completeness is found["patient"].completeness is Completeness.COMPLETE
    assert found["slow"] == found["drip"] == Pages((), Completeness.FAILED, "timeout")


@pytest.mark.spec("F-02", "PF1")
def test_F02_pages_that_came_before_an_ehr_stalled_are_kept_and_not_called_all(client: FhirClient) -> None:
    found = client.gather({"a": search("p-hang-later"), "b": search("p-hang-later")}, Deadline.after(SOON))
    for pages in found.values():
        assert (ids(pages), pages.completeness, pages.why) == (["o1", "o2"], Completeness.PARTIAL, "timeout")


def test_nothing_asked_is_nothing_answered(client: FhirClient, ehr: FakeEhr) -> None:
    assert client.gather({}, Deadline.after(PATIENCE_S)) == {}
    assert ehr.seen == []


# repetition


@pytest.mark.spec("F-03")
@pytest.mark.parametrize("patient", ["p-429-once", "p-429-date", "p-429-junk", "p-503-once"])
def test_F03_one_repetition_follows_a_busy_answer(client: FhirClient, ehr: FakeEhr, patient: str) -> None:
    assert ask(client, patient).completeness is Completeness.COMPLETE
    assert len(ehr.seen) == 2


@pytest.mark.spec("F-03")
def test_F03_a_wait_that_does_not_fit_is_not_begun(client: FhirClient, ehr: FakeEhr) -> None:
    assert ask(client, "p-429-hour").why == "status_429"
    assert len(ehr.seen) == 1


@pytest.mark.spec("F-03")
def test_F03_a_server_that_asked_for_an_hour_is_left_alone(client: FhirClient, ehr: FakeEhr) -> None:
    ask(client, "p-429-hour")
    assert ask(client, "p-ok").why == "breaker_open"
    assert len(ehr.seen) == 1


@pytest.mark.spec("F-01", "F-30")
def test_F01_a_server_that_keeps_failing_is_left_alone_and_others_are_not(
    client: FhirClient, ehr: FakeEhr, egress: Egress
) -> None:
    found = [ask(client, "p-502").why for _ in range(9)]
    assert found[:2] == ["status_502"] * 2
    assert found[-1] == "breaker_open"
    assert len(ehr.seen) == FAILURES
    with running() as other:
        assert ask(make_client(other, egress), "p-ok").completeness is Completeness.COMPLETE


@pytest.mark.spec("F-03")
def test_F03_there_is_one_repetition_and_not_two(client: FhirClient, ehr: FakeEhr) -> None:
    ask(client, "p-429")
    assert len(ehr.seen) == 2


@pytest.mark.parametrize(
    ("stated", "date", "seconds"),
    [
        ("5", "", 5.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "", None),
        ("-5", "", None),
        ("٥", "", None),
        ("soon", "now", None),
        ("", "", None),
    ],
)
def test_the_stated_wait_is_read_without_our_clock(stated: str, date: str, seconds: float | None) -> None:
    assert Answer(429, {"retry-after": stated, "date": date}, b"").retry_after_s == seconds


# search method, token, scopes


@pytest.mark.spec("K-03")
def test_K03_searches_go_by_post_so_that_no_address_holds_a_patient_id(
    client: FhirClient, ehr: FakeEhr
) -> None:
    ask(client, "p-none")
    assert [(seen.method, seen.path) for seen in ehr.seen] == [("POST", "/fhir/Observation/_search")]
    assert ("code", "http://loinc.org|99504-3") in ehr.seen[0].query


@pytest.mark.spec("K-03")
@pytest.mark.parametrize(
    ("method", "sent", "completeness"),
    [
        ("post-or-get", ["POST", "GET"], Completeness.EMPTY),
        ("post", ["POST"], Completeness.FAILED),
        ("get", ["GET"], Completeness.EMPTY),
    ],
)
def test_K03_get_is_used_where_the_server_has_no_post_and_the_tenant_allows_it(
    ehr: FakeEhr, egress: Egress, method: str, sent: list[str], completeness: Completeness
) -> None:
    ehr.takes_post = False
    assert ask(make_client(ehr, egress, search_method=method), "p-none").completeness is completeness
    assert [seen.method for seen in ehr.seen] == sent


@pytest.mark.spec("FA6", "FA12")
def test_FA6_FA12_the_token_goes_in_its_header_alone(client: FhirClient, ehr: FakeEhr) -> None:
    ask(client, "p-ok")
    assert len(ehr.seen) == 3
    for seen in ehr.seen:
        assert seen.headers["Authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["Accept"] == "application/fhir+json"
        assert TOKEN not in f"{seen.path}{seen.query}"


@pytest.mark.spec("FA7")
def test_FA7_an_expired_token_is_not_sent(ehr: FakeEhr, egress: Egress) -> None:
    pages = ask(make_client(ehr, egress, hook_token(TOKEN, 1, "patient/*.rs")), "p-ok")
    assert pages == Pages((), Completeness.FAILED, "token_expired")
    assert ehr.seen == []


@pytest.mark.spec("FA5", "SC3")
@pytest.mark.parametrize(
    ("scope", "query"),
    [
        ("patient/Patient.rs", search("p-ok")),
        ("patient/Observation.r", search("p-ok")),
        ("patient/Patient.s", Query("Patient", id="p-read")),
        ("", search("p-ok")),
    ],
)
def test_FA5_SC3_a_query_that_was_not_granted_is_not_sent(
    ehr: FakeEhr, egress: Egress, scope: str, query: Query
) -> None:
    client = make_client(ehr, egress, hook_token(TOKEN, 300, scope))
    assert client.ask(query, Deadline.after(PATIENCE_S)) == Pages((), Completeness.NOT_ASKED, "scope")
    assert ehr.seen == []


@pytest.mark.spec("FA8")
def test_FA8_a_token_does_not_show_in_a_representation(client: FhirClient) -> None:
    assert TOKEN not in f"{client!r}{hook_token(TOKEN, 300, '')!r}{vars(client)!r}"


@pytest.mark.spec("B-08")
def test_B08_an_id_is_escaped_into_one_segment(client: FhirClient, ehr: FakeEhr) -> None:
    client.ask(Query("Patient", id="1/../../x?a=b"), Deadline.after(PATIENCE_S))
    assert ehr.seen[0].path == "/fhir/Patient/1%2F..%2F..%2Fx%3Fa%3Db"


@pytest.mark.spec("C-10")
def test_C10_all_pages_together_have_a_cap() -> None:
    budget = ByteBudget(100)
    assert budget.next_page == 100
    budget.spend(100)
    with pytest.raises(Exception, match=r"paging\.bytes"):
        assert budget.next_page
