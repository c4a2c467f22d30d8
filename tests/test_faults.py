"""A hook call while the EHR fails in every way it can: an answer in time, an honest one, and nothing leaked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_ehr import BEHAVIOURS, FakeEhr, bundle, known_to, running
from patience import read_only_a_moment

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.own_keys import new_key
from cds_service.settings import Settings
from cds_service.tenants import Backend, FhirBase

HANGING = {"p-hang", "p-hang-later", "p-drip", "p-drip-headers"}
TOKEN = "canary-access-token"
SOUND = {
    "p-hangs-up",
    "p-ok",
    "p-none",
    "p-429-once",
    "p-429-date",
    "p-429-junk",
    "p-503-once",
    "p-information",
    "p-read",
}
FAULTS = sorted(BEHAVIOURS.keys() - SOUND)


@pytest.fixture
def settings(settings: Settings, fake: FakeEhr) -> Settings:
    return known_to(settings, fake)


def hook(fake: FakeEhr, patient: str, **members: Any) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ab82-33b2ec2a2b1c",
        "context": {"userId": "Practitioner/dr-1", "patientId": patient},
        "prefetch": {"patient": {"resourceType": "Patient", "id": patient, "birthDate": "1980-02-11"}},
        "fhirServer": fake.base,
        "fhirAuthorization": {
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "us",
        },
        **members,
    }


def outcomes(ehr: Any) -> list[str]:
    store = ehr.client.application.extensions["wearable_cds"].store
    return [line["outcome"] for line in store.audit.lines(ehr.tenant.id)]


@pytest.mark.spec(
    "F-01", "F-02", "F-03", "F-04", "F-05", "F-06", "F-07", "F-12", "C-05", "C-06", "C-10", "PF4", "H-15"
)
@pytest.mark.parametrize("patient", FAULTS)
def test_F01_F12_H15_no_fault_of_the_ehr_gives_silence_a_500_or_no_answer_at_all(
    ehr: Any, fake: FakeEhr, patient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if patient in HANGING:
        read_only_a_moment(monkeypatch)
    with running() as stranger:
        fake.stranger = stranger.base
        answer = ehr.call("glucose-review", hook(fake, patient))
        assert stranger.seen == []
    assert answer.status_code in (200, 412), answer.data
    if answer.status_code == 200:
        assert answer.json["cards"], "silence would be taken for reassurance"
    assert "assessed_negative" not in outcomes(ehr)
    assert TOKEN not in answer.get_data(as_text=True)
    assert all(seen.headers["Authorization"] == f"Bearer {TOKEN}" for seen in fake.seen)


@pytest.mark.spec("F-01")
def test_F01_an_ehr_that_is_down_gives_412(ehr: Any, fake: FakeEhr, settings: Settings) -> None:
    fake.stopped.set()
    fake.shutdown()
    fake.server_close()
    assert ehr.call("glucose-review", hook(fake, "p-ok")).status_code == 412


@pytest.mark.spec("C-01", "C-02")
def test_C01_C02_a_server_of_nobody_is_refused_before_any_packet(ehr: Any, fake: FakeEhr) -> None:
    with running() as stranger:
        answer = ehr.call("glucose-review", hook(fake, "p-ok", fhirServer=stranger.base))
        assert answer.status_code == 403
        assert stranger.seen == fake.seen == []


@pytest.mark.spec("FA3", "FA4")
@pytest.mark.parametrize("change", [{"patient": "p-other"}, {"subject": "another-client"}])
def test_FA3_FA4_a_token_for_another_patient_or_client_is_not_used(
    settings: Settings, ehr: Any, fake: FakeEhr, change: dict[str, str]
) -> None:
    settings = replace(settings, tenants=(replace(settings.tenants[0], client_id="us"),))
    body = hook(fake, "p-ok")
    body["fhirAuthorization"] |= change
    with create_app(settings).test_client() as client:
        assert replace(ehr, client=client).call("glucose-review", body).status_code == 403
    assert fake.seen == []


@pytest.mark.spec("F-30")
def test_F30_the_hanging_ehr_of_one_tenant_leaves_the_others_alone(
    settings: Settings, ehr: Any, fake: FakeEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = settings.tenants[0]
    with running() as other:
        base = FhirBase(parse_base(other.base, loopback=True), allow_private=True)
        south = replace(north, id="south", issuer="https://south.example.org", fhir_bases=(base,))
        app = create_app(replace(settings, tenants=(north, south)))
        with app.test_client() as client:
            first, second = replace(ehr, client=client), replace(ehr, client=client, tenant=south)
            with monkeypatch.context() as hurried:
                read_only_a_moment(hurried)
                for _ in range(3):
                    first.call("glucose-review", hook(fake, "p-hang"))
            asked = len(fake.seen)
            assert first.call("glucose-review", hook(fake, "p-hang")).status_code == 412
            assert len(fake.seen) == asked, "the breaker of the first tenant is open"
            assert second.call("glucose-review", hook(other, "p-ok")).status_code == 200
            assert other.seen
        app.extensions["wearable_cds"].egress.close()


def reading(code: str, at: str, patient: str) -> dict[str, Any]:
    """A glucose value under some code at some time."""
    return {
        "resource": {
            "resourceType": "Observation",
            "id": f"{code}-{at[:10]}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": at,
            "valueQuantity": {"value": 250, "system": "http://unitsofmeasure.org", "code": "mg/dL"},
        },
        "search": {"mode": "match"},
    }


@pytest.mark.spec("F-15")
def test_F15_what_a_server_sent_without_being_asked_for_is_not_used(ehr: Any, fake: FakeEhr) -> None:
    """The server ignores code and date: it sends everything that it has of the patient, again and again."""
    everything = [reading("29463-7", "2026-05-01T08:00:00Z", "p-x")]  # a weight's code
    everything += [reading("99504-3", f"2019-05-{day:02d}T08:00:00Z", "p-x") for day in range(1, 29)]
    fake.script_any["/fhir/Observation/_search"] = (200, bundle(*everything))
    for resource in ("Condition", "MedicationAdministration"):
        fake.script_any[f"/fhir/{resource}/_search"] = (200, bundle())
    answer = ehr.call("glucose-review", hook(fake, "p-x"))
    assert answer.status_code == 200 and "not_assessed" in outcomes(ehr)[-1]
    assert "250" not in "".join(card["detail"] for card in answer.json["cards"])


@pytest.mark.spec("BS6", "FA10")
def test_BS6_our_own_access_is_never_used_where_a_call_brought_no_token(
    settings: Settings, ehr: Any, fake: FakeEhr, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(msgspec.json.encode({"keys": [new_key("ES384", "now")]}))
    token_url = parse_base(f"{fake.base}/token", loopback=True)
    backend = Backend("us", token_url, keys, allow_private=True)
    app = create_app(replace(settings, tenants=(replace(settings.tenants[0], backend=backend),)))
    body = {name: value for name, value in hook(fake, "p-ok").items() if name != "fhirAuthorization"}
    with app.test_client() as client:
        assert replace(ehr, client=client).call("glucose-review", body).status_code == 412
    app.extensions["wearable_cds"].egress.close()
    assert fake.seen == []
