"""Our own tokens for an EHR, from an authorization server that checks them as the specification says."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from patience import PATIENCE_S

from cds_service.addresses import parse_address
from cds_service.backend_tokens import PAUSE_S, BackendTokens
from cds_service.calls import CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.jwks import UnusableKeys
from cds_service.own_keys import Algorithm, new_key, public_key_set, read_own_keys
from cds_service.scopes import granted
from cds_service.smart_configuration import contradictions, read_smart_configuration
from cds_service.tenants import Backend, Tenant

NOW_MS = 1_780_000_000_000


class AuthorizationServer(ThreadingHTTPServer):
    """Gives tokens for good assertions; `status` and `body` override its answer."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/token"
        self.keys: KeySet = KeySet([])
        self.assertions: list[dict[str, Any]] = []
        self.forms: list[dict[str, str]] = []
        self.status = 200
        self.body: dict[str, Any] = {
            "token_type": "bearer",
            "expires_in": 300,
            "scope": "system/Observation.rs",
        }
        self.configuration: dict[str, Any] = {}


class _Handler(BaseHTTPRequestHandler):
    server: AuthorizationServer

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        token = jwt.decode(form["client_assertion"], self.server.keys, algorithms=["RS384", "ES384"])
        self.server.assertions.append({**token.header, **token.claims})
        self.server.forms.append(form)
        number = len(self.server.forms)
        self._send(self.server.status, {"access_token": f"canary-{number}", **self.server.body})

    def do_GET(self) -> None:
        self._send(200, self.server.configuration)

    def _send(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Nothing on the console."""


class Clock:
    """The monotonic clock, moved by the test alone."""

    ahead_s = 0.0

    def __init__(self) -> None:
        self._began_s = time.monotonic()

    def __call__(self) -> float:
        return self._began_s + self.ahead_s


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@cache
def own_keys(algorithm: Algorithm) -> str:
    """A key file; made once, since RSA keys take their time."""
    return json.dumps({"keys": [new_key(algorithm, "now"), new_key("ES384", "next")]})


@pytest.fixture(params=["ES384", "RS384"])
def tenant(request: pytest.FixtureRequest, tmp_path: Path, server: AuthorizationServer) -> Tenant:
    path = tmp_path / "own.json"
    path.write_text(own_keys(request.param))
    backend = Backend(
        "our-client", parse_address(server.url), path, ("system/Observation.rs",), allow_private=True
    )
    tenant = Tenant("north", "https://north.example", backend=backend)
    server.keys = KeySet.import_key_set(public_key_set([tenant]))  # type: ignore[arg-type]
    return tenant


@pytest.fixture
def egress() -> Iterator[Egress]:
    egress = Egress()
    yield egress
    egress.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(egress: Egress, clock: Clock) -> BackendTokens:
    return BackendTokens(egress, clock)


def ask(tokens: BackendTokens, tenant: Tenant) -> str:
    return tokens.token(tenant, NOW_MS, Deadline.after(PATIENCE_S)).value


def refusal(tokens: BackendTokens, tenant: Tenant) -> str:
    with pytest.raises(CallFailed) as caught:
        ask(tokens, tenant)
    return caught.value.why


@pytest.mark.spec("BS1", "BS2", "C-09")
def test_BS1_BS2_C09_the_assertion_is_signed_short_lived_and_for_the_registered_endpoint_alone(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer
) -> None:
    assert ask(tokens, tenant) == "canary-1"
    (assertion,), (form,) = server.assertions, server.forms
    assert assertion["kid"] == "now"
    assert assertion["typ"] == "JWT"
    assert assertion["iss"] == assertion["sub"] == "our-client"
    assert assertion["aud"] == server.url
    assert 0 < assertion["exp"] - NOW_MS // 1000 <= 300
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == "system/Observation.rs"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.mark.spec("BS2", "BS4", "F-08")
def test_BS4_F08_a_token_serves_until_four_fifths_of_its_life_then_a_new_assertion_renews_it(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer, clock: Clock
) -> None:
    assert {ask(tokens, tenant) for _ in range(5)} == {"canary-1"}
    clock.ahead_s = 239
    assert ask(tokens, tenant) == "canary-1"
    clock.ahead_s = 241
    assert ask(tokens, tenant) == "canary-2"
    assert len({assertion["jti"] for assertion in server.assertions}) == 2


@pytest.mark.spec("BS4", "F-08")
def test_F08_many_threads_ask_for_one_token(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer
) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: ask(tokens, tenant), range(64))) == {"canary-1"}
    assert len(server.forms) == 1


@pytest.mark.spec("F-09", "BS4")
@pytest.mark.parametrize(
    ("status", "why"), [(400, "auth.refused"), (401, "auth.refused"), (503, "auth.status_503")]
)
def test_F09_BS4_a_refusal_is_told_from_an_outage_and_neither_is_stormed(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer, clock: Clock, status: int, why: str
) -> None:
    server.status = status
    assert {refusal(tokens, tenant) for _ in range(5)} == {why}
    assert len(server.forms) == 1
    server.status = 200
    clock.ahead_s = PAUSE_S
    assert ask(tokens, tenant) == "canary-2"


@pytest.mark.spec("F-09")
def test_F09_a_token_that_is_held_serves_through_an_outage_until_it_expires(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer, clock: Clock
) -> None:
    assert ask(tokens, tenant) == "canary-1"
    server.status = 500
    clock.ahead_s = 299
    assert ask(tokens, tenant) == "canary-1"
    clock.ahead_s = 301
    assert refusal(tokens, tenant) == "auth.status_500"


@pytest.mark.spec("SM7")
def test_SM7_what_was_granted_counts_and_not_what_was_asked(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer
) -> None:
    server.body["scope"] = "system/Patient.r"
    token = tokens.token(tenant, NOW_MS, Deadline.after(PATIENCE_S))
    assert granted(token.scopes, "r", "Patient", ())
    assert not granted(token.scopes, "s", "Observation", ())


@pytest.mark.spec("SM7")
@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": "two\r\nlines"},
        {"access_token": ""},
        {"token_type": "mac"},
        {"token_type": None},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"scope": None},
    ],
)
def test_SM7_an_odd_answer_gives_no_token(
    tokens: BackendTokens, tenant: Tenant, server: AuthorizationServer, change: dict[str, Any]
) -> None:
    server.body |= change
    assert refusal(tokens, tenant) == "auth.malformed"


def test_a_tenant_without_registration_has_no_token(tokens: BackendTokens, tenant: Tenant) -> None:
    assert refusal(tokens, replace(tenant, backend=None)) == "auth.unregistered"


@pytest.mark.spec("BS3")
def test_BS3_only_public_halves_are_published_of_the_current_and_the_next_key(tenant: Tenant) -> None:
    keys = public_key_set([tenant, replace(tenant, id="south", backend=None)])["keys"]
    assert [key["kid"] for key in keys] == ["now", "next"]
    assert all(key.keys() <= {"kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"} for key in keys)


@pytest.mark.spec("K-02")
def test_K02_no_key_and_no_token_shows_in_a_representation(tokens: BackendTokens, tenant: Tenant) -> None:
    assert tenant.backend
    token = tokens.token(tenant, NOW_MS, Deadline.after(PATIENCE_S))
    keys = read_own_keys(tenant.backend.keys_file)
    assert "canary" not in repr(token)
    assert keys.signing.as_dict(private=True)["d"] not in repr(keys)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "EC"}]}',
        json.dumps({"keys": [{**new_key("ES384", "k"), "kid": ""}]}),
        json.dumps({"keys": [{k: v for k, v in new_key("ES384", "k").items() if k != "d"}]}),
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k"}]}),
    ],
)
def test_a_file_without_usable_private_keys_is_refused(tmp_path: Path, document: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(document)
    with pytest.raises(UnusableKeys):
        read_own_keys(path)


# smart-configuration

GOOD = {
    "grant_types_supported": ["authorization_code", "client_credentials"],
    "capabilities": ["client-confidential-asymmetric"],
    "code_challenge_methods_supported": ["S256"],
}


@pytest.mark.spec("SM1", "C-08")
@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({}, 0),
        ({"token_endpoint": "https://evil.example/token"}, 1),
        ({"token_endpoint": ""}, 1),
        ({"code_challenge_methods_supported": []}, 1),
        ({"code_challenge_methods_supported": ["S256", "plain"]}, 1),
        ({"grant_types_supported": ["authorization_code"]}, 1),
        ({"capabilities": []}, 1),
    ],
)
def test_SM1_C08_what_contradicts_our_registration_is_named(
    egress: Egress, server: AuthorizationServer, tenant: Tenant, change: dict[str, Any], count: int
) -> None:
    server.configuration = {"token_endpoint": server.url, **GOOD, **change}
    base = Server(parse_address(server.url.removesuffix("/token")), allow_private=True)
    found = read_smart_configuration(egress, base, Deadline.after(PATIENCE_S))
    assert len(list(contradictions(found, base, tenant))) == count


@pytest.mark.spec("SM1")
def test_SM1_a_relative_endpoint_is_read_against_the_fhir_base(
    egress: Egress, server: AuthorizationServer, tenant: Tenant
) -> None:
    server.configuration = {"token_endpoint": "token", **GOOD}
    base = Server(parse_address(server.url.removesuffix("/token")), allow_private=True)
    found = read_smart_configuration(egress, base, Deadline.after(PATIENCE_S))
    assert list(contradictions(found, base, tenant)) == []
