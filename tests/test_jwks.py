"""Key sets from a real key server: rotation, outage, floods of unknown ids, and documents that are no key sets."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from patience import PATIENCE_S

from cds_service.addresses import parse_address
from cds_service.egress import Egress
from cds_service.jwks import (
    COOLDOWN_MS,
    MAX_BYTES,
    MAX_KEYS,
    STALE_LIMIT_MS,
    TTL_CEILING_MS,
    TTL_DEFAULT_MS,
    TTL_FLOOR_MS,
    KeySets,
    UnusableKeys,
    parse_key_set,
)
from cds_service.tenants import Tenant
from hooks.errors import Unauthorized

OLD = ECKey.generate_key("P-384", {"kid": "old"}, private=True)
NEW = ECKey.generate_key("P-384", {"kid": "new"}, private=True)
T0 = 1_780_000_000_000


def document(*keys: Key, **members: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) | members for key in keys]}


@dataclass
class KeyServer:
    """A key server whose answer is what the test says now."""

    body: bytes = json.dumps(document(OLD)).encode()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    port: int = 0

    def __enter__(self) -> "KeyServer":
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests += 1
                self.send_response(site.status)
                for name, value in {"Content-Length": str(len(site.body)), **site.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, *_: Any) -> None:
                """Nothing on the console."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


@pytest.fixture
def tenant(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    monkeypatch.setattr("cds_service.jwks.FETCH_TIMEOUT_S", PATIENCE_S)
    url = parse_address(f"http://127.0.0.1:{server.port}/jwks")
    return Tenant("north", "https://north.example", jwks_url=url, jwks_allow_private=True)


@pytest.fixture
def keys(tenant: Tenant) -> KeySets:
    """Key sets whose background work runs at once, so that tests see its end."""

    def at_once(refresh: Callable[[], None]) -> None:
        refresh()

    return KeySets([tenant], Egress(), start=at_once)


def is_accepted(keys: KeySets, tenant: Tenant, key_id: str, now_ms: int) -> bool:
    try:
        return keys.find(tenant, key_id, now_ms).kid == key_id
    except Unauthorized as refusal:
        assert refusal.reason == "jwt.key"
        return False


@pytest.mark.spec("JW14", "F-11")
def test_JW14_F11_a_new_key_is_accepted_at_its_first_use_and_the_old_one_until_its_set_expires(
    keys: KeySets, tenant: Tenant, server: KeyServer
) -> None:
    assert is_accepted(keys, tenant, "old", T0)
    server.body = json.dumps(document(OLD, NEW)).encode()
    assert is_accepted(keys, tenant, "new", T0 + COOLDOWN_MS)
    assert is_accepted(keys, tenant, "old", T0 + COOLDOWN_MS)
    server.body = json.dumps(document(NEW)).encode()
    assert not is_accepted(keys, tenant, "old", T0 + COOLDOWN_MS + TTL_DEFAULT_MS)
    assert is_accepted(keys, tenant, "new", T0 + COOLDOWN_MS + TTL_DEFAULT_MS)


@pytest.mark.spec("A-07")
def test_A07_a_flood_of_unknown_key_ids_gives_one_fetch_per_cooldown(
    keys: KeySets, tenant: Tenant, server: KeyServer
) -> None:
    assert is_accepted(keys, tenant, "old", T0)
    for n in range(1000):
        assert not is_accepted(keys, tenant, f"unknown-{n}", T0 + n)
        assert is_accepted(keys, tenant, "old", T0 + n)
    assert server.requests == 1
    assert not is_accepted(keys, tenant, "unknown", T0 + COOLDOWN_MS)
    assert server.requests == 2


def test_threads_that_miss_the_same_set_fetch_it_once(tenant: Tenant, server: KeyServer) -> None:
    keys = KeySets([tenant], Egress())
    threads = [threading.Thread(target=keys.find, args=(tenant, "old", T0)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.requests == 1


@pytest.mark.spec("F-10", "JW14")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (200, b"<html>sign in</html>"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": ' + b" " * MAX_BYTES + b"[]}"),
        (200, b"[" * 100_000),
        (302, b""),
        (404, json.dumps(document(NEW)).encode()),
    ],
)
def test_F10_the_last_good_set_serves_through_an_outage_of_a_day_and_not_longer(
    keys: KeySets, tenant: Tenant, server: KeyServer, status: int, body: bytes
) -> None:
    assert is_accepted(keys, tenant, "old", T0)
    server.status, server.body = status, body
    assert is_accepted(keys, tenant, "old", T0 + TTL_DEFAULT_MS)
    assert is_accepted(keys, tenant, "old", T0 + STALE_LIMIT_MS - 1)
    assert not is_accepted(keys, tenant, "new", T0 + STALE_LIMIT_MS - 1)
    assert not is_accepted(keys, tenant, "old", T0 + STALE_LIMIT_MS)


@pytest.mark.spec("F-10")
def test_F10_a_set_is_fetched_anew_in_the_background_at_half_its_life(
    tenant: Tenant, server: KeyServer
) -> None:
    waiting: list[Callable[[], None]] = []
    keys = KeySets([tenant], Egress(), start=waiting.append)
    assert is_accepted(keys, tenant, "old", T0)
    assert is_accepted(keys, tenant, "old", T0 + TTL_DEFAULT_MS // 2 - 1)
    assert waiting == []
    assert is_accepted(keys, tenant, "old", T0 + TTL_DEFAULT_MS // 2)
    assert server.requests == 1
    waiting.pop()()
    assert server.requests == 2


@pytest.mark.spec("F-11")
def test_F11_an_expired_set_is_not_used_even_once_more_while_the_key_server_answers(
    tenant: Tenant, server: KeyServer
) -> None:
    keys = KeySets([tenant], Egress(), start=lambda refresh: None)
    assert is_accepted(keys, tenant, "old", T0)
    server.body = json.dumps(document(NEW)).encode()
    assert is_accepted(keys, tenant, "old", T0 + TTL_DEFAULT_MS - 1)
    assert not is_accepted(keys, tenant, "old", T0 + TTL_DEFAULT_MS)


@pytest.mark.spec("JW14")
@pytest.mark.parametrize(
    ("cache_control", "ttl_ms"),
    [
        ("max-age=1", TTL_FLOOR_MS),
        ("no-store", TTL_DEFAULT_MS),
        ("public, max-age=900", 900_000),
        ("max-age=99999999", TTL_CEILING_MS),
        ("max-age=soon", TTL_DEFAULT_MS),
    ],
)
def test_JW14_the_life_that_the_server_states_is_kept_within_bounds(
    keys: KeySets, tenant: Tenant, server: KeyServer, cache_control: str, ttl_ms: int
) -> None:
    server.headers = {"Cache-Control": cache_control}
    assert is_accepted(keys, tenant, "old", T0)
    server.body = json.dumps(document(NEW)).encode()
    assert is_accepted(keys, tenant, "old", T0 + ttl_ms // 2 - 1)
    assert not is_accepted(keys, tenant, "old", T0 + ttl_ms)


@pytest.mark.spec("A-24")
def test_A24_flushing_ends_a_removed_key_at_once(keys: KeySets, tenant: Tenant, server: KeyServer) -> None:
    assert is_accepted(keys, tenant, "old", T0)
    server.body = json.dumps(document(NEW)).encode()
    keys.flush(tenant.id)
    assert not is_accepted(keys, tenant, "old", T0 + 1)
    assert is_accepted(keys, tenant, "new", T0 + 1)


def test_a_registered_set_is_never_fetched(tenant: Tenant, server: KeyServer) -> None:
    registered = Tenant("south", "https://south.example", jwks=document(OLD), jwks_url=tenant.jwks_url)
    keys = KeySets([registered], Egress())
    assert is_accepted(keys, registered, "old", T0)
    assert not is_accepted(keys, registered, "new", T0)
    assert server.requests == 0


@pytest.mark.spec("JW6")
def test_JW6_a_key_id_that_stands_twice_names_no_key() -> None:
    found = parse_key_set(document(OLD, ECKey.generate_key("P-384", {"kid": "old"}), NEW))
    assert found.keys() == {"new"}


@pytest.mark.parametrize(
    "key",
    [
        OctKey.generate_key(256, {"kid": "k"}).as_dict(private=True),
        ECKey.generate_key("P-384", {"kid": "k"}).as_dict(private=True),
        OLD.as_dict(private=False) | {"use": "enc"},
        OLD.as_dict(private=False) | {"kid": 1},
        OLD.as_dict(private=False) | {"x": "AAAA"},
        {"kty": "EC", "kid": "k"},
        {"kty": "AKP", "kid": "k"},
        "k",
        None,
    ],
)
def test_keys_that_cannot_verify_signatures_are_left_out(key: Any) -> None:
    assert parse_key_set({"keys": [key, NEW.as_dict(private=False)]}).keys() == {"new"}
    with pytest.raises(UnusableKeys):
        parse_key_set({"keys": [key]})


def test_a_short_rsa_key_is_left_out() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from joserfc.util import int_to_base64

    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    short = {"kty": "RSA", "kid": "short", "n": int_to_base64(numbers.n), "e": int_to_base64(numbers.e)}
    long = RSAKey.generate_key(2048, {"kid": "long"}).as_dict(private=False)
    assert parse_key_set({"keys": [short, long]}).keys() == {"long"}


def test_too_many_keys_are_no_key_set() -> None:
    with pytest.raises(UnusableKeys):
        parse_key_set({"keys": [OLD.as_dict(private=False)] * (MAX_KEYS + 1)})


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["keys", "kty", "kid", "n", "e", "crv", "x", "y", "use", "key_ops"]), inner
            )
        ),
    )
)
def test_any_document_is_a_key_set_or_a_typed_refusal(value: Any) -> None:
    with pytest.raises(UnusableKeys):
        parse_key_set({"keys": [value]})
    with pytest.raises(UnusableKeys):
        parse_key_set(value)
