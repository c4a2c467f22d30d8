"""The doctor finds what is wrong with a connection and names the remedy."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from fake_ehr import FakeEhr, bundle, running
from joserfc.jwk import ECKey
from patience import PATIENCE_S
from served import ISSUER, served

from cds_service.addresses import parse_base, parse_registered
from cds_service.doctor import examine, knock, wanted_token
from cds_service.egress import Egress
from cds_service.own_keys import OwnKeys, new_key, read_own_keys
from cds_service.tenants import Backend, FhirBase, Tenant

NOW_S = 1_780_000_000
KEY = ECKey.generate_key("P-384", {"kid": "ehr"}).as_dict(private=False)
CAPABILITIES = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


@pytest.fixture
def ehr() -> Iterator[FakeEhr]:
    with running() as ehr:
        ehr.date = formatdate(NOW_S, usegmt=True)
        say(ehr, "metadata", CAPABILITIES)
        say(
            ehr,
            ".well-known/smart-configuration",
            {
                "token_endpoint": f"{ehr.base}/token",
                "capabilities": ["client-confidential-asymmetric"],
                "code_challenge_methods_supported": ["S256"],
            },
        )
        ehr.script_any["/fhir/token"] = (
            200,
            json.dumps({"access_token": "t", "token_type": "bearer", "scope": "system/*.rs"}).encode(),
        )
        ehr.script_any["/fhir/Patient/_search"] = (200, bundle())
        yield ehr


def say(ehr: FakeEhr, path: str, document: Any, status: int = 200) -> None:
    ehr.script_any[f"/fhir/{path}"] = (status, json.dumps(document).encode())


@pytest.fixture
def tenant(ehr: FakeEhr, tmp_path: Path) -> Tenant:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"keys": [new_key("ES384", "now")]}))
    token_url = parse_registered(f"{ehr.base}/token", loopback=True)
    return Tenant(
        "north",
        "https://north.example",
        jwks={"keys": [KEY]},
        fhir_bases=(FhirBase(parse_base(ehr.base, loopback=True), allow_private=True),),
        backend=Backend("us", token_url, path, allow_private=True),
    )


def faults(tenant: Tenant, now_s: int = NOW_S) -> list[tuple[str, str]]:
    egress = Egress()
    found = [
        (finding.step, finding.text) for finding in examine(tenant, egress, now_s * 1000) if not finding.ok
    ]
    egress.close()
    return found


def test_a_sound_connection_has_no_fault(tenant: Tenant) -> None:
    assert faults(tenant) == []


@pytest.mark.parametrize(
    ("path", "document", "status", "words"),
    [
        ("metadata", {}, 404, "nothing at this address"),
        ("metadata", {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}, 200, "no FHIR version"),
        ("metadata", "<html>", 200, "no FHIR JSON"),
        (".well-known/smart-configuration", {}, 404, "nothing at this address"),
        (
            ".well-known/smart-configuration",
            {"code_challenge_methods_supported": ["S256"]},
            200,
            "token endpoint",
        ),
        ("token", {"error": "invalid_client"}, 401, "register our client_id"),
        ("Patient/_search", {}, 403, "scopes"),
        ("token", {"access_token": "t", "token_type": "bearer", "scope": ""}, 200, "no scope"),
    ],
)
def test_each_fault_is_named_with_its_remedy(
    tenant: Tenant, ehr: FakeEhr, path: str, document: Any, status: int, words: str
) -> None:
    say(ehr, path, document, status)
    assert any(words in text for _, text in faults(tenant))


@pytest.mark.spec("F-18")
@pytest.mark.parametrize("skew_s", [-61, 61, 600])
def test_F18_clocks_apart_are_found(tenant: Tenant, skew_s: int) -> None:
    assert [text for step, text in faults(tenant, NOW_S - skew_s) if step.startswith("clock")] == [
        f"is {skew_s:+d} s from ours: set both clocks by NTP"
    ]
    assert faults(tenant, NOW_S + 59) == []


def test_a_private_address_without_leave_and_a_closed_port_are_told_apart(tenant: Tenant) -> None:
    base = tenant.fhir_bases[0]
    inside = replace(tenant, fhir_bases=(replace(base, allow_private=False),))
    gone = replace(tenant, fhir_bases=(replace(base, address=replace(base.address, port=1)),))
    assert "allow_private" in faults(inside)[0][1]
    assert "nothing answers" in faults(gone)[0][1]


def test_missing_keys_and_servers_are_found(tenant: Tenant) -> None:
    assert [step for step, _ in faults(replace(tenant, jwks=None, fhir_bases=()))] == [
        "the EHR's keys",
        "FHIR server",
    ]


def keys_of(path: Path, *keys: ECKey) -> OwnKeys:
    path.write_text(json.dumps({"keys": [key.as_dict(private=True) for key in keys]}))
    return read_own_keys(path)


def test_the_running_service_is_asked_as_the_ehr_would_and_says_what_it_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.doctor.STEP_S", PATIENCE_S)
    egress = Egress()
    with served(tmp_path) as service:
        tenant, now_ms = Tenant("test-hospital", ISSUER), time.time_ns() // 1_000_000
        base = parse_base(service.base, loopback=True)
        known = knock(base, tenant, keys_of(tmp_path / "ehr.json", service.key), egress, now_ms)
        stranger = ECKey.generate_key("P-384", {"kid": "ehr-key-1"})
        refused = knock(base, tenant, keys_of(tmp_path / "other.json", stranger), egress, now_ms)
        log = service.log
    assert known.ok and "glucose-review" in known.text and "insulin-adjustment" in known.text
    assert not refused.ok and "answered 401" in refused.text
    assert refused.text.rpartition(" ")[2] in log and "jwt.sig" in log
    gone = knock(base, tenant, keys_of(tmp_path / "ehr.json", service.key), egress, now_ms)
    assert (gone.ok, gone.text) == (False, "nothing answers at this address: check host, port and firewall")
    egress.close()


def test_what_the_ehr_must_send_is_said_in_the_words_of_its_registration(tenant: Tenant) -> None:
    base = parse_base("https://cds.example.org")
    said = wanted_token(base, tenant, Egress(), NOW_S * 1000).text
    for word in ("ES384", "kid ehr", tenant.issuer, "https://cds.example.org/cds-services/", "300 s", "jti"):
        assert word in said
