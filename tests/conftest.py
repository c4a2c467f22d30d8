"""Fixtures that every test may use: the shared data, an EHR that signs its calls, and the service it calls."""

import json
import os
import socket
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from canaries import pytest_runtest_makereport as pytest_runtest_makereport
from fake_ehr import FakeEhr, running
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from joserfc import jwt
from joserfc.jwk import ECKey
from patience import PATIENCE_S
from werkzeug.test import TestResponse

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.tenants import FhirBase, ServiceSetting, Tenant

ROOT = Path(__file__).resolve().parent.parent
BASE_URL = "https://cds.example.org"
AS_OF = datetime(2026, 5, 15, 8, 0, tzinfo=UTC)

hypothesis_settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
hypothesis_settings.register_profile("fuzz", max_examples=1_000, deadline=None)
hypothesis_settings.register_profile("safety", max_examples=1_000_000, deadline=None)
hypothesis_settings.load_profile("ci")


def _is_here(address: object) -> bool:
    """Whether an address of a socket, or a name to resolve, is of this machine."""
    if not isinstance(address, tuple):
        return True  # a path: Unix sockets
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    return host in (None, "", "localhost", "::1") or str(host).startswith("127.")


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reaches a network: names resolve to nothing, and an attempt to connect fails the test."""
    attempts: list[object] = []
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def denied(address: object) -> None:
        attempts.append(address)
        raise ConnectionRefusedError(f"tests reach no network, and not {address}")

    def checked_connect(self: socket.socket, address: Any) -> None:
        return connect(self, address) if _is_here(address) else denied(address)

    def checked_connect_ex(self: socket.socket, address: Any) -> Any:
        return connect_ex(self, address) if _is_here(address) else denied(address)

    def checked_resolve(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if not _is_here((host,)):  # an address in numbers needs no server; a name is not found
            named["flags"] = named.get("flags", 0) | socket.AI_NUMERICHOST
        return resolve(host, port, *rest[:3], **named)

    monkeypatch.setattr(socket.socket, "connect", checked_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", checked_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", checked_resolve)
    yield
    assert attempts == []


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared reference data; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("WEARABLE_CDS_SHARED", ROOT.parent / "shared")).resolve()
    if not (folder / "data").is_dir():
        pytest.skip("shared reference data absent: set WEARABLE_CDS_SHARED to its folder")
    return folder


@dataclass(frozen=True)
class Ehr:
    """An EHR with its key and its registration; `call` sends a hook as a real one would."""

    key: ECKey
    tenant: Tenant
    client: FlaskClient

    def token(self, audience: str, key: ECKey | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.tenant.issuer,
            "aud": audience,
            "iat": now,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
            **changes,
        }
        header = {"alg": "ES384", "kid": self.key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, key or self.key, algorithms=["ES384"])

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.token(BASE_URL + path)}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, data=data, headers=sent | headers)

    def call(self, service_id: str, body: Any, **headers: str) -> TestResponse:
        return self.post(f"/cds-services/{service_id}", body, **headers)


def make_tenant(key: ECKey, **changes: Any) -> Tenant:
    """A registration with everything enabled and approved."""
    approved = ServiceSetting(enabled=True, approver="Dr A. Prover", approved_on=date(2026, 1, 1))
    tenant = Tenant(
        id="test-hospital",
        issuer="https://ehr.example.org",
        jwks={"keys": [key.as_dict(private=False)]},
        fhir_bases=(FhirBase(parse_base("https://ehr.example.org/fhir"), open=False),),
        services={
            "insulin-adjustment": approved,
            "insulin-order-check": approved,
            "setting-adjustment": approved,
        },
        titration_table="ada-basal",
        zone="America/New_York",
    )
    return replace(tenant, **changes)


@pytest.fixture(scope="session")
def ehr_key() -> ECKey:
    """The EHR's signing key."""
    return ECKey.generate_key("P-384", {"kid": "ehr-key-1", "alg": "ES384", "use": "sig"})


@pytest.fixture
def settings(tmp_path: Path, ehr_key: ECKey) -> Settings:
    """Settings of a service with one tenant and a database of its own."""
    return Settings(
        public_base_url=parse_base(BASE_URL),
        database_url=f"sqlite:///{tmp_path / 'cds.sqlite'}",
        secret_key=urlsafe_b64encode(b"k" * 32),
        tenants=(make_tenant(ehr_key),),
        deadline_s=PATIENCE_S,
    )


@pytest.fixture
def fake() -> Iterator[FakeEhr]:
    """The FHIR server of an EHR, to be told what to answer."""
    with running() as fake:
        yield fake


@pytest.fixture
def ehr(settings: Settings, ehr_key: ECKey) -> Iterator[Ehr]:
    """The EHR, with the service it calls."""
    app = create_app(settings)
    with app.test_client() as client:
        yield Ehr(ehr_key, settings.tenants[0], client)
    app.extensions["wearable_cds"].egress.close()
