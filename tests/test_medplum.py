"""The same cards through a FHIR server that is not ours: Medplum's router, from npm, in memory.

Our own sandbox must not be the only server that we work with. Skips where Node or its packages are absent.
"""

import json
import os
import secrets
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from patience import PATIENCE_S
from sandbox_ehr import NOW_MS, Linked, linked, simulated

from cds_service.sandbox.drafts import context_of, drafted
from cds_service.sandbox.hook_client import SCOPE
from cds_service.sandbox.indexing import patient_of

GLUE = Path(__file__).parent / "medplum"
PATIENTS = ("sim-glargine", "sim-fingersticks", "sim-molar", "sim-watch")
LONGEST_BUNDLE = 1000


@dataclass(frozen=True)
class Medplum:
    """The running server: its FHIR base and the token that it takes."""

    base: str
    token: str

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = path if path.startswith("http") else f"{self.base}/{path}"
        return requests.request(method, url, headers=headers, timeout=PATIENCE_S, **arguments)


@pytest.fixture(scope="module")
def medplum() -> Iterator[Medplum]:
    """The server with our simulated patients, loaded by transactions."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is absent")
    if not (GLUE / "node_modules" / "@medplum" / "fhir-router").is_dir():
        pytest.skip("Node packages are absent: run `npm ci` in tests/medplum")
    token = secrets.token_urlsafe(16)
    with subprocess.Popen(
        [node, str(GLUE / "server.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "FHIR_TOKEN": token},
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            server = Medplum(process.stdout.readline().strip(), token)
            load(server)
            yield server
        finally:
            process.kill()


def load(server: Medplum) -> None:
    mine = [r for r in simulated() if str(patient_of(r)).removeprefix("Patient/") in PATIENTS]
    for first in range(0, len(mine), LONGEST_BUNDLE):
        entries = [
            {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
            for r in mine[first : first + LONGEST_BUNDLE]
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = server.request("POST", "", json=bundle)
        assert answer.status_code == 200, answer.text[:500]
        statuses = {entry["response"]["status"] for entry in answer.json()["entry"]}
        assert statuses <= {"200", "201"}, statuses


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, medplum: Medplum) -> Iterator[Linked]:
    """The CDS service with both servers registered for its tenant, and our sandbox beside it."""
    with linked(tmp_path_factory.mktemp("medplum"), other_bases=(medplum.base,)) as running:
        yield running


def shown(answer: dict[str, Any]) -> str:
    """Cards without their ids, which are new in each response."""
    cards = [{k: v for k, v in card.items() if k != "uuid"} for card in answer["cards"]]
    for card in cards:
        card["suggestions"] = [{**s, "uuid": ""} for s in card.get("suggestions", [])]
    return json.dumps(cards, sort_keys=True)


def call(both: Linked, service_id: str, hook: str, context: dict[str, Any], server: tuple[str, str]) -> Any:
    """A hook without prefetch: whatever the service needs it reads from this FHIR server with this token."""
    url = f"{both.service_base}/cds-services/{service_id}"
    base, token = server
    access = {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": SCOPE}
    body = {
        "hook": hook,
        "hookInstance": str(uuid.uuid4()),
        "context": context,
        "fhirServer": base,
        "fhirAuthorization": access | {"subject": "wearable-cds", "patient": context["patientId"]},
    }
    signed = both.sandbox.signer.token(url, both.sandbox.storage.clock())
    response = requests.post(
        url, json=body, headers={"Authorization": f"Bearer {signed}"}, timeout=PATIENCE_S
    )
    assert response.status_code == 200, response.text
    return response.json()


def servers(both: Linked, medplum: Medplum, patient_id: str) -> tuple[tuple[str, str], tuple[str, str]]:
    ours = both.sandbox.client.server
    return (ours.base, ours.tokens.issue(SCOPE, "wearable-cds", patient_id)), (medplum.base, medplum.token)


@pytest.mark.parametrize("patient_id", PATIENTS)
def test_the_review_is_the_same_through_a_foreign_server(
    both: Linked, medplum: Medplum, patient_id: str
) -> None:
    ours, theirs = servers(both, medplum, patient_id)
    context = both.context(patient_id)
    mine = call(both, "glucose-review", "patient-view", context, ours)
    foreign = call(both, "glucose-review", "patient-view", context, theirs)
    assert mine["cards"] and shown(foreign) == shown(mine)


@pytest.mark.parametrize(("patient_id", "units"), [("sim-glargine", 24), ("sim-fingersticks", 18)])
def test_the_adjustment_is_the_same_through_a_foreign_server(
    both: Linked, medplum: Medplum, patient_id: str, units: int
) -> None:
    ours, theirs = servers(both, medplum, patient_id)
    draft = drafted(patient_id, {"rxcui": "847230", "units": units, "when": "HS"}, NOW_MS)
    context = context_of(patient_id, draft, selected=True)
    mine = call(both, "insulin-adjustment", "order-select", context, ours)
    foreign = call(both, "insulin-adjustment", "order-select", context, theirs)
    assert mine["cards"] and shown(foreign) == shown(mine)


def test_the_foreign_server_pages_so_that_the_service_has_to_follow(medplum: Medplum) -> None:
    path, pages, ids = "Observation?patient=sim-glargine&code=99504-3&_count=1000", 0, set()
    while path:
        bundle = medplum.request("GET", path).json()
        ids |= {entry["resource"]["id"] for entry in bundle["entry"]}
        path = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
        pages += 1
    assert pages == 4 and len(ids) == bundle["total"] > 3000


def test_the_foreign_server_wants_its_token(medplum: Medplum) -> None:
    assert replace(medplum, token="wrong").request("GET", "Patient/sim-glargine").status_code == 401
    assert medplum.request("GET", "Patient/nobody").status_code == 404
