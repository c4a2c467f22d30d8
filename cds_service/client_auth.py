"""Verifies the EHR's JWT in nine steps; a failure is `Unauthorized` whose reason code goes to the log alone.

The first thing a call meets in `routes`; stands on `jwks` for keys and `store.replay` for used tokens.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Never, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from cds_service.decoy_keys import decoy_keys
from cds_service.jwks import KeySets
from cds_service.tenants import ALGORITHMS, Tenant
from hooks.errors import Unauthorized

LEEWAY_S: Final = 30
MAX_TOKEN_BYTES: Final = 8192
MAX_KEY_ID: Final = 128
REFUSED_HEADERS: Final = frozenset({"crit", "jwk", "x5u", "x5c", "zip", "b64", "cty"})

_SEGMENTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")
_TOKEN_ID: Final = re.compile(r"[\x21-\x7e]{8,256}")
"""Printable ASCII: two spellings of one Unicode text must not pass as two tokens (A-15)."""


class UsedTokens(Protocol):
    """Remembers which tokens were used; `store.replay` has the real ones."""

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """True once per (issuer, token id) over all workers. Raises Unavailable where nobody can say."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: the tenant, and the words of the token that a log may hold."""

    tenant: Tenant
    token_id: str
    key_id: str
    signed_s: int


@dataclass(frozen=True, slots=True)
class _Token:
    signed: bytes
    signature: bytes
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


class Verifier:
    """Checks the tokens of all tenants."""

    def __init__(self, tenants: Iterable[Tenant], keys: KeySets, used: UsedTokens) -> None:
        self._by_issuer: dict[str, list[Tenant]] = {}
        for tenant in tenants:
            self._by_issuer.setdefault(tenant.issuer, []).append(tenant)
        self._keys = keys
        self._used = used
        self._decoys = decoy_keys()

    def verify(self, authorization: Sequence[str], audiences: Collection[str], now_ms: int) -> Caller:
        """The caller behind a request.

        `authorization`: all values of the header Authorization. `audiences`: the public addresses that this
        route answers to, from settings. Raises Unauthorized (401), Unavailable (503: no replay store).
        Every token of the right form costs one check of a signature, whomever it names (A-22).
        """
        token = _parse(_bearer(authorization))
        key_id = _check_header(token.header)
        try:
            tenant, key = self._chosen(token, key_id, now_ms)
        except Unauthorized:
            _is_signed(token, self._decoys[token.header["alg"]])
            raise
        if not _is_signed(token, key):
            _refuse("jwt.sig")
        until_s = _check_times(token.claims, tenant, now_ms // 1000)
        _check_audience(token.claims, {tenant.audience} if tenant.audience else audiences)
        token_id = _check_claims(token.claims, tenant)
        if not self._used.first_use(tenant.issuer, token_id, until_s * 1000, now_ms):
            _refuse("jwt.replay")
        return Caller(tenant, token_id, key_id, token.claims["iat"])

    def _chosen(self, token: _Token, key_id: str, now_ms: int) -> tuple[Tenant, Key]:
        """Whose token it says it is, and the key of theirs that must have signed it."""
        tenant = self._tenant(token.claims)
        _check_registered(token.header, tenant)
        key = self._keys.find(tenant, key_id, now_ms)
        algorithm = JWSRegistry.algorithms[token.header["alg"]]
        try:
            algorithm.check_key(key)  # type, curve, `use` and `alg` of the key
        except JoseError as error:
            raise Unauthorized(reason="jwt.key") from error
        return tenant, key

    def _tenant(self, claims: Mapping[str, Any]) -> Tenant:
        """The row of this issuer; where several share it, the one that lists the `tenant` claim."""
        issuer, claim = claims.get("iss"), claims.get("tenant")
        rows = self._by_issuer.get(issuer, []) if isinstance(issuer, str) else []
        if not rows:
            _refuse("jwt.iss")
        return next((row for row in rows if row.accepts_claim(claim)), rows[0])


def _refuse(reason: str) -> Never:
    raise Unauthorized(reason=reason)


def _bearer(authorization: Sequence[str]) -> str:
    if len(authorization) != 1 or len(authorization[0]) > MAX_TOKEN_BYTES:
        _refuse("jwt.format")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        _refuse("jwt.format")
    return token


def _parse(token: str) -> _Token:
    match = _SEGMENTS.fullmatch(token)
    if not match:
        _refuse("jwt.format")
    header, claims, signature = match.groups()
    return _Token(
        signed=f"{header}.{claims}".encode("ascii"),
        signature=_decode(signature),
        header=_json_object(_decode(header), "jwt.header"),
        claims=_json_object(_decode(claims), "jwt.claims"),
    )


def _decode(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        _refuse("jwt.format")


class _DuplicateName(ValueError):
    """One name twice in a JSON object: two readers could believe two different tokens (A-23)."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateName
    return found


def _no_constant(name: str) -> Never:
    raise ValueError(name)


def _json_object(text: bytes, duplicate: str) -> dict[str, Any]:
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except _DuplicateName:
        _refuse(duplicate)
    except (ValueError, RecursionError):
        _refuse("jwt.format")
    if not isinstance(found, dict):
        _refuse("jwt.format")
    return found


def _check_header(header: Mapping[str, Any]) -> str:
    """The key id; the header must name an algorithm that we know and bring no trust of its own."""
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        _refuse("jwt.alg")
    if not REFUSED_HEADERS.isdisjoint(header) or header.get("typ", "JWT") != "JWT":
        _refuse("jwt.header")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= MAX_KEY_ID:
        _refuse("jwt.header")
    return key_id


def _check_registered(header: Mapping[str, Any], tenant: Tenant) -> None:
    if header["alg"] not in tenant.algorithms:
        _refuse("jwt.alg")
    if "jku" in header and header["jku"] != (tenant.jwks_url.text if tenant.jwks_url else None):
        _refuse("jwt.key")


def _is_signed(token: _Token, key: Key) -> bool:
    return JWSRegistry.algorithms[token.header["alg"]].verify(token.signed, token.signature, key)


def _check_times(claims: Mapping[str, Any], tenant: Tenant, now_s: int) -> int:
    """The second until which the token could still be used."""
    expires, issued, not_before = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if type(expires) is not int or type(issued) is not int or type(not_before) is not int:
        _refuse("jwt.time")
    # how old `iat` may be follows from these two: a short life that has not ended
    if not 0 < expires - issued <= tenant.max_token_lifetime_s or now_s > expires + LEEWAY_S:
        _refuse("jwt.time")
    if max(issued, not_before) > now_s + LEEWAY_S:
        _refuse("jwt.time")
    return expires + LEEWAY_S + 1


def _check_audience(claims: Mapping[str, Any], accepted: Collection[str]) -> None:
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str) or audience not in accepted:
        _refuse("jwt.aud")


def _check_claims(claims: Mapping[str, Any], tenant: Tenant) -> str:
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not _TOKEN_ID.fullmatch(token_id):
        _refuse("jwt.claims")
    if not tenant.accepts_claim(claims.get("tenant")):
        _refuse("jwt.claims")
    return token_id
