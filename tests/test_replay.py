"""`wearable-cds replay`: a recorded decision, made again from its input, has the same bytes."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner, Result
from conftest import BASE_URL, Ehr
from fake_ehr import running
from flask import Flask
from joserfc.jwk import ECKey

from cds_service.app import create_app
from cds_service.cli import main
from cds_service.settings import load_settings
from cds_service.store import open_store
from hooks.registry import SERVICES

GOLDEN = Path(__file__).with_name("golden")
CASES = {
    "glucose-review": "night-lows",
    "insulin-adjustment": "increase",
    "insulin-order-check": None,
    "setting-adjustment": "lows",
    "vital-signs-review": None,
}
TENANT = """
[[tenant]]
id = "north"
issuer = "https://ehr.example.org"
jwks_file = "jwks.json"
titration_table = "ada-basal"
zone = "{zone}"
keep_inputs = {keep}
fhir_bases = [{{ url = "{fhir}", allow_private = true }}]
[tenant.services.insulin-adjustment]
enabled = true
approver = "Dr A. Prover"
approved_on = 2026-01-01
[tenant.services.insulin-order-check]
enabled = true
approver = "Dr A. Prover"
approved_on = 2026-01-01
[tenant.services.setting-adjustment]
enabled = true
approver = "Dr A. Prover"
approved_on = 2026-01-01
"""

Start = Callable[..., Ehr]


@pytest.fixture
def start(tmp_path: Path, ehr_key: ECKey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A service whose settings the command line reads too; what is not given is as usual."""
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [ehr_key.as_dict(private=False)]}))
    given = {
        "DEVELOPMENT": "true",
        "PUBLIC_BASE_URL": BASE_URL,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cds.sqlite'}",
        "SECRET_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "TENANTS_FILE": str(tmp_path / "tenants.toml"),
    }
    for name, value in given.items():
        monkeypatch.setenv(f"WEARABLE_CDS_{name}", value)

    apps: list[Flask] = []

    def begin(
        keep: bool = False, zone: str = "America/New_York", fhir: str = "http://127.0.0.1:1/fhir"
    ) -> Ehr:
        file = TENANT.format(keep=str(keep).lower(), zone=zone, fhir=fhir)
        (tmp_path / "tenants.toml").write_text(file)
        settings = load_settings({f"WEARABLE_CDS_{name}": value for name, value in given.items()})
        apps.append(create_app(settings))
        return Ehr(ehr_key, settings.tenants[0], apps[-1].test_client())

    yield begin
    for app in apps:
        app.extensions["wearable_cds"].egress.close()


def test_every_service_is_replayed() -> None:
    assert CASES.keys() == {service.id for service in SERVICES}


def asked(service: str) -> Path:
    cases = sorted((GOLDEN / service).glob("*.request.json"))
    return next((path for path in cases if path.name == f"{CASES[service]}.request.json"), cases[0])


def as_of(service: str) -> str:
    return (GOLDEN / service / "as_of").read_text(encoding="utf-8").strip()


def call(ehr: Ehr, service: str, body: bytes) -> Any:
    with time_machine.travel(as_of(service), tick=False):
        answer = ehr.call(service, body)
    assert answer.status_code == 200, answer.data
    return answer


def replay(id: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["replay", id, "--tenant", "north", *arguments])


@pytest.mark.parametrize("service", CASES)
def test_a_decision_is_made_again_from_a_given_input(start: Start, service: str) -> None:
    answer = call(start(), service, asked(service).read_bytes())
    done = replay(answer.headers["X-Request-Id"], "--input", str(asked(service)))
    assert (done.exit_code, done.stdout_bytes) == (0, answer.get_data()), done.stderr


@pytest.mark.parametrize("service", CASES)
def test_a_decision_is_made_again_from_a_kept_input_though_the_registration_changed(
    start: Start, service: str
) -> None:
    answer = call(start(keep=True), service, asked(service).read_bytes())
    start(zone="Asia/Tokyo")
    done = replay(answer.headers["X-Request-Id"])
    assert (done.exit_code, done.stdout_bytes) == (0, answer.get_data()), done.stderr


def test_what_was_fetched_in_several_pages_and_what_failed_is_made_again_too(start: Start) -> None:
    with running() as fake:
        body = json.loads(asked("glucose-review").read_bytes())
        del body["prefetch"]
        body["context"]["patientId"] = "p-ok"
        body["prefetch"] = {"patient": {"resourceType": "Patient", "id": "p-ok"}}
        body["fhirServer"] = fake.base
        body["fhirAuthorization"] = {
            "access_token": "canary-access-token",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/Observation.rs",
            "subject": "us",
        }
        answer = call(start(keep=True, fhir=fake.base), "glucose-review", json.dumps(body).encode())
        asked_for = len(fake.seen)
    done = replay(answer.headers["X-Request-Id"])
    assert (done.exit_code, done.stdout_bytes) == (0, answer.get_data()), done.stderr
    assert len(fake.seen) == asked_for > 3


def test_the_uuid_of_a_card_names_its_decision(start: Start) -> None:
    answer = call(start(keep=True), "glucose-review", asked("glucose-review").read_bytes())
    done = replay(answer.json["cards"][-1]["uuid"])
    assert (done.exit_code, done.stdout_bytes) == (0, answer.get_data())


def test_another_input_than_the_recorded_one_is_refused(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "changed.json"
    file.write_bytes(
        asked("glucose-review").read_bytes().replace(b'"birthDate": "19', b'"birthDate": "20', 1)
    )
    answer = call(start(), "glucose-review", asked("glucose-review").read_bytes())
    done = replay(answer.headers["X-Request-Id"], "--input", str(file))
    assert (done.exit_code, done.stdout) == (2, "") and "hash" in done.stderr


def test_an_input_that_was_not_kept_must_be_given(start: Start) -> None:
    answer = call(start(), "glucose-review", asked("glucose-review").read_bytes())
    done = replay(answer.headers["X-Request-Id"])
    assert (done.exit_code, done.stdout) == (2, "") and "--input" in done.stderr


@pytest.mark.parametrize("id", ["no-uuid", str(uuid.UUID(int=7))])
def test_an_id_that_nobody_recorded_is_refused(start: Start, id: str) -> None:
    start()
    assert replay(id).exit_code == 2


def test_bytes_that_are_not_the_recorded_ones_are_printed_and_give_exit_1(start: Start) -> None:
    ehr = start(keep=True)
    answer = call(ehr, "glucose-review", asked("glucose-review").read_bytes())
    decisions = ehr.client.application.extensions["wearable_cds"].store.decisions
    record = decisions.find("north", str(uuid.UUID(answer.headers["X-Request-Id"])))
    other = replace(record, id=str(uuid.uuid4()))  # the ids of its cards follow from its own
    store = open_store(ehr.client.application.extensions["wearable_cds"].settings)
    line = next(iter(store.audit.lines("north")))
    assert line["action"] == "hook.answered"
    decisions.record("north", other, [], _event(line))
    done = replay(other.id)
    assert done.exit_code == 1 and "glucose-review" in done.stderr
    assert json.loads(done.stdout)["cards"]


def _event(line: dict[str, Any]) -> Any:
    from cds_service.store.audit import Event

    return Event(line["at_ms"], line["action"], line["outcome"], line["issuer"])


@pytest.mark.spec("FB11")
def test_a_kept_input_cannot_be_read_in_the_database_files(start: Start, tmp_path: Path) -> None:
    body = asked("glucose-review").read_bytes()
    call(start(keep=True), "glucose-review", body)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("cds.sqlite*"))
    assert b"glucose-review" in kept
    assert b"effectiveDateTime" not in kept and b"Patient/p1" not in kept
