"""The sandbox's token endpoint: SMART Backend Services with signed assertions."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sandbox_ehr import NOW_MS, ORIGIN, Clock, SandboxEhr
from werkzeug.test import TestResponse

from cds_service.sandbox.app import CLIENT_ID, SandboxSettings, create_sandbox
from cds_service.sandbox.auth_server import ASSERTION_TYPE
from cds_service.sandbox.signing import Signer

TOKEN_URL = f"{ORIGIN}/auth/token"
NOW_S = NOW_MS // 1000


@pytest.fixture(scope="module")
def key() -> ECKey:
    return ECKey.generate_key("P-384")


@pytest.fixture
def ehr(tmp_path: Path, key: ECKey) -> Iterator[SandboxEhr]:
    settings = SandboxSettings(ORIGIN, "http://127.0.0.1:8000", tmp_path, Signer(key, CLIENT_ID).key_set())
    made = SandboxEhr(create_sandbox(settings, Clock()), Clock())
    yield made
    made.sandbox.storage.close()


def assertion(key: ECKey, **changes: Any) -> str:
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": TOKEN_URL,
        "exp": NOW_S + 300,
        "jti": str(uuid.uuid4()),
    }
    header = {"alg": "ES384", "kid": Signer(key, CLIENT_ID).key_id, "typ": "JWT"}
    return jwt.encode(header, {**claims, **changes}, key, algorithms=["ES384"])


def ask(ehr: SandboxEhr, signed: str, **changes: str) -> TestResponse:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
        "scope": "system/*.rs",
    }
    return ehr.sandbox.app.test_client().post("/auth/token", base_url=ORIGIN, data={**form, **changes})


@pytest.mark.spec("BS1", "BS2")
def test_a_signed_assertion_gets_a_token_that_reads_and_does_not_write(ehr: SandboxEhr, key: ECKey) -> None:
    granted = ask(ehr, assertion(key)).get_json()
    assert granted["token_type"] == "bearer" and granted["expires_in"] == 300
    ehr.token = granted["access_token"]
    assert ehr.fhir("Patient").status_code == 200
    assert ehr.fhir("Patient", "POST", json={"resourceType": "Patient"}).status_code == 403


def test_an_assertion_is_good_once(ehr: SandboxEhr, key: ECKey) -> None:
    signed = assertion(key)
    assert ask(ehr, signed).status_code == 200
    again = ask(ehr, signed)
    assert again.status_code == 401 and again.get_json() == {"error": "invalid_client"}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "http://elsewhere/token"},
        {"exp": NOW_S},
        {"exp": NOW_S + 301},
        {"exp": "soon"},
        {"iss": "somebody"},
        {"sub": "somebody"},
        {"jti": None},
    ],
)
def test_an_assertion_that_is_late_long_or_for_somebody_else_is_refused(
    ehr: SandboxEhr, key: ECKey, changes: dict[str, Any]
) -> None:
    assert ask(ehr, assertion(key, **changes)).status_code == 401


def test_a_foreign_key_and_garbage_are_refused(ehr: SandboxEhr) -> None:
    for signed in (assertion(ECKey.generate_key("P-384")), "", "a.b.c", "é"):
        assert ask(ehr, signed).get_json() == {"error": "invalid_client"}


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("system/Patient.rs system/Observation.cruds", "system/Patient.rs"),
        ("patient/*.rs system/*.read", "system/*.read"),
        ("openid", None),
        ("", None),
    ],
)
def test_only_system_scopes_that_read_are_granted(
    ehr: SandboxEhr, key: ECKey, scope: str, granted: str | None
) -> None:
    response = ask(ehr, assertion(key), scope=scope)
    assert response.get_json().get("scope") == granted
    assert response.status_code == (200 if granted else 400)


def test_other_grants_are_refused(ehr: SandboxEhr, key: ECKey) -> None:
    assert ask(ehr, assertion(key), grant_type="password").get_json() == {"error": "unsupported_grant_type"}
    assert ask(ehr, assertion(key), client_assertion_type="x").get_json() == {"error": "invalid_request"}
