"""The sandbox's token endpoint: a signed assertion in, alone or with a code, and a short-lived token out.

Beside `fhir_server` and `app_launch`; its clients are the CDS service and its app, registered by their public
keys. Read scopes only.
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
from cds_service.sandbox.app_launch import AppLaunch, Authorized
from cds_service.sandbox.patients import PRACTITIONER_ID
from cds_service.sandbox.signing import Signer
from cds_service.scopes import parse_scopes

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ["ES384", "RS384"]
LONGEST_LIFETIME_S: Final = 300
APP_TOKEN_LIFETIME_S: Final = 3600
_READING: Final = frozenset("rs")


class Refused(Exception):
    """An OAuth error: its code is all that the client is told."""


@dataclass(frozen=True, slots=True)
class AuthServer:
    """Issues system tokens to registered clients; `keys` has each client's public key set."""

    token_url: str
    keys: Mapping[str, Mapping[str, Any]]
    tokens: AccessTokens
    launches: AppLaunch
    signer: Signer
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
        if form.get("grant_type") not in ("client_credentials", "authorization_code"):
            raise Refused("unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Refused("invalid_request")
        client_id = self._client(form.get("client_assertion", ""))
        if form["grant_type"] == "authorization_code":
            return self._for_code(form, client_id)
        scope = " ".join(word for word in form.get("scope", "").split() if _is_reading(word, "system"))
        if not scope:
            raise Refused("invalid_scope")
        token = self.tokens.issue(scope, client_id)
        return jsonify(access_token=token, token_type="bearer", expires_in=TOKEN_LIFETIME_S, scope=scope)

    def _for_code(self, form: Mapping[str, str], client_id: str) -> Response:
        """A token for one patient's data, with what the launch was about beside it."""
        shown = [form.get(name, "") for name in ("code", "redirect_uri", "code_verifier")]
        found = self.launches.redeem(shown[0], client_id, *shown[1:])
        if found is None:
            raise Refused("invalid_grant")
        asked, context = found.scope.split(), found.context
        reading = " ".join(word for word in asked if _is_reading(word, "patient"))
        identity = [word for word in asked if word in ("openid", "fhirUser")]
        answer = {
            "access_token": self.tokens.issue(reading, client_id, context.patient, APP_TOKEN_LIFETIME_S),
            "token_type": "Bearer",
            "expires_in": APP_TOKEN_LIFETIME_S,
            "scope": " ".join([reading, *identity]),
            "patient": context.patient,
            "need_patient_banner": True,
        }
        answer |= {"appContext": context.app_context} if context.app_context else {}
        return jsonify(answer | ({"id_token": self._id_token(found)} if "openid" in identity else {}))

    def _id_token(self, found: Authorized) -> str:
        """Who logged in: always the one simulated clinician."""
        base = self.launches.fhir_base
        claims = {"iss": base, "aud": found.client_id, "sub": PRACTITIONER_ID, "nonce": found.nonce}
        user = {"fhirUser": f"{base}/Practitioner/{PRACTITIONER_ID}"} if "fhirUser" in found.scope else {}
        return self.signer.id_token(claims | user, self.tokens.clock())

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


def _is_reading(word: str, level: str) -> bool:
    return any(scope.level == level and scope.permissions <= _READING for scope in parse_scopes(word))
