"""The sandbox's own authorization of the app: a code works once, for who asked, with the verifier."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sandbox_ehr import ORIGIN, SandboxEhr, new_ehr
from werkzeug.test import TestResponse

from cds_service.sandbox.app_launch import CODE_LIFE_MS, AppLaunch, RegisteredApp

APP = RegisteredApp("app", "http://127.0.0.1:8000/smart/launch", "http://127.0.0.1:8000/smart/callback")
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[SandboxEhr]:
    made = new_ehr(tmp_path)
    yield made
    made.sandbox.storage.close()


@pytest.fixture
def launches(ehr: SandboxEhr) -> AppLaunch:
    launches = AppLaunch(APP, f"{ORIGIN}/fhir", lambda: [("p1", "Ann")], ehr.clock)
    ehr.sandbox.app.view_functions["app_launch.authorize"] = launches.authorize
    ehr.sandbox.app.view_functions["app_launch.launch"] = launches.launch
    return launches


def authorize(ehr: SandboxEhr, **changes: str) -> TestResponse:
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": APP.redirect_uri,
        "scope": "launch patient/*.rs",
        "state": "s",
        "aud": f"{ORIGIN}/fhir",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    client = ehr.sandbox.app.test_client()
    return client.get("/auth/authorize", base_url=ORIGIN, query_string=asked | changes)


def said(answer: TestResponse) -> dict[str, str]:
    found = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in found.items()}


def launch_token(ehr: SandboxEhr) -> str:
    client = ehr.sandbox.app.test_client()
    return said(client.get("/patients/p1/launch?appContext=card", base_url=ORIGIN))["launch"]


def test_a_code_is_redeemed_once_by_who_asked_with_the_verifier(ehr: SandboxEhr, launches: AppLaunch) -> None:
    for client, address, verifier in (
        ("other", APP.redirect_uri, VERIFIER),
        ("app", "http://127.0.0.1:8000/elsewhere", VERIFIER),
        ("app", APP.redirect_uri, "w" * 43),
    ):
        code = said(authorize(ehr, launch=launch_token(ehr)))["code"]
        assert launches.redeem(code, client, address, verifier) is None
    code = said(authorize(ehr, launch=launch_token(ehr)))["code"]
    granted = launches.redeem(code, "app", APP.redirect_uri, VERIFIER)
    assert granted is not None
    assert (granted.context.patient, granted.context.app_context) == ("p1", "card")
    assert launches.redeem(code, "app", APP.redirect_uri, VERIFIER) is None


def test_a_code_and_a_launch_do_not_wait_for_ever(ehr: SandboxEhr, launches: AppLaunch) -> None:
    code = said(authorize(ehr, launch=launch_token(ehr)))["code"]
    ehr.clock.now_ms += CODE_LIFE_MS
    assert launches.redeem(code, "app", APP.redirect_uri, VERIFIER) is None
    token = launch_token(ehr)
    ehr.clock.now_ms += 10 * CODE_LIFE_MS
    assert said(authorize(ehr, launch=token)) == {"error": "access_denied", "state": "s"}


@pytest.mark.parametrize(
    "changes",
    [{"aud": "https://other.example/fhir"}, {"code_challenge_method": "plain"}, {"response_type": "token"}],
    ids=str,
)
def test_a_request_that_is_not_as_smart_asks_gets_an_error_and_no_code(
    ehr: SandboxEhr, launches: AppLaunch, changes: dict[str, str]
) -> None:
    assert said(authorize(ehr, launch=launch_token(ehr), **changes)) == {
        "error": "invalid_request",
        "state": "s",
    }


def test_nobody_is_sent_to_an_address_that_is_not_registered(ehr: SandboxEhr, launches: AppLaunch) -> None:
    for changes in ({"client_id": "other"}, {"redirect_uri": "https://evil.example.org/"}):
        assert authorize(ehr, launch="x", **changes).status_code == 400
