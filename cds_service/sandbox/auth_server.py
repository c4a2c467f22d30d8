"""The sandbox's token endpoint for SMART Backend Services: a signed assertion in, a short-lived token out.

Beside `fhir_server`; the only client is the CDS service, registered by its public key. Read scopes only.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cds_service.sandbox.access import TOKEN_LIFETIME_S, AccessTokens
from cds_service.scopes import parse_scopes

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ["ES384", "RS384"]
LONGEST_LIFETIME_S: Final = 300
_READING: Final = frozenset("rs")


class Refused(Exception):
    """An OAuth error: its code is all that the client is told."""


@dataclass(frozen=True, slots=True)
class AuthServer:
    """Issues system tokens to registered clients; `keys` has each client's public key set."""

    token_url: str
    keys: Mapping[str, Mapping[str, Any]]
    tokens: AccessTokens
    used: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def blueprint(self) -> Blueprint:
        """The one route."""
        routes = Blueprint("auth", __name__)
        routes.post("/auth/token")(self.token)
        return routes

    def token(self) -> Response:
        """A token for the assertion in the form, or an OAuth error."""
        try:
            return self._granted(request.form)
        except Refused as refusal:
            response = jsonify(error=str(refusal))
            response.status_code = 401 if str(refusal) == "invalid_client" else 400
            return response

    def _granted(self, form: Mapping[str, str]) -> Response:
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refused("invalid_request")
        client_id = self._client(form.get("client_assertion", ""))
        scope = " ".join(word for word in form.get("scope", "").split() if _is_system_reading(word))
        if not scope:
            raise Refused("invalid_scope")
        token = self.tokens.issue(scope, client_id)
        return jsonify(access_token=token, token_type="bearer", expires_in=TOKEN_LIFETIME_S, scope=scope)

    def _client(self, assertion: str) -> str:
        """The client that signed this assertion for us, once and not long ago."""
        for client_id, keys in self.keys.items():
            try:
                claims = jwt.decode(assertion, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
            except (JoseError, ValueError):
                continue
            if claims.get("iss") == claims.get("sub") == client_id and self._is_timely(claims):
                return client_id
        raise Refused("invalid_client")

    def _is_timely(self, claims: Mapping[str, Any]) -> bool:
        now_s, expires, token_id = self.tokens.clock() // 1000, claims.get("exp"), claims.get("jti")
        if (
            claims.get("aud") != self.token_url
            or not isinstance(expires, int)
            or not isinstance(token_id, str)
        ):
            return False
        with self.lock:
            for old in [key for key, until in self.used.items() if until < now_s]:
                del self.used[old]
            fresh = now_s < expires <= now_s + LONGEST_LIFETIME_S and token_id not in self.used
            self.used[token_id] = expires
        return fresh


def _is_system_reading(word: str) -> bool:
    return any(scope.level == "system" and scope.permissions <= _READING for scope in parse_scopes(word))
