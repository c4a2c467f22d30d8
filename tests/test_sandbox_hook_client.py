"""The sandbox as a CDS client: its tokens, its requests, its prefetch, and the service that answers."""

import json
import re
import stat
import uuid
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from patience import PATIENCE_S
from sandbox_ehr import NOW_MS, ORIGIN, Linked, SandboxEhr, linked, new_ehr, simulated

from cds_service.sandbox.hook_client import Reading
from cds_service.sandbox.personas import PERSONAS
from cds_service.sandbox.prefetch_fill import Behaviour, Unresolvable, fill, resolve
from cds_service.sandbox.signing import Signer

REVIEW = "glucose-review"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    with linked(tmp_path_factory.mktemp("linked")) as running:
        yield running


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[SandboxEhr]:
    made = new_ehr(tmp_path)
    yield made
    made.sandbox.storage.close()


def without_ids(cards: Any) -> str:
    return json.dumps([{k: v for k, v in card.items() if k not in ("uuid", "suggestions")} for card in cards])


@pytest.mark.spec("JW2", "JW7", "JW8", "JW9", "JW10")
def test_a_token_verifies_against_the_published_key_set_and_says_what_is_asked(ehr: SandboxEhr) -> None:
    published = ehr.sandbox.app.test_client().get("/.well-known/jwks.json", base_url=ORIGIN).get_json()
    assert all("d" not in key for key in published["keys"])
    url = "http://127.0.0.1:8000/cds-services/glucose-review"
    tokens = [
        jwt.decode(
            ehr.sandbox.signer.token(url, NOW_MS), KeySet.import_key_set(published), algorithms=["ES384"]
        )
        for _ in range(2)
    ]
    header, claims = tokens[0].header, tokens[0].claims
    assert header == {"alg": "ES384", "typ": "JWT", "kid": published["keys"][0]["kid"]}
    assert claims["iss"] == ORIGIN and claims["aud"] == url
    assert claims["iat"] == NOW_MS // 1000 and claims["exp"] == claims["iat"] + 300
    assert uuid.UUID(claims["jti"]) != uuid.UUID(tokens[1].claims["jti"])


def test_the_signing_key_is_its_owners_alone_and_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "key.pem"
    first, second = Signer.at(path, "https://ehr"), Signer.at(path, "https://ehr")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.key_set() == second.key_set()


def test_templates_are_filled_from_context_user_and_day() -> None:
    context = {"patientId": "p1", "userId": "PractitionerRole/r7"}
    assert resolve("Patient/{{context.patientId}}", context, NOW_MS) == "Patient/p1"
    assert resolve("{{userPractitionerRoleId}}", context, NOW_MS) == "r7"
    assert resolve("date=ge{{today() - 14 days}}", context, NOW_MS) == "date=ge2026-05-01"
    assert resolve("{{today()}} {{ today() + 1 day }}", context, NOW_MS) == "2026-05-15 2026-05-16"


@pytest.mark.parametrize("token", ["context.encounterId", "userPractitionerId", "%patient.id", "now()", ""])
def test_a_token_that_is_not_known_makes_its_key_unresolvable(token: str) -> None:
    with pytest.raises(Unresolvable):
        resolve(f"X/{{{{{token}}}}}", {"patientId": "p1", "userId": "PractitionerRole/r7"}, NOW_MS)


def test_prefetch_keys_behave_as_told(ehr: SandboxEhr) -> None:
    ehr.sandbox.storage.put_all(r for r in simulated() if r["id"].startswith("sim-watch"))
    pulse = "Observation?patient={{context.patientId}}&code=8867-4&_count=10"
    templates = {way.value: pulse for way in Behaviour} | {
        "read": "Patient/{{context.patientId}}",
        "nobody": "Patient/{{context.userId}}",
        "unresolved": "Encounter/{{context.encounterId}}",
        "unsearchable": "Observation?value=3",
    }
    ways = {way.value: way for way in Behaviour}
    context = {"patientId": "sim-watch", "userId": "sim-clinician"}
    server = ehr.sandbox.client.server
    filled = {key: json.loads(text) for key, text in fill(server, templates, context, ways).items()}
    assert set(filled) == {"complete", "first_page", "null", "error", "read", "nobody"}
    assert len(filled["complete"]["entry"]) == 288 and len(filled["complete"]["link"]) == 1
    assert len(filled["first_page"]["entry"]) == 10 and filled["first_page"]["total"] == 288
    assert filled["first_page"]["link"][1]["relation"] == "next"
    assert filled["null"] is filled["nobody"] is None
    assert filled["error"]["resourceType"] == "OperationOutcome"
    assert filled["read"]["id"] == "sim-watch"


def test_a_service_that_is_down_is_an_answer_of_its_own(ehr: SandboxEhr) -> None:
    client = ehr.sandbox.client
    service = {"id": REVIEW, "hook": "patient-view"}
    exchange = client.call(service, {"patientId": "p", "userId": "Practitioner/x"}, Reading())
    assert exchange.status == 0 and exchange.cards == [] and "did not answer" in exchange.answer
    with pytest.raises(requests.RequestException):
        client.discover()


@pytest.mark.spec("PF6")
@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.id)
def test_PF6_the_cards_are_the_same_by_prefetch_and_by_reading_fhir(both: Linked, persona: Any) -> None:
    service, context = both.service(REVIEW), both.context(persona.id)
    sent = both.sandbox.client.call(service, context, Reading(prefetch=True))
    read = both.sandbox.client.call(service, context, Reading(prefetch=False))
    assert (sent.status, read.status) == (200, 200), (sent.answer, read.answer)
    assert "prefetch" not in read.sent and sent.prefetch
    assert sent.cards and without_ids(sent.cards) == without_ids(read.cards)


@pytest.mark.spec("PF1")
@pytest.mark.parametrize("way", [Behaviour.ABSENT, Behaviour.FIRST_PAGE])
def test_PF1_what_a_key_lacks_the_service_reads_itself(both: Linked, way: Behaviour) -> None:
    service, context = both.service(REVIEW), both.context("sim-glargine")
    whole = both.sandbox.client.call(service, context, Reading())
    partly = both.sandbox.client.call(service, context, Reading(ways={"cgm": way, "conditions": way}))
    assert without_ids(partly.cards) == without_ids(whole.cards)


@pytest.mark.parametrize("way", [Behaviour.NULL, Behaviour.ERROR])
def test_glucose_that_the_ehr_says_it_lacks_gives_no_finding_about_glucose(
    both: Linked, way: Behaviour
) -> None:
    ways = {"cgm": way, "fingersticks": way}
    exchange = both.sandbox.client.call(
        both.service(REVIEW), both.context("sim-glargine"), Reading(ways=ways)
    )
    assert exchange.status in (200, 412)
    assert all("CGM:" not in card["summary"] for card in exchange.cards)


def test_a_token_of_a_hook_call_opens_only_that_patients_data(both: Linked) -> None:
    exchange = both.sandbox.client.call(both.service(REVIEW), both.context("sim-pump"), Reading())
    authorization = exchange.sent["fhirAuthorization"]
    assert authorization["patient"] == "sim-pump" and authorization["subject"] == "wearable-cds"
    header = {"Authorization": f"Bearer {authorization['access_token']}"}
    base = exchange.sent["fhirServer"]
    assert requests.get(f"{base}/Patient/sim-pump", headers=header, timeout=PATIENCE_S).status_code == 200
    assert requests.get(f"{base}/Patient/sim-watch", headers=header, timeout=PATIENCE_S).status_code == 404


@pytest.mark.spec("FB2", "FB9")
def test_feedback_on_a_card_is_stored_by_the_service(both: Linked) -> None:
    exchange = both.sandbox.client.call(both.service(REVIEW), both.context("sim-glargine"), Reading())
    item = {"card": exchange.cards[0]["uuid"], "outcome": "overridden"}
    item |= {"outcomeTimestamp": "2026-05-15T08:00:00Z"}
    assert both.sandbox.client.feedback(REVIEW, [item]) == (200, {"stored": 1, "repeated": 0})
    assert both.sandbox.client.feedback(REVIEW, [item]) == (200, {"stored": 0, "repeated": 1})


def test_an_order_is_drafted_changed_by_a_suggestion_and_signed(both: Linked) -> None:
    chart = f"{both.origin}/patients/sim-glargine"
    form = {"rxcui": "847230", "units": 24, "when": "HS"}
    chosen = requests.post(f"{chart}/hooks/order-select", json={"form": form}, timeout=PATIENCE_S).json()
    assert chosen["failures"] == 0 and chosen["findings"] >= 1
    actions = [
        json.loads(unescape(found)) for found in re.findall(r'data-actions="([^"]*)"', chosen["cards"])
    ]
    changed = actions[0][0]["resource"]
    quantity = changed["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert quantity.pop("value") > 24
    before = chosen["draft"]
    before["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"].pop("value")
    assert changed == before
    quantity["value"] = 26
    signed = requests.post(f"{chart}/orders", json={"draft": changed}, timeout=PATIENCE_S)
    assert signed.json()["signed"].endswith("26 units")
    assert "26 units" in requests.get(chart, timeout=PATIENCE_S).text


def test_accepting_a_suggestion_on_the_page_reaches_the_service(both: Linked) -> None:
    form = {"rxcui": "847230", "units": 18, "when": "HS"}
    chart = f"{both.origin}/patients/sim-fingersticks"
    chosen = requests.post(f"{chart}/hooks/order-select", json={"form": form}, timeout=PATIENCE_S).json()
    card, service = (re.findall(f'data-{name}="([^"]*)"', chosen["cards"])[0] for name in ("card", "service"))
    suggestion = re.findall(r'data-suggestion="([^"]*)"', chosen["cards"])[0]
    body = {"card": card, "service": service, "outcome": "accepted", "suggestion": suggestion}
    answer = requests.post(f"{both.origin}/feedback", json=body, timeout=PATIENCE_S).json()
    assert answer["status"] == 200 and answer["answer"]["stored"] == 1
    assert answer["sent"]["acceptedSuggestions"] == [{"id": suggestion}]
