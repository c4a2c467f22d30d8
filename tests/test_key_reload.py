"""Keys that an EHR took back are refused by every worker once the service was told to reload (A-24)."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import served as harness
from joserfc import jwt
from noise import BODY, PATH
from patience import PATIENCE_S
from served import Served, served
from test_jwks import NEW, OLD, KeyServer, document

WORKERS = 2
CALLS = 12


@pytest.fixture
def site() -> Iterator[KeyServer]:
    with KeyServer() as site:
        yield site


def statuses(service: Served, key: harness.ECKey) -> set[int]:
    """How calls that are signed with a key are answered."""
    found = set()
    for _ in range(CALLS):
        claims = jwt.decode(service.token(PATH), service.key, ["ES384"]).claims
        signed = jwt.encode({"alg": "ES384", "kid": key.kid, "typ": "JWT"}, claims, key, ["ES384"])
        sent = {"Authorization": f"Bearer {signed}", "Content-Type": "application/json"}
        found.add(requests.post(service.base + PATH, data=BODY, headers=sent, timeout=PATIENCE_S).status_code)
    return found


@pytest.mark.spec("A-24")
def test_A24_a_reload_ends_a_removed_key_in_all_workers_at_once(
    tmp_path: Path, site: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = f'jwks_url = "http://{harness.HOST}:{site.port}/jwks"\njwks_allow_private = true'
    monkeypatch.setattr(harness, "COMMAND", harness.command(jwks__FETCH_TIMEOUT_S=PATIENCE_S))
    monkeypatch.setattr(harness, "TENANT", harness.TENANT.replace('jwks_file = "jwks.json"', fetched))
    with served(tmp_path, "--workers", str(WORKERS)) as service:
        while site.requests < WORKERS:
            assert statuses(service, OLD) == {200}
        site.body = json.dumps(document(NEW)).encode()
        assert statuses(service, OLD) == {200}, "what was fetched is kept for a while"
        before = set(service.workers())
        service.process.send_signal(signal.SIGHUP)
        while before & set(service.workers()):
            harness.await_ready(service)
        assert statuses(service, OLD) == {401}
        assert statuses(service, NEW) == {200}
