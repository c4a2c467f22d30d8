"""An EHR that launches the app, and a person's browser without one: for tests over real HTTP on loopback."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask, Response, jsonify, request
from joserfc.jwk import ECKey
from patience import PATIENCE_S
from sandbox_ehr import NOW_MS, Linked, free_port

from cds_service.addresses import parse_base, parse_registered
from cds_service.app import create_app
from cds_service.sandbox.demo import serving
from cds_service.settings import Settings
from cds_service.tenants import App, FhirBase, Tenant


@dataclass
class Person:
    """Somebody who follows links with cookies; `pages` keeps every answer."""

    ehr: Linked
    session: requests.Session = field(default_factory=requests.Session)
    pages: list[requests.Response] = field(default_factory=list)

    def get(self, url: str, **options: Any) -> requests.Response:
        answer = self.session.get(url, timeout=PATIENCE_S, **options)
        self.pages += [*answer.history, answer]
        return answer

    def launch(self, patient_id: str, app_context: str = "") -> requests.Response:
        """From the chart of a patient to the first page of the app."""
        asked = {"appContext": app_context} if app_context else {}
        return self.get(f"{self.ehr.origin}/patients/{patient_id}/launch", params=asked)

    def page(self, opened: requests.Response, page: str) -> requests.Response:
        """Another page of an app that is open."""
        return self.get(f"{opened.url.rsplit('/', 1)[0]}/{page}")


def words(answer: requests.Response) -> str:
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def query_of(answer: requests.Response) -> dict[str, str]:
    """The parameters of the address to which an answer leads."""
    found = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in found.items()}


@dataclass
class Stub:
    """An EHR that answers a code with whatever a test says; `asked` keeps the forms it was sent."""

    answer: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    configuration: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] | None = None

    def app(self, origin: str) -> Flask:
        """The EHR at this address."""
        routes = Flask("stub")
        described = {
            "issuer": origin,
            "authorization_endpoint": f"{origin}/authorize",
            "token_endpoint": f"{origin}/token",
            "code_challenge_methods_supported": ["S256"],
            "capabilities": ["launch-ehr"],
            "grant_types_supported": ["authorization_code"],
        }

        @routes.get("/fhir/.well-known/smart-configuration")
        def configuration() -> Response:
            return jsonify(described | self.configuration)

        @routes.get("/keys")
        def keys() -> tuple[Response, int]:
            return jsonify(self.keys), 200 if self.keys else 503

        @routes.post("/token")
        def token() -> tuple[Response, int]:
            self.asked.append(request.form.to_dict())
            return jsonify(self.answer), self.status

        return routes


@contextmanager
def registered(
    stub: Stub, folder: Path, hook_key: ECKey, openid: bool = False
) -> Iterator[tuple[Flask, str]]:
    """Our app with a public client at the stub, and the stub's origin; with `openid` its keys are registered."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    authorize, token, keys = (
        parse_registered(f"{origin}/{end}", loopback=True) for end in ("authorize", "token", "keys")
    )
    tenant = Tenant(
        "north",
        "https://ehr.example.org",
        jwks={"keys": [hook_key.as_dict(private=False)]},
        fhir_bases=(FhirBase(parse_base(f"{origin}/fhir", loopback=True), allow_private=True),),
        app=App("public-app", authorize, token, openid_keys_url=keys if openid else None, allow_private=True),
    )
    settings = Settings(
        public_base_url=parse_base("http://127.0.0.1:8000", loopback=True),
        database_url=f"sqlite:///{folder / 'cds.sqlite'}",
        secret_key=urlsafe_b64encode(b"k" * 32),
        tenants=(tenant,),
        development=True,
    )
    app = create_app(settings, clock_ms=lambda: NOW_MS)
    with serving(stub.app(origin), port):
        yield app, origin
    app.extensions["wearable_cds"].egress.close()
