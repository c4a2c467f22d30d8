"""The sandbox's part in a SMART launch: it opens a registered app for a patient, and authorizes it.

Beside `auth_server`, which exchanges the codes. Login and consent are skipped, because nobody is real here:
a launch from a chart passes at once, and one without a chart asks only which patient is meant.
"""

import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from hooks.errors import BadRequest

CODE_LIFE_MS: Final = 60_000
LAUNCH_LIFE_MS: Final = 300_000

Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """An app that this EHR launches: where, and where it gets its codes."""

    client_id: str
    launch_url: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What a launch is about: the patient, and the `appContext` of the card it came from."""

    patient: str
    app_context: str = ""


@dataclass(frozen=True, slots=True)
class Authorized:
    """What a code stands for."""

    context: LaunchContext
    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    nonce: str


@dataclass(slots=True)
class _Once(Generic[Held]):
    """Secrets that work once and not for long."""

    clock: Callable[[], int]
    life_ms: int
    held: dict[str, tuple[int, Held]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def give(self, held: Held) -> str:
        secret = secrets.token_urlsafe(24)
        with self.lock:
            self.held[secret] = (self.clock() + self.life_ms, held)
        return secret

    def take(self, secret: str) -> Held | None:
        with self.lock:
            until_ms, held = self.held.pop(secret, (0, None))
        return held if until_ms > self.clock() else None


class AppLaunch:
    """The launches and codes of this EHR's one app; `patients` lists who may be chosen (id, name)."""

    def __init__(
        self,
        app: RegisteredApp,
        fhir_base: str,
        patients: Callable[[], list[tuple[str, str]]],
        clock: Callable[[], int],
    ) -> None:
        self.app = app
        self.fhir_base = fhir_base
        self._patients = patients
        self._launches: _Once[LaunchContext] = _Once(clock, LAUNCH_LIFE_MS)
        self._codes: _Once[Authorized] = _Once(clock, CODE_LIFE_MS)

    def blueprint(self) -> Blueprint:
        """The two addresses that a browser visits."""
        routes = Blueprint("app_launch", __name__)
        routes.get("/patients/<patient_id>/launch")(self.launch)
        routes.get("/auth/authorize")(self.authorize)
        return routes

    def launch(self, patient_id: str) -> AnyResponse:
        """From this patient's chart to the app; `appContext` is that of the card's link."""
        context = LaunchContext(patient_id, request.args.get("appContext", ""))
        query = urlencode({"iss": self.fhir_base, "launch": self._launches.give(context)})
        return redirect(f"{self.app.launch_url}?{query}", 302, Response)

    def authorize(self) -> AnyResponse | str:
        """Back to the app with a code; without a launch from a chart first the question which patient."""
        asked = request.args
        known = (asked.get("client_id"), asked.get("redirect_uri")) == (
            self.app.client_id,
            self.app.redirect_uri,
        )
        if not known:
            raise BadRequest("No such app is registered here.")
        if asked.get("aud", "").rstrip("/") != self.fhir_base or asked.get("response_type") != "code":
            return self._back(error="invalid_request")
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return self._back(error="invalid_request")
        if "launch" in asked:
            context = self._launches.take(asked["launch"])
        elif "patient" in asked:
            context = LaunchContext(asked["patient"])
        else:
            return render_template("choose.html", patients=self._patients(), asked=asked.to_dict())
        return self._back(error="access_denied") if context is None else self._with_code(context)

    def redeem(self, code: str, client_id: str, redirect_uri: str, verifier: str) -> Authorized | None:
        """What was authorized, once, for the client that asked and can show its verifier."""
        found = self._codes.take(code)
        if found is None or (found.client_id, found.redirect_uri) != (client_id, redirect_uri):
            return None
        shown = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return found if secrets.compare_digest(shown, found.challenge) else None

    def _with_code(self, context: LaunchContext) -> AnyResponse:
        asked = request.args
        code = self._codes.give(
            Authorized(
                context,
                asked["client_id"],
                asked["redirect_uri"],
                asked.get("scope", ""),
                asked["code_challenge"],
                asked.get("nonce", ""),
            )
        )
        return self._back(code=code)

    def _back(self, **said: str) -> AnyResponse:
        query = urlencode(said | {"state": request.args.get("state", "")})
        return redirect(f"{self.app.redirect_uri}?{query}", 302, Response)
