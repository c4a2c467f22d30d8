"""Who opened the app: which id_token of an EHR is believed, and that the app opens without one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sandbox_ehr import NOW_MS
from smart_app_ehr import Stub, registered
from werkzeug.test import TestResponse

NOW_S = NOW_MS // 1000
GOOD = {"access_token": "t", "token_type": "Bearer", "scope": "openid fhirUser", "patient": "p1"}


@dataclass
class Launched:
    """An EHR that signs with `key`, and our app registered there with the address of its OpenID keys."""

    stub: Stub
    client: FlaskClient
    key: ECKey
    origin: str
    asked: dict[str, str]

    def finish(self, **answer: Any) -> TestResponse:
        """The callback, when the token endpoint says this."""
        self.stub.answer = GOOD | answer
        return self.client.get("/smart/callback", query_string={"code": "c", "state": self.asked["state"]})

    def signed(self, key: ECKey | OctKey | None = None, algorithm: str = "ES384", **claims: Any) -> str:
        """An id_token for this launch, but for these claims; None leaves one out."""
        right = {
            "iss": self.origin, "aud": "public-app", "sub": "u", "nonce": self.asked["nonce"],
            "iat": NOW_S, "exp": NOW_S + 300, "fhirUser": f"{self.origin}/fhir/Practitioner/dr-7",
        }  # fmt: skip
        said = {name: value for name, value in (right | claims).items() if value is not None}
        return jwt.encode(
            {"alg": algorithm, "kid": "ehr-key-1"}, said, key or self.key, algorithms=[algorithm]
        )

    def users(self) -> list[str | None]:
        """Who stands in the audit log as having opened the app."""
        lines = self.client.application.extensions["wearable_cds"].store.audit.lines("north")
        return [line["user"] for line in lines if line["action"] == "app.opened"]


@pytest.fixture
def launched(tmp_path: Path, ehr_key: ECKey) -> Iterator[Launched]:
    stub = Stub(keys={"keys": [ehr_key.as_dict(private=False)]})
    hook_key = ECKey.generate_key("P-384", {"kid": "hooks"})
    with registered(stub, tmp_path, hook_key, openid=True) as (app, origin):
        client = app.test_client()
        begun = client.get("/smart/launch", query_string={"iss": f"{origin}/fhir", "launch": "x"})
        asked = {
            name: values[0] for name, values in parse_qs(urlsplit(begun.headers["Location"]).query).items()
        }
        yield Launched(stub, client, ehr_key, origin, asked)


@pytest.mark.spec("SM9", "SM5", "SE1")
@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({}, "Practitioner/dr-7"),
        ({"fhirUser": "PractitionerRole/9"}, "PractitionerRole/9"),
        ({"aud": ["public-app"]}, "Practitioner/dr-7"),
        ({"aud": ["public-app", "other"], "azp": "public-app"}, "Practitioner/dr-7"),
        ({"exp": NOW_S - 59}, "Practitioner/dr-7"),
        ({"fhirUser": None, "name": "Dr Seven"}, None),
        ({"fhirUser": "Dr Seven"}, None),
        ({"fhirUser": "Device/1"}, None),
    ],
    ids=str,
)
def test_SM9_the_user_stands_in_the_audit_log_as_a_reference_and_never_by_name(
    launched: Launched, claims: dict[str, Any], user: str | None
) -> None:
    assert launched.asked["scope"].split()[-2:] == ["openid", "fhirUser"]
    assert launched.finish(id_token=launched.signed(**claims)).status_code == 303
    assert launched.users() == [user]


@pytest.mark.spec("SM9")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example.org"},
        {"iss": None},
        {"aud": "another-app"},
        {"aud": ["public-app", "other"]},
        {"aud": ["public-app", "other"], "azp": "other"},
        {"nonce": "of another launch"},
        {"nonce": None},
        {"exp": NOW_S - 60},
        {"exp": None},
        {"exp": "soon"},
        {"iat": NOW_S + 61},
        {"iat": None},
    ],
    ids=str,
)
def test_SM9_an_id_token_that_is_not_of_this_launch_opens_nothing(
    launched: Launched, claims: dict[str, Any]
) -> None:
    assert launched.finish(id_token=launched.signed(**claims)).status_code == 400
    assert launched.users() == []


@pytest.mark.spec("SM9")
def test_SM9_an_id_token_of_another_key_or_of_no_key_opens_nothing(launched: Launched) -> None:
    assert launched.finish(id_token=launched.signed(ECKey.generate_key("P-384"))).status_code == 400


@pytest.mark.spec("SM9")
@pytest.mark.parametrize("made", ["eyJhbGciOiJub25lIn0.e30.", "not.a.token", "", 7], ids=str)
def test_SM9_what_is_no_signed_token_opens_nothing(launched: Launched, made: Any) -> None:
    assert launched.finish(id_token=made).status_code == 400


@pytest.mark.spec("SM9")
def test_SM9_a_shared_secret_signs_no_id_token(launched: Launched) -> None:
    made = launched.signed(OctKey.import_key(b"s" * 32), "HS256")
    assert launched.finish(id_token=made).status_code == 400


@pytest.mark.spec("SM5", "SM9")
def test_SM9_the_app_opens_without_an_id_token_and_names_nobody(launched: Launched) -> None:
    assert launched.finish().status_code == 303
    assert launched.users() == [None]


@pytest.mark.spec("SM9")
def test_SM9_where_the_keys_cannot_be_had_the_app_opens_and_believes_nobody(launched: Launched) -> None:
    launched.stub.keys = None
    assert launched.finish(id_token=launched.signed()).status_code == 303
    assert launched.users() == [None]
