"""What an EHR may answer to a code, and which of it opens the app; public clients; registrations that are wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from smart_app_ehr import Stub, registered
from werkzeug.test import TestResponse

from cds_service.tenants_file import read_tenants

GOOD = {
    "access_token": "t0ken",
    "token_type": "Bearer",
    "scope": "patient/*.rs",
    "patient": "p1",
    "expires_in": 300,
}


@dataclass
class Launched:
    """An EHR that says what a test wants, and our app registered there."""

    stub: Stub
    client: FlaskClient
    origin: str

    def begin(self) -> TestResponse:
        return self.client.get("/smart/launch", query_string={"iss": f"{self.origin}/fhir/", "launch": "x"})

    def finish(self, **answer: Any) -> TestResponse:
        """The callback, when the token endpoint says this."""
        self.stub.answer = answer
        asked = parse_qs(urlsplit(self.begin().headers["Location"]).query)
        return self.client.get("/smart/callback", query_string={"code": "c", "state": asked["state"][0]})


@pytest.fixture
def launched(tmp_path: Path, ehr_key: ECKey) -> Iterator[Launched]:
    stub = Stub()
    with registered(stub, tmp_path, ehr_key) as (app, origin):
        yield Launched(stub, app.test_client(), origin)


@pytest.mark.spec("SM6", "SM4")
def test_SM6_a_public_client_names_itself_and_shows_its_verifier_and_no_secret(launched: Launched) -> None:
    assert launched.finish(**GOOD).status_code == 303
    form = launched.stub.asked[0]
    assert form["client_id"] == "public-app" and form["grant_type"] == "authorization_code"
    assert form["redirect_uri"] == "http://127.0.0.1:8000/smart/callback" and len(form["code_verifier"]) >= 43
    assert "client_secret" not in form and "client_assertion" not in form


@pytest.mark.spec("SM7", "SM8")
@pytest.mark.parametrize(
    "changed",
    [
        {"token_type": "bearer"},
        {"token_type": "BEARER"},
        {"scope": "patient/Observation.r launch"},
        {"scope": ""},
        {"expires_in": 86_400},
        {"need_patient_banner": False},
        {
            "fhirContext": [{"reference": "ImagingStudy/1"}],
            "intent": "review",
            "tenant": "x",
            "encounter": "e",
        },
        {"fhirContext": ["ImagingStudy/1"], "refresh_token": "r", "id_token": "not.looked.at"},
        {"appContext": "of somebody else"},
    ],
    ids=str,
)
def test_SM7_grants_that_differ_from_what_was_asked_open_the_app(
    launched: Launched, changed: dict[str, Any]
) -> None:
    assert launched.finish(**GOOD | changed).status_code == 303


@pytest.mark.spec("SM7", "SM8")
@pytest.mark.parametrize(
    "changed",
    [
        {"patient": None},
        {"patient": ""},
        {"patient": "../Practitioner/1"},
        {"token_type": "mac"},
        {"access_token": ""},
        {"access_token": "two\r\nlines"},
        {"expires_in": "soon"},
        {"scope": None},
        {"error": "invalid_grant"},
    ],
    ids=str,
)
def test_SM8_an_answer_without_patient_or_usable_token_opens_nothing(
    launched: Launched, changed: dict[str, Any]
) -> None:
    answer = launched.finish(**GOOD | changed)
    assert answer.status_code == 400 and "Location" not in answer.headers


def test_a_token_endpoint_that_fails_is_said_and_opens_nothing(launched: Launched) -> None:
    launched.stub.status = 503
    answer = launched.finish(**GOOD)
    assert answer.status_code == 400 and "did not confirm" in answer.text


@pytest.mark.spec("FA13", "F-04", "FA5")
def test_FA13_a_grant_that_covers_nothing_shows_that_nothing_could_be_read(launched: Launched) -> None:
    opened = launched.finish(**GOOD | {"scope": ""}).headers["Location"]
    answer = launched.client.get(urlsplit(opened).path)
    assert answer.status_code == 412 and "required data" in answer.text


@pytest.mark.spec("SM1")
@pytest.mark.parametrize("methods", [[], ["plain"], ["S256", "plain"]], ids=str)
def test_SM1_an_ehr_without_s256_or_with_plain_is_not_used(launched: Launched, methods: list[str]) -> None:
    launched.stub.configuration = {"code_challenge_methods_supported": methods}
    assert launched.begin().status_code == 400


@pytest.mark.spec("SM1")
def test_SM1_endpoints_relative_to_the_fhir_base_are_understood(launched: Launched) -> None:
    launched.stub.configuration = {"token_endpoint": "/token"}
    assert launched.begin().status_code == 400  # it leaves the FHIR base: not the registered one


def test_a_registration_of_the_app_is_checked_whole_when_the_service_starts(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384", {"kid": "k"}).as_dict(private=False)
    jwks = ", ".join(f'{name} = "{value}"' for name, value in key.items())
    text = f"""
[[tenant]]
id = "north"
issuer = "https://ehr.example.org"
jwks = {{ keys = [{{ {jwks} }}] }}
fhir_bases = [{{ url = "https://ehr.example.org/fhir" }}]
[tenant.app]
client_id = "app"
authorize_url = "https://ehr.example.org/authorize"
token_url = "https://ehr.example.org/token"
frame_ancestors = ["https://ehr.example.org"]
"""
    file = tmp_path / "tenants.toml"
    file.write_text(text)
    tenants, problems = read_tenants(file, development=False)
    assert problems == () and tenants[0].app is not None and tenants[0].app.keys_file is None
    file.write_text(
        text.replace('ancestors = ["https://ehr.example.org"]', 'ancestors = ["https://a.example/x"]')
    )
    assert any("origin with a path" in problem for problem in read_tenants(file, development=False)[1])
    file.write_text(text.replace("https://ehr.example.org/token", "http://127.0.0.1/token"))
    assert any("not https" in problem for problem in read_tenants(file, development=False)[1])
    file.write_text(
        text + text.replace('"north"', '"south"').replace('issuer = "https://ehr', 'issuer = "https://e2')
    )
    assert any("two apps" in problem for problem in read_tenants(file, development=False)[1])
