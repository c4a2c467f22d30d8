"""The sandbox's process: FHIR server, key set and pages in one Flask application, for loopback only.

Made by `demo` and by tests; the CDS service runs elsewhere and is reached over HTTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from cds_service.sandbox.access import AccessTokens
from cds_service.sandbox.app_launch import AppLaunch, RegisteredApp
from cds_service.sandbox.auth_server import AuthServer
from cds_service.sandbox.breakage import WORDS as FAULTS
from cds_service.sandbox.cursor import Cursors
from cds_service.sandbox.fhir_server import FHIR_JSON, FhirServer
from cds_service.sandbox.hook_client import HookClient
from cds_service.sandbox.pages import Pages
from cds_service.sandbox.signing import Signer
from cds_service.sandbox.storage import Storage, wall_clock_ms
from hooks.errors import BadRequest, CannotAnswer, Forbidden, MethodNotAllowed, UnknownService

DATABASE: Final = "ehr.sqlite"
"""The file of its records, in its folder."""

CLIENT_ID: Final = "wearable-cds"
"""The CDS service's client id at this EHR."""

APP_CLIENT_ID: Final = "wearable-cds-app"
"""The client id of its app."""

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_BY_STATUS: Final[dict[int | None, type[CannotAnswer]]] = {
    400: BadRequest,
    404: UnknownService,
    405: MethodNotAllowed,
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One running EHR, in parts: for those who start it and for tests."""

    app: Flask
    storage: Storage
    tokens: AccessTokens
    signer: Signer
    client: HookClient


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Where the sandbox lives: its address, the CDS service's, its folder, and the service's public keys."""

    origin: str
    service_base: str
    folder: Path
    backend_keys: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})

    @property
    def app(self) -> RegisteredApp:
        """The service's app, as registered here."""
        base = f"{self.service_base}/smart"
        return RegisteredApp(APP_CLIENT_ID, f"{base}/launch", f"{base}/callback")

    @property
    def database(self) -> Path:
        """The file of its records."""
        return self.folder / DATABASE


def create_sandbox(settings: SandboxSettings, clock: Callable[[], int] = wall_clock_ms) -> Sandbox:
    """The sandbox with what its folder already holds."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    storage = Storage(settings.database, clock)
    tokens = AccessTokens(clock)
    signer = Signer.at(settings.folder / "ehr-signing-key.pem", settings.origin)
    server = FhirServer(f"{settings.origin}/fhir", storage, tokens, Cursors())
    client = HookClient(server, signer, settings.service_base, CLIENT_ID)
    app = Flask(__name__)
    app.register_blueprint(server.blueprint(), url_prefix="/fhir")
    pages = Pages(client)
    launches = AppLaunch(settings.app, server.base, pages.roster, clock)
    keys = {CLIENT_ID: settings.backend_keys, APP_CLIENT_ID: settings.backend_keys}
    auth = AuthServer(f"{settings.origin}/auth/token", keys, tokens, launches, signer)
    for part in (pages, launches, auth, server.breakage):
        app.register_blueprint(part.blueprint())
    app.get("/.well-known/jwks.json")(lambda: jsonify(signer.key_set()))
    app.context_processor(lambda: {"breakage": server.breakage, "faults": FAULTS})
    _admit_own_origin_only(app, settings.origin)
    _answer_faults(app)
    return Sandbox(app, storage, tokens, signer, client)


def _admit_own_origin_only(app: Flask, origin: str) -> None:
    """Other hosts (a rebound DNS name) and other origins (a foreign page) get nothing.

    Who typed `localhost` is led to the address under which everything here refers to itself.
    """
    host = urlsplit(origin).netloc
    also = f"localhost:{urlsplit(origin).port}"

    @app.before_request
    def check() -> BaseResponse | None:
        if request.host == also != host and request.method == "GET":
            return redirect(origin + request.full_path.rstrip("?"), 307)
        if request.host != host or request.headers.get("Origin", origin) != origin:
            raise Forbidden("This demonstration answers only to its own address.")
        return None

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _answer_faults(app: Flask) -> None:
    """Every fault is an OperationOutcome, as a FHIR server's."""

    @app.errorhandler(CannotAnswer)
    def known(fault: CannotAnswer) -> Response:
        response = jsonify(fault.to_operation_outcome())
        response.status_code, response.mimetype = fault.status, FHIR_JSON
        if fault.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @app.errorhandler(HTTPException)
    def framework(fault: HTTPException) -> Response:
        return known(_BY_STATUS.get(fault.code, CannotAnswer)())
