"""`wearable-cds tenants check` says of every service whether it is on, and who answers for it."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey

from cds_service.cli import main
from cds_service.serve import prepare
from cds_service.settings import InvalidSettings
from hooks.registry import SERVICES

NORTH = """
[[tenant]]
id = "north"
issuer = "https://ehr.example.org"
jwks_file = "jwks.json"
titration_table = "ada-basal"
[tenant.services.glucose-review]
enabled = false
[tenant.services.insulin-adjustment]
enabled = true
approver = "Dr A. Prover"
approved_on = 2026-01-01
"""


@pytest.fixture
def tenants_file(tmp_path: Path, ehr_key: ECKey, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The registration that the settings of this test name."""
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [ehr_key.as_dict(private=False)]}))
    given = {
        "PUBLIC_BASE_URL": "https://cds.example.org",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cds.sqlite'}",
        "SECRET_KEY": urlsafe_b64encode(b"k" * 32).decode(),
        "TENANTS_FILE": str(tmp_path / "tenants.toml"),
    }
    for name, value in given.items():
        monkeypatch.setenv(f"WEARABLE_CDS_{name}", value)
    (tmp_path / "tenants.toml").write_text(NORTH)
    return tmp_path / "tenants.toml"


def check() -> Result:
    return CliRunner().invoke(main, ["tenants", "check"])


def test_every_service_is_listed_with_who_answers_for_a_dosing_one(tenants_file: Path) -> None:
    done = check()
    assert done.exit_code == 0, done.stderr
    (tenant,) = json.loads(done.stdout)["tenants"]
    listed: dict[str, dict[str, Any]] = tenant["services"]
    assert listed.keys() == {service.id for service in SERVICES}
    assert [name for name, offer in listed.items() if offer["enabled"]] == [
        "insulin-adjustment",
        "vital-signs-review",
    ]
    assert {name for name, offer in listed.items() if "approver" in offer} == {
        service.id for service in SERVICES if service.dosing
    }
    assert listed["insulin-adjustment"] == {
        "hook": "order-select",
        "enabled": True,
        "approver": "Dr A. Prover",
        "approved_on": "2026-01-01",
    }
    assert listed["setting-adjustment"]["approver"] is None


@pytest.mark.spec("F-26")
def test_F26_a_name_that_is_no_service_is_refused_at_check_and_at_start(tenants_file: Path) -> None:
    """What is misspelt would be neither off, where that was meant, nor on."""
    tenants_file.write_text(NORTH.replace("glucose-review", "glucose-reveiw"))
    done = check()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "tenant north: services.glucose-reveiw: is no service" in done.stderr
    with pytest.raises(InvalidSettings, match="glucose-reveiw"):
        prepare()
