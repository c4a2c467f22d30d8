"""A sandbox EHR for tests: its parts, a client that carries a token, and the simulated patients of one moment."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from patience import PATIENCE_S
from werkzeug.test import TestResponse

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.sandbox.app import Sandbox, SandboxSettings, create_sandbox
from cds_service.sandbox.demo import serving
from cds_service.sandbox.demo_state import DemoState
from cds_service.sandbox.patients import simulated_patients
from cds_service.settings import load_settings
from cds_service.tenants import FhirBase

NOW_MS = 1_778_832_000_000  # 2026-05-15T08:00:00Z
ORIGIN = "http://127.0.0.1:8001"
LOINC = "http://loinc.org"


@cache
def simulated() -> tuple[dict[str, Any], ...]:
    """The resources of all simulated patients at NOW_MS."""
    return tuple(simulated_patients(NOW_MS))


@dataclass
class Clock:
    """A clock that tests set."""

    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class SandboxEhr:
    """The sandbox under test. `token` is sent with every FHIR request."""

    sandbox: Sandbox
    clock: Clock
    token: str = ""

    def fhir(self, path: str, method: str = "GET", **arguments: Any) -> TestResponse:
        """A request to the FHIR server; `path` is relative to its base, or a link that it gave."""
        parts = urlsplit(path)
        path = parts.path.removeprefix("/fhir/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        client = self.sandbox.app.test_client()
        return client.open(f"/fhir/{path}", base_url=ORIGIN, method=method, headers=headers, **arguments)

    def search(self, resource_type: str, *pairs: tuple[str, str]) -> dict[str, Any]:
        """The Bundle of a search that must succeed."""
        response = self.fhir(f"{resource_type}?{urlencode(pairs)}")
        assert response.status_code == 200, response.text
        return response.get_json()

    def ids(self, resource_type: str, *pairs: tuple[str, str]) -> set[str]:
        """Ids on the first page of a search."""
        return {entry["resource"]["id"] for entry in self.search(resource_type, *pairs).get("entry", [])}


def new_ehr(folder: Path, scope: str = "system/*.cruds") -> SandboxEhr:
    """An empty sandbox with a token for everything."""
    clock = Clock()
    sandbox = create_sandbox(SandboxSettings(ORIGIN, "http://127.0.0.1:8000", folder), clock)
    return SandboxEhr(sandbox, clock, sandbox.tokens.issue(scope, "tests"))


@dataclass
class Linked:
    """A sandbox and the CDS service it calls, both over HTTP on loopback, at one fixed time."""

    sandbox: Sandbox
    origin: str
    service_base: str

    def context(self, patient_id: str) -> dict[str, Any]:
        """The patient-view context for this patient."""
        return {"userId": "Practitioner/sim-clinician", "patientId": patient_id}

    def service(self, service_id: str) -> dict[str, Any]:
        """The service as discovery describes it."""
        return next(each for each in self.sandbox.client.discover() if each["id"] == service_id)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _patient_waits() -> Iterator[None]:
    """Whoever opens a page or calls the service waits as long as that takes."""
    with pytest.MonkeyPatch.context() as patient:
        patient.setattr("cds_service.sandbox.hook_client.TIMEOUT_S", PATIENCE_S)
        patient.setattr("cds_service.smart_app.launch.LAUNCH_WITHIN_S", PATIENCE_S)
        patient.setattr("cds_service.smart_app.chart_data.READ_WITHIN_S", PATIENCE_S)
        yield


@contextmanager
def linked(folder: Path, other_bases: tuple[str, ...] = ()) -> Iterator[Linked]:
    """Both processes of the demonstration as threads, with the demonstration's own registration and keys.

    `other_bases` are FHIR servers registered beside the sandbox's own.
    """
    service_port, sandbox_port = free_port(), free_port()
    state = DemoState(folder, f"http://127.0.0.1:{service_port}", f"http://127.0.0.1:{sandbox_port}")
    settings = load_settings(state.prepare())
    bases = tuple(FhirBase(parse_base(base, loopback=True), allow_private=True) for base in other_bases)
    tenant = replace(settings.tenants[0], fhir_bases=settings.tenants[0].fhir_bases + bases)
    settings = replace(settings, tenants=(tenant,), deadline_s=PATIENCE_S)
    sandbox = create_sandbox(state.sandbox, Clock())
    sandbox.storage.put_all(simulated())
    service = create_app(settings, clock_ms=Clock())
    with _patient_waits(), serving(sandbox.app, sandbox_port), serving(service, service_port):
        yield Linked(sandbox, state.sandbox_origin, state.service_base)
    service.extensions["wearable_cds"].egress.close()
    sandbox.storage.close()
