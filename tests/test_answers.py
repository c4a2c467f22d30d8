"""Whatever a service answers: the members it may have, what its suggestions may do, and what it never sends."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from fake_ehr import running
from patience import read_only_a_moment
from sqlalchemy import NullPool, create_engine, select
from test_hook_calls import AS_OF, golden, outcome_of
from titration_request import TYPE_2, bundle, condition, draft, mornings, order, request

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.store.schema import CARD, DECISION
from cds_service.tenants import FhirBase
from hooks.card import MAX_CARDS, URGENCY, Card, CreateAction, Indicator, Suggestion, UpdateAction
from hooks.service import Decision

GOLDEN = Path(__file__).with_name("golden")
PAIRS = [
    pytest.param(path.with_name(path.name.replace(".response.", ".request.")), path, id=path.name[:-14])
    for path in sorted(GOLDEN.glob("*/*.response.json"))
]
NO_DOSE = ["concentrated", "duplicate-basal", "low-now", "mealtime", "pregnancy", "weight-missing"]
TITRATION_AS_OF = "2026-05-15T08:00:00Z"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def members(value: Any) -> Iterator[str]:
    """The names of all members at any depth, but those inside FHIR resources."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        if name != "resource":
            yield from members(inner)
    for inner in value if isinstance(value, list) else ():
        yield from members(inner)


def actions(answer: Any) -> list[dict[str, Any]]:
    return [a for card in answer["cards"] for s in card.get("suggestions", []) for a in s["actions"]]


def links_astray(answer: Any, host: str) -> list[str]:
    """Addresses that lead elsewhere than to our own host, or that carry what only an EHR may add."""
    urls = [link["url"] for card in answer["cards"] for link in card.get("links", [])]
    return [
        url for url in urls if urlsplit(url).hostname != host or {"iss", "launch"} & parse_qs(urlsplit(url).query).keys()
    ]  # fmt: skip


@pytest.mark.spec("SU4", "SY1", "LK4", "EX1", "CA5", "SU2", "D-03")
@pytest.mark.parametrize(("asked", "answered"), PAIRS)
def test_SY1_LK4_nothing_acts_launches_or_recommends_by_itself(asked: Path, answered: Path) -> None:
    never = {
        "systemActions",
        "autolaunchable",
        "isRecommended",
        "actionSelectionBehavior",
        "extension",
        "icon",
    }
    assert never.isdisjoint(members(read(answered)))


@pytest.mark.spec("CA3", "CA6", "CA2")
@pytest.mark.parametrize(("asked", "answered"), PAIRS)
def test_CA3_CA6_every_card_says_who_speaks_and_on_what(asked: Path, answered: Path) -> None:
    for card in read(answered)["cards"]:
        assert card["source"]["label"] and {"code", "system"} <= card["source"]["topic"].keys()
        assert card["indicator"] in ("info", "warning", "critical")


@pytest.mark.spec("AC1", "AC2", "AC4", "AC5", "AC6", "AC7", "D-05")
@pytest.mark.parametrize(("asked", "answered"), PAIRS)
def test_AC4_AC6_AC7_an_update_is_the_whole_draft_of_this_patient_with_only_the_dose_changed(
    asked: Path, answered: Path
) -> None:
    drafts = read(asked)["context"].get("draftOrders", {}).get("entry", [])
    by_id = {entry["resource"]["id"]: entry["resource"] for entry in drafts}
    for action in actions(read(answered)):
        assert action["type"] == "update" and action["description"] and "resourceId" not in action
        before, after = by_id[action["resource"]["id"]], action["resource"]
        assert after["status"] == "draft" and after["intent"] == before["intent"]
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert changed == {"dosageInstruction"} or before["dosageInstruction"] == after["dosageInstruction"]


@pytest.mark.spec("D-07", "CA12")
@pytest.mark.parametrize(("asked", "answered"), PAIRS)
def test_D07_CA12_cards_are_few_small_and_the_urgent_come_first(asked: Path, answered: Path) -> None:
    cards = read(answered)["cards"]
    urgency = [URGENCY[Indicator(card["indicator"])] for card in cards]
    assert len(cards) <= MAX_CARDS and urgency == sorted(urgency)
    assert len(json.dumps(cards)) < 1_000_000


@pytest.mark.spec("D-05", "SY1", "X5")
def test_D05_no_type_can_hold_a_deletion_or_an_action_without_a_user() -> None:
    kinds = {field.name: field.type for field in fields(Suggestion)}
    assert set(get_args(get_args(kinds["actions"])[0])) == {UpdateAction, CreateAction}
    assert not {"system_actions", "autolaunchable"} & {
        f.name for kind in (Card, Decision) for f in fields(kind)
    }


@pytest.mark.spec("SE7", "H-08")
@pytest.mark.parametrize("name", NO_DOSE)
def test_SE7_a_contradiction_gets_a_reason_and_no_dose_to_take(name: str) -> None:
    (card,) = read(GOLDEN / "insulin-adjustment" / f"{name}.response.json")["cards"]
    assert "suggestions" not in card and card["detail"]


@pytest.mark.spec("LK5", "CA4", "D-04")
@time_machine.travel(AS_OF, tick=False)
def test_LK5_CA4_D04_no_address_leads_elsewhere_or_tells_of_the_patient(ehr: Any) -> None:
    asked = golden("night-lows")
    asked["prefetch"]["patient"] |= {"name": [{"family": "Zzyzx"}], "identifier": [{"value": "MRN-77"}]}
    answer = ehr.call("glucose-review", asked).json
    assert links_astray(answer, "cds.example.org") == []
    for card in answer["cards"]:
        address = urlsplit(card["source"]["url"])
        assert (address.scheme, address.hostname, address.query) == ("https", "cds.example.org", "")
    assert not any(told in json.dumps(answer) for told in ("Zzyzx", "MRN-77", "Patient/p1"))


@pytest.mark.parametrize("url", ["https://evil.example/app", "https://cds.example.org/a?iss=x"])
def test_a_link_astray_would_be_seen(url: str) -> None:
    assert links_astray({"cards": [{"links": [{"url": url}]}]}, "cds.example.org") == [url]


@pytest.mark.spec("RS2", "X4", "CX6")
@time_machine.travel(TITRATION_AS_OF, tick=False)
def test_RS2_only_a_question_that_was_answered_in_full_gets_no_card(ehr: Any) -> None:
    tablet = draft(1, {"text": "metformin 500 mg tablet"})
    answer = ehr.call("insulin-adjustment", request(mornings([150.0] * 4), [order(20)], tablet))
    assert (answer.status_code, answer.json) == (200, {"cards": []})


@pytest.mark.spec("CX11", "H-06", "SE1")
@pytest.mark.parametrize("subject", ["Patient/p2", "https://ehr.example.org/fhir/Patient/p2/_history/1"])
@time_machine.travel(TITRATION_AS_OF, tick=False)
def test_CX11_a_draft_for_another_patient_gets_no_card_and_a_line_of_audit(ehr: Any, subject: str) -> None:
    foreign = draft(20) | {"subject": {"reference": subject}}
    asked = request(mornings([150.0] * 4), [order(20)], foreign)
    outcome_of(ehr.call("insulin-adjustment", asked), 412)
    store = ehr.client.application.extensions["wearable_cds"].store
    line = list(store.audit.lines(ehr.tenant.id))[-1]
    assert (line["action"], line["outcome"], line["details"]) == (
        "hook.refused",
        "foreign_draft",
        {"status": 412},
    )


@pytest.mark.spec("X11", "CX5")
@time_machine.travel(TITRATION_AS_OF, tick=False)
def test_X11_a_draft_that_names_no_patient_is_taken(ehr: Any) -> None:
    unnamed = draft(20)
    del unnamed["subject"]
    asked = request(mornings([150.0] * 4), [order(20)], unnamed)
    assert ehr.call("insulin-adjustment", asked).json["cards"]


@pytest.mark.spec("SE5", "CA12")
@time_machine.travel(AS_OF, tick=False)
def test_SE5_nothing_of_one_answer_is_left_in_the_next(ehr: Any) -> None:
    def contents(name: str) -> list[str]:
        return [
            card["summary"] + card["detail"]
            for card in ehr.call("glucose-review", golden(name)).json["cards"]
        ]

    first, other, again = contents("night-lows"), contents("no-glucose"), contents("night-lows")
    assert first == again != other and "Nothing is known" in other[0]


@pytest.mark.spec("FA2")
@time_machine.travel(AS_OF, tick=False)
def test_FA2_access_that_names_no_patient_is_for_the_patient_of_the_context(ehr: Any) -> None:
    access = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "subject": "s"}
    asked = golden("night-lows") | {
        "fhirServer": "https://ehr.example.org/fhir",
        "fhirAuthorization": access | {"scope": "patient/*.rs"},
    }
    assert ehr.call("glucose-review", asked).status_code == 200


@pytest.mark.spec("FA4")
@pytest.mark.parametrize(("subject", "status"), [("our-client", 200), ("another", 403)])
@time_machine.travel(AS_OF, tick=False)
def test_FA4_access_given_to_another_client_is_refused(
    ehr: Any, settings: Any, subject: str, status: int
) -> None:
    ours = replace(settings, tenants=(replace(settings.tenants[0], client_id="our-client"),))
    access = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs"}
    asked = golden("night-lows") | {
        "fhirServer": "https://ehr.example.org/fhir",
        "fhirAuthorization": access | {"subject": subject},
    }
    with create_app(ours).test_client() as client:
        assert replace(ehr, client=client).call("glucose-review", asked).status_code == status


@pytest.mark.spec("PE2", "F-01", "F-02")
@pytest.mark.parametrize("patient", ["p-hang", "p-drip", "p-500", "p-login", "p-endless"])
def test_PE2_an_ehr_that_does_not_answer_holds_no_call_beyond_its_deadline(
    ehr: Any, settings: Any, patient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_only_a_moment(monkeypatch)
    with running() as server:
        base = FhirBase(parse_base(server.base, loopback=True), open=True, allow_private=True)
        tenant = replace(settings.tenants[0], fhir_bases=(base,))
        asked = {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ab82-33b2ec2a2b1c",
            "fhirServer": server.base,
            "context": {"userId": "Practitioner/dr-1", "patientId": patient},
        }
        with create_app(replace(settings, tenants=(tenant,))).test_client() as client:
            outcome_of(replace(ehr, client=client).call("glucose-review", asked), 412)
            client.application.extensions["wearable_cds"].egress.close()


@pytest.mark.spec("ER5", "CO4")
@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (None, 412)])
def test_ER5_a_browser_client_can_read_why_it_was_refused(
    ehr: Any, settings: Any, body: bytes | None, status: int
) -> None:
    with create_app(replace(settings, cors_origins=("https://sandbox.example",))).test_client() as client:
        asked = golden("no-glucose") | {"prefetch": {}} if body is None else body
        answer = replace(ehr, client=client).call("glucose-review", asked, Origin="https://sandbox.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://sandbox.example"
    assert outcome_of(answer, status)["issue"]


@pytest.mark.spec("PF2")
@time_machine.travel(AS_OF, tick=False)
def test_PF2_an_outcome_among_the_entries_is_seen_and_told(ehr: Any) -> None:
    asked = golden("night-lows")
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    asked["prefetch"]["conditions"] = bundle([condition("t2", TYPE_2)])
    asked["prefetch"]["conditions"]["entry"].append({"resource": failed, "search": {"mode": "outcome"}})
    detail = ehr.call("glucose-review", asked).json["cards"][0]["detail"]
    assert "conditions" in detail


@pytest.mark.spec("E-04")
@time_machine.travel(AS_OF, tick=False)
def test_E04_answers_asked_for_at_the_same_time_are_never_mixed_up(ehr: Any) -> None:
    names = ["night-lows", "no-glucose", "low-now", "evening-highs"]
    alone = {name: summaries(ehr, name) for name in names}
    assert len({tuple(found) for found in alone.values()}) == len(names)
    clients = [replace(ehr, client=ehr.client.application.test_client()) for _ in names]
    with ThreadPoolExecutor(len(names)) as pool:
        found = [
            list(pool.map(lambda pair: summaries(*pair), zip(clients, order, strict=True)))
            for order in (names, names[::-1], names[2:] + names[:2])
        ]
    expected = [[alone[name] for name in order] for order in (names, names[::-1], names[2:] + names[:2])]
    assert found == expected


def summaries(ehr: Any, name: str) -> list[str]:
    return [card["summary"] for card in ehr.call("glucose-review", golden(name)).json["cards"]]


@pytest.mark.spec("H-18", "H-22")
@time_machine.travel(AS_OF, tick=False)
def test_H18_H22_a_card_is_kept_with_its_moment_its_call_and_the_version_it_names(
    ehr: Any, settings: Any
) -> None:
    asked = golden("night-lows")
    (card,) = ehr.call("glucose-review", asked).json["cards"]
    engine = create_engine(settings.database_url, poolclass=NullPool)
    with engine.connect() as connection:
        given = connection.execute(select(CARD).where(CARD.c.uuid == card["uuid"])).one()
        (decision,) = connection.execute(select(DECISION)).all()
    assert (given.hook_instance, given.service) == (asked["hookInstance"], "glucose-review")
    assert given.issued_ms == decision.as_of_ms == int(datetime.fromisoformat(AS_OF).timestamp() * 1000)
    versions = json.loads(decision.versions)
    assert card["source"]["label"].endswith(f"glucose-review {versions['glucose-review']}")
