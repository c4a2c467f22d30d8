"""Public keys of the EHRs: registered sets, and fetched ones kept fresh, rate-limited and good in an outage.

Asked by `client_auth` for the key of a token; fetches through `egress` alone.
"""

import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from cds_service.calls import Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.tenants import Tenant
from hooks.errors import Unauthorized

MAX_KEYS: Final = 50
MAX_BYTES: Final = 256 * 1024
MIN_RSA_BITS: Final = 2048
FETCH_TIMEOUT_S: Final = 2.0
COOLDOWN_MS: Final = 30_000
"""At most one fetch per tenant in this time, whatever key ids arrive (A-07)."""

TTL_FLOOR_MS: Final = 60_000
TTL_DEFAULT_MS: Final = 600_000
TTL_CEILING_MS: Final = 3_600_000
STALE_LIMIT_MS: Final = 24 * 3_600_000
"""How long the last good set serves while the EHR's key server is down (F-10)."""

_MAX_AGE: Final = re.compile(r"\bmax-age=(\d{1,9})")

Start = Callable[[Callable[[], None]], None]

log = structlog.get_logger()


class UnusableKeys(ValueError):
    """Not a JWK set that we would trust; the message quotes nothing of it."""


def parse_key_set(document: object) -> dict[str, Key]:
    """Public signing keys by their id; keys that cannot verify signatures are left out.

    A key id that stands twice is ambiguous and names no key. Raises UnusableKeys where the document is no
    JWK set, is too long, or has no usable key.
    """
    members = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(members, list):
        raise UnusableKeys("is not a JWK set")
    if len(members) > MAX_KEYS:
        raise UnusableKeys(f"has more than {MAX_KEYS} keys")
    ids = [member.get("kid") for member in members if isinstance(member, dict)]
    found = {key_id: key for key_id, key in map(_verification_key, members) if key and ids.count(key_id) == 1}
    if not found:
        raise UnusableKeys("has no usable public key with an unambiguous id")
    return found


def _verification_key(member: Any) -> tuple[str, Key | None]:
    if not isinstance(member, dict) or not isinstance(member.get("kid"), str):
        return "", None
    if member.get("kty") not in ("EC", "RSA", "OKP") or "d" in member or member.get("use", "sig") != "sig":
        return "", None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # short RSA keys: refused below
            key = JWKRegistry.import_key(member)
    except (JoseError, ValueError, TypeError, KeyError):
        return "", None
    return member["kid"], key if _is_strong(key) else None


def _is_strong(key: Key) -> bool:
    if isinstance(key, RSAKey):
        return int(key.raw_value.key_size) >= MIN_RSA_BITS
    return isinstance(key, ECKey | OKPKey)


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Mapping[str, Key]
    at_ms: int
    ttl_ms: int


class KeySets:
    """The keys of every tenant; shared by all threads of a worker."""

    def __init__(self, tenants: Iterable[Tenant], egress: Egress, start: Start | None = None) -> None:
        self._registered = {t.id: parse_key_set(t.jwks) for t in tenants if t.jwks is not None}
        self._egress = egress
        self._start = start or _start_thread
        self._fetched: dict[str, _Fetched] = {}
        self._tried_ms: dict[str, int] = {}
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}

    def find(self, tenant: Tenant, key_id: str, now_ms: int) -> Key:
        """The key that the tenant's set has under this id. Raises Unauthorized `jwt.key`."""
        registered = self._registered.get(tenant.id)
        keys = self._current(tenant, key_id, now_ms) if registered is None else registered
        if key_id not in keys:
            raise Unauthorized(reason="jwt.key")
        return keys[key_id]

    def known_ids(self, tenant: Tenant, now_ms: int) -> frozenset[str]:
        """The ids of the keys that the tenant has now, fetched if need be."""
        registered = self._registered.get(tenant.id)
        return frozenset(self._current(tenant, "", now_ms) if registered is None else registered)

    def flush(self, tenant_id: str) -> None:
        """Forget fetched keys now: the next token fetches them anew (A-24)."""
        with self._lock:
            self._fetched.pop(tenant_id, None)
            self._tried_ms.pop(tenant_id, None)

    def _current(self, tenant: Tenant, key_id: str, now_ms: int) -> Mapping[str, Key]:
        known = self._fetched.get(tenant.id)
        if known is None or key_id not in known.keys or now_ms - known.at_ms >= known.ttl_ms:
            self._refresh(tenant, now_ms)
        elif now_ms - known.at_ms >= known.ttl_ms // 2:
            self._start(lambda: self._refresh(tenant, now_ms))
        known = self._fetched.get(tenant.id)
        return known.keys if known and now_ms - known.at_ms < STALE_LIMIT_MS else {}

    def _refresh(self, tenant: Tenant, now_ms: int) -> None:
        """Fetch once; others that miss the same set wait here, those whose key is known never come here."""
        with self._lock:
            fetching = self._fetching.setdefault(tenant.id, threading.Lock())
        with fetching:
            if now_ms - self._tried_ms.get(tenant.id, now_ms - COOLDOWN_MS) < COOLDOWN_MS:
                return
            self._tried_ms[tenant.id] = now_ms
            try:
                self._fetched[tenant.id] = self._fetch(tenant, now_ms)
            except (CallFailed, UnusableKeys) as error:
                log.warning("jwks.unavailable", tenant=tenant.id, reason=str(error))

    def _fetch(self, tenant: Tenant, now_ms: int) -> _Fetched:
        if tenant.jwks_url is None:
            raise UnusableKeys("has no address")
        server = Server(tenant.jwks_url, tenant.jwks_allow_private, tenant.ca_file)
        keys, cache_control = read_key_set(self._egress, server, Deadline.after(FETCH_TIMEOUT_S))
        return _Fetched(keys, now_ms, _ttl_ms(cache_control))


def read_key_set(egress: Egress, server: Server, deadline: Deadline) -> tuple[dict[str, Key], str]:
    """The keys at an address, and how long they may be kept. Raises CallFailed and UnusableKeys."""
    call = Call(server.address, headers={"Accept": "application/json"}, max_bytes=MAX_BYTES)
    answer = egress.send(server, call, deadline)
    if answer.status != 200:
        raise CallFailed(f"status_{answer.status}")
    try:
        keys = parse_key_set(msgspec.json.decode(answer.body))
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnusableKeys("is not JSON") from error
    return keys, answer.headers.get("cache-control", "")


def _ttl_ms(cache_control: str) -> int:
    stated = _MAX_AGE.search(cache_control)
    wanted = int(stated[1]) * 1000 if stated else TTL_DEFAULT_MS
    return min(max(wanted, TTL_FLOOR_MS), TTL_CEILING_MS)


def _start_thread(refresh: Callable[[], None]) -> None:
    threading.Thread(target=refresh, name="jwks-refresh", daemon=True).start()
