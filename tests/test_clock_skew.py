"""No dose while our clock and the EHR's do not agree: how old a reading is depends on both."""

import json
import time
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import time_machine
from conftest import BASE_URL
from fake_ehr import FakeEhr, bundle, known_to

from cds_service.settings import Settings

GOLDEN = Path(__file__).with_name("golden") / "insulin-adjustment"
AS_OF = (GOLDEN / "as_of").read_text(encoding="utf-8").strip()
NOW_S = datetime.fromisoformat(AS_OF).timestamp()
SERVICE = "insulin-adjustment"


@pytest.fixture
def settings(settings: Settings, fake: FakeEhr) -> Settings:
    return known_to(settings, fake)


def increase() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "increase.request.json").read_text(encoding="utf-8"))
    return found


def call(ehr: Any, service: str, body: dict[str, Any], signed_s: float = 0) -> Any:
    """A call whose token was signed so many seconds from now."""
    now = int(time.time() + signed_s)
    token = ehr.token(f"{BASE_URL}/cds-services/{service}", iat=now, exp=now + 300)
    signed = {"Authorization": f"Bearer {token}"}
    return ehr.client.post(f"/cds-services/{service}", json=body, headers=signed)


def fetching(fake: FakeEhr) -> dict[str, Any]:
    """The same question, one key of it left to be fetched."""
    body = increase()
    body["prefetch"] = {key: value for key, value in body["prefetch"].items() if key != "conditions"}
    access = {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "us",
    }
    return body | {"fhirServer": fake.base, "fhirAuthorization": access}


@pytest.mark.spec("H-25", "F-18")
@pytest.mark.parametrize(("signed_s", "status"), [(0, 200), (-55, 200), (-70, 412), (-200, 412)])
@time_machine.travel(AS_OF, tick=False)
def test_H25_a_call_signed_long_ago_by_our_clock_gets_no_dose(ehr: Any, signed_s: int, status: int) -> None:
    assert call(ehr, SERVICE, increase(), signed_s).status_code == status


@pytest.mark.spec("H-25")
@time_machine.travel(AS_OF, tick=False)
def test_H25_services_without_doses_answer_all_the_same(ehr: Any) -> None:
    body = json.loads((GOLDEN.parent / "glucose-review" / "no-glucose.request.json").read_text("utf-8"))
    assert call(ehr, "glucose-review", body, -200).status_code == 200


@pytest.mark.spec("H-25", "F-18")
@pytest.mark.parametrize("ahead_s", [-600, 600])
@time_machine.travel(AS_OF, tick=False)
def test_F18_a_fhir_server_whose_date_is_minutes_from_ours_stops_doses_until_it_agrees(
    ehr: Any, fake: FakeEhr, ahead_s: int
) -> None:
    for kind in ("Condition", "Observation", "MedicationRequest", "MedicationAdministration", "Procedure"):
        fake.script_any[f"/fhir/{kind}/_search"] = (200, bundle())
    fake.date = formatdate(NOW_S + ahead_s, usegmt=True)
    assert call(ehr, SERVICE, fetching(fake)).status_code == 412
    assert call(ehr, SERVICE, increase()).status_code == 412, "it is remembered"
    fake.date = formatdate(NOW_S, usegmt=True)
    for _ in range(5):
        call(ehr, SERVICE, fetching(fake))
    assert call(ehr, SERVICE, increase()).status_code == 200


@pytest.mark.spec("H-25")
@time_machine.travel(AS_OF, tick=False)
def test_H25_the_refusal_stands_in_the_audit_log(ehr: Any) -> None:
    call(ehr, SERVICE, increase(), -200)
    store = ehr.client.application.extensions["wearable_cds"].store
    assert [line["outcome"] for line in store.audit.lines(ehr.tenant.id)] == ["clock.apart"]
