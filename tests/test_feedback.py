"""Feedback over HTTP: what is taken, what is refused, and that it is kept once, for its tenant alone."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import time_machine
from joserfc.jwk import ECKey
from sqlalchemy import Engine, event
from test_hook_calls import AS_OF, golden, outcome_of

from cds_service.app import create_app
from cds_service.schemas import FeedbackReceiptSchema

SERVICE = "glucose-review"
PATH = f"/cds-services/{SERVICE}/feedback"
CARD = "8f0f2f3e-0000-4000-8000-000000000000"
ACCEPTED = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "s-1"}],
    "outcomeTimestamp": "2026-05-15T12:00:01Z",
}
OVERRIDDEN = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-05-15T12:00:01Z"}


def send(ehr: Any, *items: Any) -> Any:
    return ehr.post(PATH, {"feedback": list(items)})


def history(ehr: Any, card: str = CARD) -> Any:
    return ehr.client.application.extensions["wearable_cds"].store.feedback.history(ehr.tenant.id, card)


@pytest.mark.spec("FB1", "FB10")
def test_FB1_FB10_feedback_is_acknowledged_with_what_became_of_it(ehr: Any) -> None:
    answer = send(ehr, ACCEPTED)
    assert (answer.status_code, answer.json) == (200, {"stored": 1, "repeated": 0})
    assert FeedbackReceiptSchema().validate(answer.json) == {}
    assert [item.accepted_suggestions for item in history(ehr)] == [("s-1",)]


@pytest.mark.spec("FB1", "B-05")
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"feedback":null}', b'{"feedback":{}}', b'{"feedback":[]}', b'{"feedback":[7]}'],
)
def test_FB1_what_is_no_list_of_feedback_is_a_clear_400(ehr: Any, body: bytes) -> None:
    outcome_of(ehr.post(PATH, body), 400)


@pytest.mark.spec("FB1")
@pytest.mark.parametrize("member", ["card", "outcome", "outcomeTimestamp"])
def test_FB1_a_missing_member_is_named_by_its_place(ehr: Any, member: str) -> None:
    item = {name: value for name, value in ACCEPTED.items() if name != member}
    outcome = outcome_of(send(ehr, ACCEPTED, item), 400)
    assert outcome["issue"][0]["expression"] == [f"feedback.1.{member}"]
    assert history(ehr) == ()


@pytest.mark.spec("FB2")
@pytest.mark.parametrize("outcome", ["ignored", "Accepted", "", None, 1])
def test_FB2_another_outcome_is_refused(ehr: Any, outcome: Any) -> None:
    outcome_of(send(ehr, OVERRIDDEN | {"outcome": outcome}), 400)


@pytest.mark.spec("FB3")
@pytest.mark.parametrize("accepted", [None, [], [{}], [{"id": ""}], ["s-1"]])
def test_FB3_an_acceptance_says_of_which_suggestion(ehr: Any, accepted: Any) -> None:
    outcome_of(send(ehr, ACCEPTED | {"acceptedSuggestions": accepted}), 400)


@pytest.mark.spec("FB4", "FB5")
@pytest.mark.parametrize(
    "reason",
    [
        {},
        {"overrideReason": {"reason": {"code": "their-own", "system": "https://ehr.example.org/reasons"}}},
        {"overrideReason": {"reason": {"code": "x"}}},
        {"overrideReason": {"userComment": "seen at home"}},
        {"overrideReason": {}},
    ],
)
def test_FB4_FB5_an_override_may_give_any_reason_or_none(ehr: Any, reason: dict[str, Any]) -> None:
    assert send(ehr, OVERRIDDEN | reason).json == {"stored": 1, "repeated": 0}


@pytest.mark.spec("FB6")
@pytest.mark.parametrize(
    "time", ["2026-05-15T12:00:01Z", "2026-05-15T12:00:01.123456Z", "2026-05-15T14:00:01+02:00", "2026-05-15T12:00:01.5-00:00"]
)  # fmt: skip
def test_FB6_a_time_with_an_offset_is_taken(ehr: Any, time: str) -> None:
    assert send(ehr, OVERRIDDEN | {"outcomeTimestamp": time}).status_code == 200


@pytest.mark.spec("FB6")
@pytest.mark.parametrize("time", ["2026-05-15T12:00:01", "2026-05-15", "12:00", "", 7, None])
def test_FB6_a_time_that_names_no_instant_is_refused(ehr: Any, time: Any) -> None:
    outcome_of(send(ehr, OVERRIDDEN | {"outcomeTimestamp": time}), 400)


@pytest.mark.spec("FB7", "F-29")
def test_FB7_repeats_count_once_and_a_change_of_mind_is_kept(ehr: Any) -> None:
    other = OVERRIDDEN | {"card": CARD.replace("8f", "9f")}
    assert send(ehr, ACCEPTED, other).json == {"stored": 2, "repeated": 0}
    assert send(ehr, ACCEPTED, ACCEPTED, other).json == {"stored": 0, "repeated": 3}
    later = OVERRIDDEN | {"outcomeTimestamp": "2026-05-15T12:05:00Z"}
    assert send(ehr, later).json == {"stored": 1, "repeated": 0}
    assert [item.outcome for item in history(ehr)] == ["accepted", "overridden"]


@pytest.mark.spec("FB8", "FB12", "E-01", "E-02")
@time_machine.travel(AS_OF, tick=False)
def test_FB12_E02_a_card_of_another_tenant_looks_like_one_that_never_was(
    ehr: Any, settings: Any, ehr_key: ECKey
) -> None:
    key = ECKey.generate_key("P-384", {"kid": "south-1", "alg": "ES384", "use": "sig"})
    south = replace(
        settings.tenants[0],
        id="south",
        issuer="https://south.example",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    both = replace(settings, tenants=(*settings.tenants, south))
    with create_app(both).test_client() as client:
        north, stranger = replace(ehr, client=client), replace(ehr, client=client, key=key, tenant=south)
        card = north.call(SERVICE, golden("night-lows")).json["cards"][0]["uuid"]
        answers = [send(stranger, OVERRIDDEN | {"card": uuid}) for uuid in (card, CARD)]
        assert [(a.status_code, a.json) for a in answers] == [(200, {"stored": 1, "repeated": 0})] * 2
        assert history(north, card) == () and len(history(stranger, card)) == 1


@pytest.mark.spec("FB9", "JW7")
@pytest.mark.parametrize(
    ("audience", "status"),
    [(PATH, 200), (f"/cds-services/{SERVICE}", 200), ("/cds-services", 401), ("/cds-services/insulin-adjustment", 401)],
)  # fmt: skip
def test_FB9_the_audience_is_the_feedback_or_the_service_address(
    ehr: Any, audience: str, status: int
) -> None:
    token = ehr.token("https://cds.example.org" + audience)
    headers = {"Authorization": f"Bearer {token}"}
    assert ehr.client.post(PATH, json={"feedback": [OVERRIDDEN]}, headers=headers).status_code == status


@pytest.mark.spec("FB9", "JW1")
def test_FB9_without_a_token_nothing_is_taken(ehr: Any) -> None:
    outcome_of(ehr.client.post(PATH, json={"feedback": [OVERRIDDEN]}), 401)
    assert history(ehr) == ()


@pytest.mark.spec("FB11", "K-02")
def test_FB11_a_comment_shows_in_no_answer_no_log_and_no_file(
    ehr: Any, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    said = OVERRIDDEN | {"overrideReason": {"userComment": "CANARY of Ann Onymous"}}
    answers = [send(ehr, said), send(ehr, said | {"outcome": "CANARY"}), send(ehr, said | {"card": "CANARY"})]
    assert [answer.status_code for answer in answers] == [200, 400, 400]
    folder = Path(settings.database_url.removeprefix("sqlite:///")).parent
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(b"CANARY" in answer.data for answer in answers) and b"CANARY" not in kept
    assert "CANARY" not in "".join(capsys.readouterr())
    assert history(ehr)[0].user_comment == "CANARY of Ann Onymous"


@pytest.mark.spec("FB11")
def test_FB11_a_comment_over_the_cap_is_refused(ehr: Any) -> None:
    outcome_of(send(ehr, OVERRIDDEN | {"overrideReason": {"userComment": "x" * 4001}}), 400)


@pytest.mark.spec("B-07")
def test_B07_more_than_500_items_are_refused_and_a_body_over_its_limit_too(ehr: Any) -> None:
    items = [OVERRIDDEN | {"card": f"{number:08x}{CARD[8:]}"} for number in range(501)]
    assert send(ehr, *items[:500]).json == {"stored": 500, "repeated": 0}
    outcome_of(send(ehr, *items), 400)
    outcome_of(ehr.post(PATH, json.dumps({"feedback": items * 6}).encode()), 413)


@pytest.mark.spec("E-01")
def test_E01_a_service_that_is_not_offered_takes_no_feedback(ehr: Any, settings: Any) -> None:
    without = replace(settings, tenants=(replace(settings.tenants[0], services={}),))
    with create_app(without).test_client() as client:
        caller = replace(ehr, client=client)
        outcome_of(caller.post("/cds-services/insulin-adjustment/feedback", {"feedback": [OVERRIDDEN]}), 404)


@pytest.mark.spec("E-05")
@time_machine.travel(AS_OF, tick=False)
def test_E05_no_statement_touches_a_tenants_rows_without_naming_the_tenant(ehr: Any) -> None:
    statements: list[str] = []

    def seen(*arguments: Any) -> None:
        statements.append(" ".join(arguments[2].split()))

    event.listen(Engine, "before_cursor_execute", seen)
    try:
        card = ehr.call(SERVICE, golden("night-lows")).json["cards"][0]["uuid"]
        assert send(ehr, OVERRIDDEN | {"card": card}).status_code == 200
        assert len(history(ehr, card)) == 1
    finally:
        event.remove(Engine, "before_cursor_execute", seen)
    of_tenants = [
        text for text in statements if re.search(r"(FROM|INTO) (card|feedback|decision|audit)\b", text)
    ]
    assert len(of_tenants) >= 4
    assert [text for text in of_tenants if "tenant" not in text] == []


@pytest.mark.spec("B-04", "FB1")
@pytest.mark.parametrize("card", [CARD + "\n", CARD + "\x00", "\n" + CARD])
def test_FB1_a_card_id_with_something_behind_it_is_refused(ehr: Any, card: str) -> None:
    assert send(ehr, OVERRIDDEN | {"card": card}).status_code == 400


@pytest.mark.spec("B-04")
def test_B04_a_null_character_in_a_reason_is_refused(ehr: Any) -> None:
    reason = {"reason": {"code": "a\x00b", "system": "urn:x"}}
    assert send(ehr, OVERRIDDEN | {"overrideReason": reason}).status_code == 400
