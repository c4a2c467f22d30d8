"""The service as a real gunicorn process with a database, a registration and a log of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from canaries import leaks
from joserfc import jwt
from joserfc.jwk import ECKey
from patience import LONGEST_DEADLINE_S, PATIENCE_S

HOST = "127.0.0.1"
ISSUER = "https://ehr.example.org"

TENANT = """
[[tenant]]
id = "{id}"
issuer = "{issuer}"
jwks_file = "jwks.json"
titration_table = "ada-basal"
zone = "America/New_York"
{more}
[tenant.services.insulin-adjustment]
enabled = true
approver = "Dr A. Prover"
approved_on = 2026-01-01
"""


def command(**constants: float) -> list[str]:
    """The program, where these constants of `cds_service` are others: `jwks__FETCH_TIMEOUT_S=60`."""
    names = {name.replace("__", "."): value for name, value in constants.items()}
    modules = [f"import cds_service.{name.rpartition('.')[0]}" for name in names]
    others = [f"cds_service.{name} = {value}" for name, value in names.items()]
    program = [*modules, *others, "from cds_service.cli import main", "main()"]
    return [sys.executable, "-c", "\n".join(program), "serve"]


COMMAND = command()


@dataclass(frozen=True)
class Served:
    """A running service: `folder` holds its database and `log`, all that it said on both outputs."""

    base: str
    port: int
    key: ECKey
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def token(self, path: str, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": self.base + path,
            "iat": now,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(
            {"alg": "ES384", "kid": self.key.kid, "typ": "JWT"}, claims | changes, self.key, ["ES384"]
        )

    def headers(self, path: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(path)}", "Content-Type": "application/json"}

    def post(self, path: str, body: bytes, session: Any = requests, **headers: str) -> requests.Response:
        return session.post(
            self.base + path, data=body, headers=self.headers(path) | headers, timeout=PATIENCE_S
        )

    def workers(self) -> list[int]:
        """The processes that answer, without the one that watches them."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii")
        return [int(pid) for pid in listed.split()]


def new_key() -> ECKey:
    """A signing key of an EHR."""
    return ECKey.generate_key("P-384", {"kid": "ehr-key-1", "alg": "ES384", "use": "sig"})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(
    folder: Path, *arguments: str, more: str = "", beside: Served | None = None, **settings: str
) -> Iterator[Served]:
    """The service for the length of a block; `more` goes into its tenant, `settings` into its environment.

    Raises AssertionError at its end where the log holds a secret. `beside` is another host of the same service: the same database, registration and public address.
    """
    port = free_port()
    key = beside.key if beside else new_key()
    base = f"http://{HOST}:{port}"
    (folder / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (folder / "tenants.toml").write_text(TENANT.format(id="test-hospital", issuer=ISSUER, more=more))
    given = {
        "DEVELOPMENT": "true",
        "PUBLIC_BASE_URL": beside.base if beside else base,
        "DATABASE_URL": f"sqlite:///{folder / 'cds.sqlite'}",
        "SECRET_KEY": urlsafe_b64encode(b"k" * 32).decode(),
        "TENANTS_FILE": str(folder / "tenants.toml"),
        "DRAIN_S": "0",
        "DEADLINE_S": f"{LONGEST_DEADLINE_S:g}",
    } | settings
    environment = os.environ | {f"WEARABLE_CDS_{name}": value for name, value in given.items()}
    started = [*COMMAND, "--bind", f"{HOST}:{port}", *arguments]
    told = folder / ("log-beside" if beside else "log")
    with told.open("wb") as log:
        process = subprocess.Popen(started, env=environment, stdout=log, stderr=log)
    service = Served(base, port, key, process, folder)
    try:
        await_ready(service)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert leaks(told.read_text("utf-8", errors="replace")) == [], (
        "the log of the service holds what belongs in none"
    )


def await_ready(service: Served) -> None:
    """Returns once /readyz does. Raises AssertionError with the log where it never does."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and service.process.poll() is None:
        try:
            if requests.get(f"{service.base}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.02)
    raise AssertionError(f"the service did not start:\n{service.log}")
