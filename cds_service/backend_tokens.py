"""Our own access to an EHR: SMART Backend Services tokens by a signed assertion (BS1 to BS4, F-08, F-09).

For work that no user's token covers; a hook call reads with the hook's token (`smart_auth`) alone.
"""

import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import structlog
from joserfc import jwt

from cds_service.addresses import Address
from cds_service.calls import Answer, Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.own_keys import read_own_keys
from cds_service.scopes import parse_scopes
from cds_service.smart_auth import AccessToken
from cds_service.tenants import Backend, Tenant

ASSERTION_LIFE_S: Final = 240
"""SMART: the assertion expires at most five minutes ahead; this leaves a minute for skewed clocks."""

RENEW_AT: Final = 0.8
DEFAULT_LIFE_S: Final = 300
PAUSE_S: Final = 30.0
"""After a refusal or an outage no token is asked for in this time, whoever needs one (BS4)."""

MAX_ANSWER_BYTES: Final = 65_536
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

log = structlog.get_logger()


class _Granted(msgspec.Struct):
    access_token: str
    token_type: str
    scope: str
    expires_in: int = DEFAULT_LIFE_S


@dataclass(frozen=True, slots=True)
class _Held:
    token: AccessToken
    renew_from_s: float


class BackendTokens:
    """The tokens of all tenants, in memory only; one request at a time for each."""

    def __init__(self, egress: Egress, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._egress = egress
        self._clock_s = clock_s
        self._held: dict[str, _Held] = {}
        self._failed: dict[str, tuple[float, CallFailed]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def token(self, tenant: Tenant, now_ms: int, deadline: Deadline) -> AccessToken:
        """A token that may be sent. Raises CallFailed: `auth.refused` is for people to mend, others pass."""
        held = self._held.get(tenant.id)
        if held and self._clock_s() < held.renew_from_s:
            return held.token
        usable = held if held and self._clock_s() < held.token.until.at_s else None
        with self._lock:
            lock = self._locks.setdefault(tenant.id, threading.Lock())
        if not lock.acquire(timeout=0 if usable else deadline.remaining_s()):
            return self._else(usable, CallFailed("timeout"))
        try:
            return self._renew(tenant, usable, now_ms, deadline)
        finally:
            lock.release()

    def _renew(self, tenant: Tenant, usable: _Held | None, now_ms: int, deadline: Deadline) -> AccessToken:
        held = self._held.get(tenant.id)
        if held and self._clock_s() < held.renew_from_s:  # somebody else did, while this one waited
            return held.token
        until_s, failure = self._failed.get(tenant.id, (float("-inf"), CallFailed("auth")))
        if self._clock_s() < until_s:
            return self._else(usable, failure)
        try:
            self._held[tenant.id] = self._obtain(tenant, now_ms, deadline)
        except CallFailed as failure:
            self._failed[tenant.id] = (self._clock_s() + PAUSE_S, failure)
            log.warning("backend_token.failed", tenant=tenant.id, reason=failure.why)
            return self._else(usable, failure)
        return self._held[tenant.id].token

    def _else(self, usable: _Held | None, failure: CallFailed) -> AccessToken:
        if usable is None:
            raise failure
        return usable.token

    def _obtain(self, tenant: Tenant, now_ms: int, deadline: Deadline) -> _Held:
        if tenant.backend is None:
            raise CallFailed("auth.unregistered")
        backend = tenant.backend
        server = Server(backend.token_url, backend.allow_private, tenant.ca_file)
        call = Call(backend.token_url, "POST", _FORM, _form(backend, now_ms // 1000), MAX_ANSWER_BYTES)
        began_s = self._clock_s()
        granted = _granted(self._egress.send(server, call, deadline))
        until = Deadline(began_s + granted.expires_in)
        token = AccessToken(granted.access_token, until, parse_scopes(granted.scope))
        return _Held(token, began_s + RENEW_AT * granted.expires_in)


def _form(backend: Backend, now_s: int) -> bytes:
    form = {
        "grant_type": "client_credentials",
        "scope": " ".join(backend.scopes),
        **client_assertion(backend.client_id, backend.token_url, backend.keys_file, now_s),
    }
    return urlencode(form).encode("ascii")


def client_assertion(client_id: str, token_url: Address, keys_file: Path, now_s: int) -> dict[str, str]:
    """The members of a token request with which a client that signs shows who it is (BS2).

    Raises UnusableKeys and OSError where the file holds no keys any more.
    """
    keys = read_own_keys(keys_file)
    header = {"alg": keys.algorithm, "kid": keys.key_id, "typ": "JWT"}
    claims: dict[str, Any] = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url.text,  # from our registration, never from what the server says of itself
        "iat": now_s,
        "exp": now_s + ASSERTION_LIFE_S,
        "jti": str(uuid.uuid4()),
    }
    return {
        "client_assertion_type": _ASSERTION_TYPE,
        "client_assertion": jwt.encode(header, claims, keys.signing, algorithms=[keys.algorithm]),
    }


def _granted(answer: Answer) -> _Granted:
    if answer.status in (400, 401, 403):
        raise CallFailed("auth.refused")
    if answer.status != 200:
        raise CallFailed(f"auth.status_{answer.status}")
    try:
        granted = msgspec.json.decode(answer.body, type=_Granted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CallFailed("auth.malformed") from error
    fits = _TOKEN.fullmatch(granted.access_token) and granted.token_type.lower() == "bearer"
    if not fits or granted.expires_in <= 0:
        raise CallFailed("auth.malformed")
    return granted
