"""A tenant's own signed limits on insulin doses: read at start, refused when too wide, kept on card and record."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from conftest import Ehr, make_tenant
from joserfc.jwk import ECKey
from test_safety_limits import signed
from test_settings import MINIMAL, write_tenants
from titration_request import ABOVE_GOAL, AS_OF, mornings, order, request

from cds_service.app import create_app
from cds_service.settings import Settings
from cds_service.tenants import ServiceSetting, Tenant
from cds_service.tenants_file import read_tenants
from models.dosing.safety_limits import digest, load_limits


def own(**limits: Any) -> str:
    """A limits file of an organisation, signed by its own people."""
    file = yaml.safe_load(signed(**limits))
    file |= {
        "id": "north-basal-limits",
        "version": "2026-05",
        "owner": "North Hospital",
        "source": "Local protocol 17",
    }
    file["signed"] |= {"by": "Dr B. Limits", "role": "head of diabetes care"}
    file["signed"]["sha256"] = digest({name: file[name] for name in file if name != "signed"})
    return yaml.safe_dump(file)


def read(folder: Path, line: str) -> tuple[tuple[Tenant, ...], tuple[str, ...]]:
    """The tenants of a file with one line more, and what forbids the start."""
    return read_tenants(write_tenants(folder, f"{MINIMAL}    {line}\n"), development=False)


def with_limits(folder: Path, text: str) -> tuple[tuple[Tenant, ...], tuple[str, ...]]:
    (folder / "limits.yaml").write_text(text, "utf-8")
    return read(folder, 'dose_limits_file = "limits.yaml"')


@pytest.mark.spec("H-01")
def test_H01_signed_limits_are_read_at_start(tmp_path: Path) -> None:
    (tenant,), found = with_limits(tmp_path, own(step_units=1))
    assert (found, tenant.dose_limits) == ((), load_limits(own(step_units=1)))


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("text", "word"),
    [
        (own(ceiling_units_per_kg=0.6), "ceiling_units_per_kg must lie between"),
        (own(step_units=4), "step_units must lie between"),
        (own(interval_days=1), "interval_days must lie between"),
        (own().replace("interval_days: 3", "interval_days: 4"), "changed after they were signed"),
        ("limits: [", "cannot be read"),
        ("", "cannot be read"),
        (own().split("signed:")[0], "cannot be read"),
    ],
)
def test_H01_a_file_that_is_malformed_or_wider_than_the_ceiling_forbids_the_start(
    tmp_path: Path, text: str, word: str
) -> None:
    tenants, (problem,) = with_limits(tmp_path, text)
    assert tenants == ()
    assert "dose_limits_file: holds no usable limits" in problem
    assert word in problem


def test_a_file_that_is_no_text_or_not_there_forbids_the_start(tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_bytes(b"\xff\xfe\x00")
    line = 'dose_limits_file = "limits.yaml"'
    assert "is not text" in read(tmp_path, line)[1][0]
    (tmp_path / "limits.yaml").unlink()
    assert "names no readable file" in read(tmp_path, line)[1][0]


@pytest.mark.parametrize("line", ["pen_increment_u = 0.1", 'cautious_goal = "yes"'])
def test_odd_settings_of_dosing_forbid_the_start(tmp_path: Path, line: str) -> None:
    assert line.split()[0] in read(tmp_path, line)[1][0]


def test_what_pens_deliver_and_the_cautious_goal_are_settings(tmp_path: Path) -> None:
    (tenant,), found = read(tmp_path, "pen_increment_u = 0.5\n    cautious_goal = true")
    assert (found, tenant.pen_increment_u, tenant.cautious_goal) == ((), 0.5, True)


@pytest.fixture
def north(settings: Settings, ehr_key: ECKey) -> Any:
    """A tenant with limits of its own, and the service it calls."""
    tenant = replace(
        make_tenant(ehr_key),
        dose_limits=load_limits(own(step_units=1, step_fraction=0.05)),
        cautious_goal=False,
    )
    app = create_app(replace(settings, tenants=(tenant,)))
    yield Ehr(ehr_key, tenant, app.test_client()), app
    app.extensions["wearable_cds"].egress.close()


@pytest.mark.spec("H-01", "H-18")
def test_H01_own_limits_bind_the_dose_and_stand_on_the_card_and_in_the_record(north: Any) -> None:
    ehr, app = north
    with time_machine.travel(AS_OF, tick=False):
        answer = ehr.call("insulin-adjustment", request(mornings(ABOVE_GOAL), [order(20)]))
    assert answer.status_code == 200, answer.data
    (card,) = answer.json["cards"]
    assert "consider 21 units a day (now 20 units)" in card["summary"]
    assert "Limits north-basal-limits 2026-05, signed by Dr B. Limits on" in card["detail"]
    assert "owner North Hospital" in card["detail"] and "Local protocol 17" in card["detail"]
    decisions = app.extensions["wearable_cds"].store.decisions
    record = decisions.find(ehr.tenant.id, str(uuid.UUID(answer.headers["X-Request-Id"])))
    assert record.versions["north-basal-limits"] == "2026-05"
    assert record.versions["ada-basal"] == "1.0.0"
    assert json.loads(record.circumstances)["practice"]["dose_limits"]["signed_by"] == "Dr B. Limits"


@pytest.mark.spec("H-01")
@pytest.mark.parametrize(
    ("setting", "status"),
    [
        (None, 404),
        (ServiceSetting(enabled=True), 404),
        (ServiceSetting(enabled=False, approver="Dr A"), 404),
        (ServiceSetting(enabled=True, approver="Dr A"), 200),
    ],
)
def test_H01_dosing_is_off_until_a_tenant_enables_it_by_name_with_an_approver(
    settings: Settings, ehr_key: ECKey, setting: ServiceSetting | None, status: int
) -> None:
    services = {} if setting is None else {"insulin-adjustment": setting}
    tenant = make_tenant(ehr_key, services=services)
    app = create_app(replace(settings, tenants=(tenant,)))
    ehr = Ehr(ehr_key, tenant, app.test_client())
    with time_machine.travel(AS_OF, tick=False):
        answer = ehr.call("insulin-adjustment", request(mornings(ABOVE_GOAL), [order(20)]))
    app.extensions["wearable_cds"].egress.close()
    assert answer.status_code == status
