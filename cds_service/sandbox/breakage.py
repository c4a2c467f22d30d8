"""What is made wrong with the sandbox's FHIR server on purpose, to see how the services answer then.

One state for the whole demonstration, off at its start; chosen on any page, and every page says it.
"""

import re
import threading
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import orjson
from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from hooks.errors import BadRequest

SLOW_S: Final = 12.0
"""Longer than any service may take to answer."""

KEPT_SHARE: Final = 0.6
"""Of a body that is cut off, what arrives."""

FOREIGN_ID: Final = b"sim-somebody-else"
_REFERENCE: Final = re.compile(rb'"Patient/[^"/]+"')
_PATIENT_ID: Final = re.compile(rb'("resourceType":"Patient","id":)"[^"]*"')
_BROKEN_ENDPOINTS: Final = ("fhir.search", "fhir.read")
_LOGIN_PAGE: Final = (
    "<!doctype html><title>Sign in</title><form><input name=user><input type=password></form>"
)
_EMPTY: Final = orjson.dumps({"resourceType": "Bundle", "type": "searchset", "total": 0})
_OUTCOME: Final = orjson.dumps(
    {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]}
)


class Fault(StrEnum):
    """What can be wrong with a FHIR server."""

    NONE = "none"
    SLOW = "slow"
    FOREIGN = "foreign"
    LOGIN = "login"
    ERRORS = "errors"
    TRUNCATED = "truncated"
    EMPTY = "empty"


WORDS: Final[Mapping[Fault, str]] = {
    Fault.SLOW: f"is slow: each answer takes {SLOW_S:.0f} seconds",
    Fault.FOREIGN: "sends another patient's data",
    Fault.LOGIN: "sends an HTML sign-in page instead of data",
    Fault.ERRORS: "answers every search with status 500",
    Fault.TRUNCATED: "breaks off in the middle of each answer",
    Fault.EMPTY: "finds nothing in any search",
}
"""What the pages say of each fault, after the words "The FHIR server"."""


class Breakage:
    """The fault of the FHIR server now. Slow answers still on their way come at once when it ends."""

    def __init__(self) -> None:
        self.fault = Fault.NONE
        self._changed = threading.Event()

    @property
    def words(self) -> str:
        """What is wrong, for the pages; empty while nothing is."""
        return WORDS.get(self.fault, "")

    def choose(self, fault: Fault) -> None:
        """From now on this is wrong, and nothing else."""
        self._changed.set()
        self.fault, self._changed = fault, threading.Event()

    def attach(self, fhir: Blueprint) -> None:
        """Makes the reads and searches of this server answer as the fault says."""
        fhir.before_request(self._instead)
        fhir.after_request(self._spoiled)

    def in_prefetch(self, filled: dict[str, bytes]) -> dict[str, bytes]:
        """What this EHR would send ahead: it reads from the same server, so most faults leave it nothing."""
        if self.fault in (Fault.NONE, Fault.FOREIGN, Fault.EMPTY):
            return {key: self._body(body) for key, body in filled.items()}
        return {}

    def _instead(self) -> Response | None:
        if request.endpoint not in _BROKEN_ENDPOINTS:
            return None
        if self.fault is Fault.SLOW:
            self._changed.wait(SLOW_S)
        if self.fault is Fault.LOGIN:
            return Response(_LOGIN_PAGE, mimetype="text/html")
        if self.fault is Fault.ERRORS:
            return Response(_OUTCOME, 500, mimetype="application/fhir+json")
        return None

    def _spoiled(self, response: Response) -> Response:
        if request.endpoint in _BROKEN_ENDPOINTS and response.status_code == 200:
            response.set_data(self._body(response.get_data()))
        return response

    def _body(self, body: bytes) -> bytes:
        if self.fault is Fault.TRUNCATED:
            return body[: int(len(body) * KEPT_SHARE)]
        if self.fault is Fault.FOREIGN:
            about = _REFERENCE.sub(b'"Patient/%s"' % FOREIGN_ID, body)
            return _PATIENT_ID.sub(rb'\1"%s"' % FOREIGN_ID, about)
        if self.fault is Fault.EMPTY and body.startswith(b'{"resourceType":"Bundle"'):
            return _EMPTY
        return body

    def blueprint(self) -> Blueprint:
        """The route of the menu."""
        routes = Blueprint("breakage", __name__)
        routes.post("/breakage")(self.submit)
        return routes

    def submit(self) -> AnyResponse:
        """Chooses what is wrong and leads back to the page that asked."""
        asked = request.form.get("fault", "")
        if asked not in list(Fault):
            raise BadRequest("There is no such fault.")
        self.choose(Fault(asked))
        back = request.form.get("back", "")
        return redirect(back if re.fullmatch(r"/(?!/)[\w/.-]*", back) else "/", 303)
