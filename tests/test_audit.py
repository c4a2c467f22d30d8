"""The audit chain and the decision record: nothing can be changed unseen, and an answer can be given again."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select, update

from cds_service.store.audit import Audit, Event, Head
from cds_service.store.audit_event import to_audit_event
from cds_service.store.decisions import DecisionRecord, Decisions
from cds_service.store.feedback import Feedback, FeedbackItem, GivenCard
from cds_service.store.schema import AUDIT, CARD, DECISION
from hooks.errors import Unavailable
from models.assessment import Outcome

pytest_plugins = ["databases"]

KEY = b"k" * 44
EVENT = Event(
    1_780_000_000_000,
    "hook.call",
    "answered",
    "https://north.example",
    user="Practitioner/7",
    patient_id="canary-patient",
    service="glucose-review",
    hook="patient-view",
    hook_instance="instance",
    details={"versions": {"glucose_review": "1.0"}, "cards": 1, "ms": 12},
)
DECISION_MADE = DecisionRecord(
    "33333333-3333-3333-3333-333333333333",
    "glucose-review",
    "instance",
    1_780_000_000_000,
    "assessed_positive",
    "ab" * 32,
    {"glucose_review": "1.0", "limits": "2026-01"},
    b'{"cards": [{"summary": "canary-card"}]}',
)
CARD_GIVEN = GivenCard("11111111-1111-1111-1111-111111111111", "glucose-review", "instance", 1_000)


@pytest.fixture
def audit(engine: Engine) -> Audit:
    audit = Audit(engine, KEY)
    for number in range(5):
        audit.append("north", replace(EVENT, at_ms=EVENT.at_ms + number))
    return audit


@pytest.mark.spec("SE1")
def test_SE1_a_line_holds_who_what_when_and_from_what(audit: Audit) -> None:
    line = next(audit.lines("north"))
    assert {"at_ms", "issuer", "tenant", "user", "patient", "hook", "hook_instance", "service"} <= line.keys()
    assert line["details"]["versions"] == {"glucose_review": "1.0"}


@pytest.mark.spec("K-04")
def test_K04_a_chain_that_nobody_touched_fits(audit: Audit) -> None:
    check = audit.verify("north")
    assert (check.head.sequence, check.broken_at) == (5, None)
    assert audit.verify("nobody").head.sequence == 0


@pytest.mark.spec("K-04")
@pytest.mark.parametrize("column", ["event", "chain_hash", "sequence"])
@pytest.mark.parametrize("line", [1, 3, 5])
def test_K04_a_changed_line_is_found(audit: Audit, engine: Engine, line: int, column: str) -> None:
    values = {
        "event": func.replace(AUDIT.c.event, "answered", "refused"),
        "chain_hash": "0" * 64,
        "sequence": 77,
    }
    with engine.begin() as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.sequence == line).values({column: values[column]}))
    assert audit.verify("north").broken_at is not None


@pytest.mark.spec("K-04")
@pytest.mark.parametrize("line", [1, 3, 5])
def test_K04_a_missing_line_is_found_the_last_with_an_end_kept_elsewhere(
    audit: Audit, engine: Engine, line: int
) -> None:
    known = audit.verify("north").head
    with engine.begin() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.sequence == line))
    assert audit.verify("north", known).broken_at == line


@pytest.mark.spec("K-04")
def test_K04_a_chain_written_anew_does_not_hold_the_known_end(audit: Audit, engine: Engine) -> None:
    known = audit.verify("north").head
    with engine.begin() as connection:
        connection.execute(delete(AUDIT))
    for _ in range(6):
        audit.append("north", EVENT)
    assert audit.verify("north").broken_at is None
    assert audit.verify("north", known).broken_at == 5
    assert audit.verify("north", Head(9, "0" * 64)).broken_at == 7


def test_writers_at_once_make_one_chain_without_gaps(engine: Engine) -> None:
    audit = Audit(engine, KEY)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: audit.append("north", EVENT), range(80)))
    assert (audit.verify("north").head.sequence, audit.verify("north").broken_at) == (80, None)


@pytest.mark.spec("E-01")
def test_E01_each_tenant_has_a_chain_and_pseudonyms_of_its_own(audit: Audit) -> None:
    audit.append("south", EVENT)
    assert [line["sequence"] for line in audit.lines("south")] == [1]
    assert next(audit.lines("south"))["patient"] != next(audit.lines("north"))["patient"]


@pytest.mark.spec("K-02", "FA8")
def test_K02_neither_patient_nor_card_is_readable_in_the_database_files(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    audit = Audit(sqlite_engine, KEY)
    Decisions(sqlite_engine, audit, KEY).record("north", DECISION_MADE, [CARD_GIVEN], EVENT)
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "sqlite").iterdir())
    assert b"glucose-review" in on_disk
    assert b"canary" not in on_disk
    assert "canary-patient" not in repr(EVENT)
    assert "canary-card" not in repr(DECISION_MADE)


def test_a_decision_comes_back_to_the_byte_and_to_its_tenant_alone(engine: Engine) -> None:
    decisions = Decisions(engine, Audit(engine, KEY), KEY)
    decisions.record("north", DECISION_MADE, [CARD_GIVEN], EVENT)
    assert decisions.find("north", DECISION_MADE.id) == DECISION_MADE
    assert decisions.find("south", DECISION_MADE.id) is None
    feedback = FeedbackItem(CARD_GIVEN.uuid, "accepted", 1)
    assert Feedback(engine, KEY).record("north", "glucose-review", [feedback], 2).unmatched == 0


def test_decision_cards_and_audit_are_stored_together_or_not_at_all(engine: Engine) -> None:
    audit = Audit(engine, KEY)
    decisions = Decisions(engine, audit, KEY)
    decisions.record("north", DECISION_MADE, [], EVENT)
    with pytest.raises(Unavailable):
        decisions.record("north", DECISION_MADE, [CARD_GIVEN], EVENT)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(DECISION)) == 1
        assert connection.scalar(select(func.count()).select_from(CARD)) == 0
    assert audit.verify("north").head.sequence == 1


@given(
    user=st.none() | st.just("Practitioner/1"),
    patient=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    details=st.dictionaries(
        st.text("abc", min_size=1, max_size=5), st.integers() | st.text("xyz", min_size=1)
    ),
    outcome=st.sampled_from(["answered", "refused", "failed", "other"]),
)
@settings(max_examples=50)
def test_every_line_is_a_valid_fhir_audit_event(
    user: str | None, patient: str | None, details: dict[str, object], outcome: str
) -> None:
    line = {
        "tenant": "north",
        "sequence": 1,
        "at_ms": EVENT.at_ms,
        "action": EVENT.action,
        "issuer": EVENT.issuer,
        "user": user,
        "patient": patient,
        "outcome": outcome,
        "details": details,
        "service": None,
        "hook": EVENT.hook,
        "hook_instance": EVENT.hook_instance,
    }
    assert AuditEvent.model_validate_json(json.dumps(to_audit_event(line, "https://cds.example")))


def test_the_log_has_the_lines_that_become_audit_events(audit: Audit) -> None:
    found = [to_audit_event(line, "https://cds.example") for line in audit.lines("north")]
    assert [event["id"] for event in found] == [f"north-{number}" for number in range(1, 6)]
    assert all(AuditEvent.model_validate_json(json.dumps(event)) for event in found)


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answered_hook_is_no_serious_failure_whatever_it_says(engine: Engine, outcome: Outcome) -> None:
    audit = Audit(engine, KEY)
    audit.append("north", replace(EVENT, action="hook.answered", outcome=str(outcome)))
    told = to_audit_event(next(audit.lines("north")), "https://cds.example")["outcome"]
    assert told == ("4" if outcome in (Outcome.NOT_ASSESSED, Outcome.REFUSED) else "0")


@pytest.mark.parametrize(("status", "told"), [(403, "4"), (412, "4"), (500, "8"), (503, "8")])
def test_a_refused_call_fails_as_seriously_as_its_status_says(engine: Engine, status: int, told: str) -> None:
    audit = Audit(engine, KEY)
    event = replace(EVENT, action="hook.refused", outcome="some.reason", details={"status": status})
    audit.append("north", event)
    assert to_audit_event(next(audit.lines("north")), "https://cds.example")["outcome"] == told
