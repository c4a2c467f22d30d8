"""An answer that cannot be recorded is not given: without its line of audit no call is answered (SE1)."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from cds_service.settings import Settings
from cds_service.store.schema import AUDIT, CARD, DECISION

GOLDEN = Path(__file__).with_name("golden")
CASES = [("glucose-review", "night-lows"), ("glucose-review", "no-glucose")]


def run(settings: Settings, statement: str) -> Any:
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        found = result.scalar() if result.returns_rows else None
    engine.dispose()
    return found


@pytest.mark.spec("SE1", "F-21")
@pytest.mark.parametrize(("service", "case"), CASES)
def test_SE1_without_the_audit_log_a_call_gets_503_and_nothing_of_the_answer(
    ehr: Any, settings: Settings, service: str, case: str
) -> None:
    body = json.loads((GOLDEN / service / f"{case}.request.json").read_text("utf-8"))
    run(settings, f"alter table {AUDIT.name} rename to away")
    refused = ehr.call(service, body)
    assert refused.status_code == 503
    assert refused.json["resourceType"] == "OperationOutcome" and "cards" not in refused.json
    assert [run(settings, f"select count(*) from {table.name}") for table in (DECISION, CARD)] == [0, 0]
    run(settings, f"alter table away rename to {AUDIT.name}")
    assert ehr.call(service, body).status_code == 200
    assert run(settings, f"select count(*) from {AUDIT.name}") == 1


@pytest.mark.spec("SE1")
def test_SE1_a_refusal_that_cannot_be_recorded_becomes_503_too(ehr: Any, settings: Settings) -> None:
    body = json.loads((GOLDEN / "glucose-review" / "no-glucose.request.json").read_text("utf-8"))
    body["prefetch"].pop("patient")
    assert ehr.call("glucose-review", body).status_code == 412
    run(settings, f"drop table {AUDIT.name}")
    assert ehr.call("glucose-review", body).status_code == 503
