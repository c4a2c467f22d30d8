"""What the public CDS Hooks sandbox sends, replayed: its tokens, its shapes, its feedback, its other origin."""

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
import time_machine
from conftest import BASE_URL, make_tenant
from fake_ehr import running
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from sandbox_ehr import new_ehr
from test_golden_cards import GOLDEN
from test_hook_calls import AS_OF, golden
from titration_request import ABOVE_GOAL, GLARGINE, mornings, order, request

from cds_service.addresses import parse_base, parse_registered
from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.tenants import FhirBase
from hooks.prefetch import Dialect, template
from hooks.registry import SERVICES

ORIGIN = "https://sandbox.cds-hooks.org"
JWKS_URL = f"{ORIGIN}/.well-known/jwks.json"
KEY_ID = "9d5c7a12-0000-4000-8000-fixed"
ORDERED = (GOLDEN / "insulin-adjustment" / "as_of").read_text("utf-8").strip()
USER = "Practitioner/COREPRACTITIONER1"


@dataclass(frozen=True)
class Stranger:
    """The public sandbox as a client: one key with a fixed id, no `tenant` claim, a life of 300 seconds."""

    key: ECKey
    client: FlaskClient

    def post(self, path: str, body: Any) -> Any:
        now = int(time.time())
        header = {"alg": "ES384", "kid": KEY_ID, "typ": "JWT", "jku": JWKS_URL}
        claims = {"iss": ORIGIN, "aud": BASE_URL + path, "iat": now, "exp": now + 300}
        token = jwt.encode(header, claims | {"jti": str(uuid.uuid4())}, self.key, algorithms=["ES384"])
        headers = {"Authorization": f"Bearer {token}", "Origin": ORIGIN}
        return self.client.post(path, json=body, headers=headers)


@pytest.fixture(scope="module")
def key() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": KEY_ID, "alg": "ES384", "use": "sig"})


@pytest.fixture
def stranger(settings: Settings, key: ECKey, request: pytest.FixtureRequest) -> Iterator[Stranger]:
    """Registered by hand: the key set is a file here, because its address cannot be reached offline."""
    base = getattr(request, "param", "http://127.0.0.1:9/fhir")
    tenant = make_tenant(
        key,
        issuer=ORIGIN,
        jwks_url=parse_registered(JWKS_URL),
        fhir_bases=(FhirBase(parse_base(base, loopback=True), open=True, allow_private=True),),
    )
    given = replace(settings, development=True, tenants=(tenant,), cors_origins=(ORIGIN,))
    app = create_app(given)
    with app.test_client() as client:
        yield Stranger(key, client)
    app.extensions["wearable_cds"].egress.close()


def patient_view(**changes: Any) -> dict[str, Any]:
    """A call without `fhirAuthorization`, its failed prefetch keys left out."""
    asked = golden("night-lows")
    context = {"userId": USER, "patientId": asked["context"]["patientId"]}
    asked["prefetch"].pop("fingersticks", None)
    asked.pop("fhirAuthorization", None)
    return asked | {"context": context, "fhirServer": "http://127.0.0.1:9/fhir"} | changes


@pytest.mark.spec("JW2", "JW3", "CO2")
@time_machine.travel(AS_OF, tick=False)
def test_a_token_with_the_fixed_key_id_is_read_by_the_key_set_that_is_registered_here(
    stranger: Stranger,
) -> None:
    asked = patient_view()
    asked.pop("fhirServer")
    answer = stranger.post("/cds-services/glucose-review", asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "below 54 mg/dL" in answer.json["cards"][0]["summary"]


@time_machine.travel(AS_OF, tick=False)
def test_a_key_of_somebody_else_under_that_id_gets_nothing(stranger: Stranger) -> None:
    other = ECKey.generate_key("P-384", {"kid": KEY_ID, "alg": "ES384", "use": "sig"})
    answer = replace(stranger, key=other).post("/cds-services/glucose-review", patient_view())
    assert answer.status_code == 401


@pytest.mark.spec("CO1", "CO2", "CO3")
def test_CO1_its_browser_may_ask_from_another_origin(stranger: Stranger) -> None:
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for path in ("/cds-services", "/cds-services/glucose-review", "/cds-services/glucose-review/feedback"):
        answer = stranger.client.options(path, headers=preflight)
        assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        allowed = answer.headers["Access-Control-Allow-Headers"].lower()
        assert "authorization" in allowed and "content-type" in allowed


def test_what_it_left_out_is_read_from_an_open_server_without_a_token(settings: Settings, key: ECKey) -> None:
    with running() as fhir:
        tenant = make_tenant(
            key,
            issuer=ORIGIN,
            fhir_bases=(FhirBase(parse_base(fhir.base, loopback=True), open=True, allow_private=True),),
        )
        app = create_app(
            replace(
                settings, development=True, tenants=(replace(tenant, jwks_url=parse_registered(JWKS_URL)),)
            )
        )
        asked = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": fhir.base,
            "context": {"userId": USER, "patientId": "p-ok"},
        }
        with app.test_client() as client:
            answer = Stranger(key, client).post("/cds-services/glucose-review", asked)
        app.extensions["wearable_cds"].egress.close()
        assert answer.status_code in (200, 412), answer.text
        assert fhir.seen and not any("Authorization" in seen.headers for seen in fhir.seen)


def ordering(draft: dict[str, Any], hook: str = "order-select") -> dict[str, Any]:
    """Its draft orders: a Bundle without a type around an entry without intent."""
    asked = request(mornings(ABOVE_GOAL), [order(20)])
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {**draft, "id": "request-123"}}]}
    context = {"userId": USER, "patientId": asked["context"]["patientId"], "draftOrders": bundle}
    if hook == "order-select":
        context["selections"] = ["MedicationRequest/request-123"]
    return asked | {"hook": hook, "context": context}


BARE: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "status": "draft",
    "subject": {"reference": "Patient/p1"},
}
CHOSEN = BARE | {
    "medicationCodeableConcept": GLARGINE,
    "category": {"coding": [{"code": "outpatient"}]},
    "dosageInstruction": [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": 20, "unit": "units", "code": "[iU]"}}],
        }
    ],
}


@pytest.mark.spec("CX5", "X11")
@time_machine.travel(ORDERED, tick=False)
def test_CX5_X11_before_a_drug_is_chosen_no_dose_is_proposed(stranger: Stranger) -> None:
    answer = stranger.post("/cds-services/insulin-adjustment", ordering(BARE))
    assert answer.status_code == 200, answer.text
    assert not any("suggestions" in card for card in answer.json["cards"])


@pytest.mark.spec("CX5", "X11")
@time_machine.travel(ORDERED, tick=False)
def test_CX5_X11_a_draft_without_intent_whose_category_is_an_object_is_answered(stranger: Stranger) -> None:
    answer = stranger.post("/cds-services/insulin-adjustment", ordering(CHOSEN))
    assert answer.status_code == 200, answer.text
    (card,) = answer.json["cards"]
    assert card["suggestions"], card["summary"]
    for suggestion in card["suggestions"]:
        (action,) = suggestion["actions"]
        assert action["resource"]["id"] == "request-123" and "intent" not in action["resource"]
        assert action["resource"]["category"] == CHOSEN["category"]


@pytest.mark.spec("CX5")
@time_machine.travel(ORDERED, tick=False)
def test_CX5_signing_sends_no_selections_and_the_check_answers(stranger: Stranger) -> None:
    answer = stranger.post("/cds-services/insulin-order-check", ordering(CHOSEN, "order-sign"))
    assert answer.status_code == 200, answer.text


FEEDBACK = [
    {"outcome": "accepted", "acceptedSuggestions": [{"id": "s-1"}]},
    {"outcome": "overridden"},
    {
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": "other", "system": "https://example.org"}},
    },
]


@pytest.mark.spec("FB1", "FB2")
@pytest.mark.parametrize("said", FEEDBACK, ids=str)
def test_FB1_its_feedback_comes_one_item_a_call_and_is_stored(stranger: Stranger, said: Any) -> None:
    item = {"card": str(uuid.uuid4()), "outcomeTimestamp": "2026-05-15T12:00:01.123Z", **said}
    answer = stranger.post("/cds-services/glucose-review/feedback", {"feedback": [item]})
    assert (answer.status_code, answer.json) == (200, {"stored": 1, "repeated": 0})


@pytest.mark.spec("PT8")
@pytest.mark.parametrize("dialect", ["core", "relative-date"])
def test_PT8_merging_repeated_parameters_changes_no_template_of_ours(dialect: Dialect) -> None:
    for service in SERVICES:
        for need in service.needs:
            pairs = parse_qsl(template(need, dialect).partition("?")[2], keep_blank_values=True)
            assert len(dict(pairs)) == len(pairs), (service.id, need.key)


@pytest.mark.spec("PT2")
def test_PT2_the_one_token_of_the_core_dialect_is_one_that_it_resolves() -> None:
    texts = [template(need, "core") for service in SERVICES for need in service.needs]
    assert {token for text in texts for token in re.findall(r"{{(.*?)}}", text)} == {"context.patientId"}


def test_a_token_that_it_could_not_resolve_and_encoded_gets_a_clear_answer_from_our_fhir_server(
    tmp_path: Path,
) -> None:
    ehr = new_ehr(tmp_path)
    date = quote("ge{{today() - 15 days}}")
    answer = ehr.fhir(f"Observation?patient=a&date={date}")
    ehr.sandbox.storage.close()
    assert answer.status_code == 400 and answer.get_json()["resourceType"] == "OperationOutcome"
