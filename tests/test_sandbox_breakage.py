"""The sandbox's FHIR server broken on purpose: what it sends then, and what the service honestly answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import read_only_a_moment
from sandbox_ehr import ORIGIN, Linked, SandboxEhr, linked, new_ehr

from cds_service.sandbox.breakage import FOREIGN_ID, WORDS, Fault
from cds_service.sandbox.hook_client import Reading

REVIEW = "glucose-review"
UNREADABLE = (Fault.LOGIN, Fault.ERRORS, Fault.TRUNCATED)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    with linked(tmp_path_factory.mktemp("broken")) as running:
        yield running


@pytest.fixture(autouse=True)
def mended(both: Linked) -> Iterator[None]:
    yield
    both.sandbox.client.server.breakage.choose(Fault.NONE)


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[SandboxEhr]:
    made = new_ehr(tmp_path)
    made.sandbox.storage.put({"resourceType": "Patient", "id": "a"})
    made.sandbox.storage.put(
        {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/a"}}
    )
    yield made
    made.sandbox.storage.close()


def submit(ehr: SandboxEhr, **form: str) -> tuple[int, str]:
    answer = ehr.sandbox.app.test_client().post("/breakage", base_url=ORIGIN, data=form)
    return answer.status_code, answer.headers.get("Location", "")


def test_nothing_is_broken_until_it_is_chosen_and_every_page_says_when_it_is(ehr: SandboxEhr) -> None:
    client = ehr.sandbox.app.test_client()
    pages = ("/", "/risks", "/patients/a")
    assert not any("Broken on purpose" in client.get(page, base_url=ORIGIN).text for page in pages)
    for fault, words in WORDS.items():
        assert submit(ehr, fault=fault, back="/patients/a") == (303, "/patients/a")
        for page in pages:
            assert f"the FHIR server {words}." in client.get(page, base_url=ORIGIN).text.replace("&#39;", "'")
    submit(ehr, fault=Fault.NONE)
    assert "Broken on purpose" not in client.get("/", base_url=ORIGIN).text


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_the_menu_leads_only_to_pages_of_the_sandbox(ehr: SandboxEhr, back: str) -> None:
    assert submit(ehr, fault=Fault.EMPTY, back=back) == (303, "/")
    assert submit(ehr, fault="arson") == (400, "")


def test_each_fault_spoils_a_search_in_its_own_way(ehr: SandboxEhr) -> None:
    breakage = ehr.sandbox.client.server.breakage
    whole = ehr.fhir("Observation?patient=a").data
    breakage.choose(Fault.LOGIN)
    assert ehr.fhir("Observation?patient=a").mimetype == "text/html"
    breakage.choose(Fault.ERRORS)
    assert ehr.fhir("Observation?patient=a").status_code == 500
    breakage.choose(Fault.TRUNCATED)
    cut = ehr.fhir("Observation?patient=a").data
    assert whole.startswith(cut) and len(cut) < len(whole)
    breakage.choose(Fault.EMPTY)
    assert ehr.search("Observation", ("patient", "a"))["total"] == 0
    assert ehr.fhir("Patient/a").get_json()["id"] == "a"
    breakage.choose(Fault.FOREIGN)
    other = FOREIGN_ID.decode()
    found = ehr.search("Observation", ("patient", "a"))["entry"][0]["resource"]
    assert found["subject"] == {"reference": f"Patient/{other}"}
    assert ehr.fhir("Patient/a").get_json()["id"] == other


def test_the_faults_are_of_reading_and_the_server_still_says_what_it_is(ehr: SandboxEhr) -> None:
    ehr.sandbox.client.server.breakage.choose(Fault.ERRORS)
    assert ehr.fhir("metadata").status_code == 200


@pytest.mark.spec("H-01", "X4")
@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("fault", [*UNREADABLE, Fault.SLOW, Fault.FOREIGN])
def test_H01_no_card_rests_on_a_broken_server_and_the_answer_says_that_nothing_is_known(
    both: Linked, fault: Fault, prefetch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault is Fault.SLOW:
        read_only_a_moment(monkeypatch)
    both.sandbox.client.server.breakage.choose(fault)
    exchange = both.sandbox.client.call(
        both.service(REVIEW), both.context("sim-night-lows"), Reading(prefetch=prefetch)
    )
    assert (exchange.status, exchange.cards) == (412, []), exchange.answer
    assert exchange.reason


def test_a_server_that_finds_nothing_gives_cards_that_say_so(both: Linked) -> None:
    both.sandbox.client.server.breakage.choose(Fault.EMPTY)
    exchange = both.sandbox.client.call(both.service(REVIEW), both.context("sim-night-lows"), Reading())
    assert exchange.status == 200
    assert [card["summary"] for card in exchange.cards] == [
        "No glucose review: no usable glucose reading of the last 14 days"
    ]


def test_slow_answers_come_at_once_when_the_server_is_mended(
    both: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    breakage = both.sandbox.client.server.breakage
    breakage.choose(Fault.SLOW)
    service, context = both.service(REVIEW), both.context("sim-glargine")
    with monkeypatch.context() as hurried:
        read_only_a_moment(hurried)
        slow = both.sandbox.client.call(service, context, Reading())
    breakage.choose(Fault.NONE)
    quick = both.sandbox.client.call(service, context, Reading())
    assert (slow.status, quick.status) == (412, 200)
    assert quick.cards
