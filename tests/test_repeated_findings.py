"""The same finding is not said to the same person again within the hours that an organisation chose (H-16)."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from conftest import Ehr
from hypothesis import given
from hypothesis import strategies as st
from test_hook_calls import AS_OF, golden

from cds_service.app import create_app
from cds_service.decided_again import decide_again
from cds_service.settings import Settings
from hooks.card import Card, Coding, CreateAction, Indicator, Source, Suggestion
from hooks.repeated_findings import fold

START = datetime.fromisoformat(AS_OF)
REVIEW = "glucose-review"
SOURCE = Source("model", Coding("urn:topic", "t", "t"))
SUGGESTION = Suggestion("s", "Draft", (CreateAction("Drafts", {"resourceType": "MedicationRequest"}),))


@contextmanager
def service(settings: Settings, ehr: Ehr, **changes: Any) -> Iterator[Ehr]:
    tenant = replace(ehr.tenant, **changes)
    app = create_app(replace(settings, tenants=(tenant,)))
    with app.test_client() as client:
        yield Ehr(ehr.key, tenant, client)
    app.extensions["wearable_cds"].egress.close()


def cards(ehr: Ehr, case: str, hours: float = 0.0, user: str = "Practitioner/a") -> list[dict[str, Any]]:
    asked = golden(case)
    asked["context"]["userId"] = user
    with time_machine.travel(START + timedelta(hours=hours), tick=False):
        answer = ehr.call(REVIEW, asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["cards"]
    return found


@pytest.mark.spec("H-16")
def test_H16_a_finding_is_folded_for_the_same_user_within_the_window_and_whole_again_after_it(
    settings: Settings, ehr: Ehr
) -> None:
    with service(settings, ehr, repeat_after_h=4.0) as running:
        (whole,) = cards(running, "no-glucose")
        (brief,) = cards(running, "no-glucose", 2.0)
        (again,) = cards(running, "no-glucose", 4.5)
    assert whole["summary"] == again["summary"] and whole["detail"] == again["detail"]
    assert brief["summary"] == "1 finding shown to you 2 h ago stands as it was"
    assert f"info: {whole['summary']}" in brief["detail"] and brief["uuid"] != whole["uuid"]


@pytest.mark.spec("H-16")
def test_H16_the_window_counts_from_the_last_time_that_the_whole_card_was_shown(
    settings: Settings, ehr: Ehr
) -> None:
    with service(settings, ehr, repeat_after_h=4.0) as running:
        seen = [cards(running, "no-glucose", hour)[0]["summary"] for hour in (0, 3, 3.9, 4.1, 8.0)]
    assert ["shown to you" in summary for summary in seen] == [False, True, True, False, True]


@pytest.mark.spec("H-16")
@pytest.mark.parametrize("changes", [{}, {"repeat_after_h": 0.0}])
def test_H16_nothing_is_folded_unless_the_organisation_chose_a_window(
    settings: Settings, ehr: Ehr, changes: dict[str, Any]
) -> None:
    with service(settings, ehr, **changes) as running:
        first, second = cards(running, "no-glucose"), cards(running, "no-glucose", 0.1)
    assert [card["summary"] for card in first] == [card["summary"] for card in second]


@pytest.mark.spec("H-16")
def test_H16_another_user_and_another_patient_are_shown_the_whole_card(settings: Settings, ehr: Ehr) -> None:
    with service(settings, ehr, repeat_after_h=4.0) as running:
        (first,) = cards(running, "no-glucose")
        (other,) = cards(running, "no-glucose", 1.0, user="Practitioner/b")
        text = json.dumps(golden("no-glucose"))
        patient = golden("no-glucose")["context"]["patientId"]
        moved = json.loads(text.replace(f'"{patient}"', '"p-2"').replace(f"Patient/{patient}", "Patient/p-2"))
        moved["context"]["userId"] = "Practitioner/a"
        with time_machine.travel(START + timedelta(hours=1), tick=False):
            (elsewhere,) = running.call(REVIEW, moved).json["cards"]
    assert first["summary"] == other["summary"] == elsewhere["summary"]


@pytest.mark.spec("H-16")
def test_H16_a_low_of_now_is_said_every_time_and_stands_before_what_is_folded(
    settings: Settings, ehr: Ehr
) -> None:
    with service(settings, ehr, repeat_after_h=4.0) as running:
        first, second = cards(running, "low-now"), cards(running, "low-now")
    assert first[0]["indicator"] == second[0]["indicator"] == "critical"
    assert first[0]["summary"] == second[0]["summary"] and len(first) == len(second) == 2
    assert "shown to you" in second[1]["summary"] and f"warning: {first[1]['summary']}" in second[1]["detail"]


@pytest.mark.spec("H-16")
def test_H16_a_finding_whose_numbers_changed_is_another_finding(settings: Settings, ehr: Ehr) -> None:
    with service(settings, ehr, repeat_after_h=4.0) as running:
        cards(running, "targets-met")
        changed = cards(running, "night-lows", 0.1)
    assert not any("shown to you" in card["summary"] for card in changed)


@pytest.mark.spec("H-16", "SE1")
def test_H16_what_is_remembered_names_neither_user_nor_patient_and_the_answer_can_be_made_again(
    settings: Settings, ehr: Ehr
) -> None:
    with service(settings, ehr, repeat_after_h=4.0, keep_inputs=True) as running:
        cards(running, "no-glucose", user="Practitioner/remarkable-name")
        with time_machine.travel(START + timedelta(hours=1), tick=False):
            asked = golden("no-glucose")
            asked["context"]["userId"] = "Practitioner/remarkable-name"
            answer = running.call(REVIEW, asked)
        store = running.client.application.extensions["wearable_cds"].store
        record = store.decisions.find(running.tenant.id, answer.json["cards"][0]["uuid"])
    assert "shown to you" in answer.text and decide_again(record, None) == answer.data
    with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as database:
        rows = list(database.execute("select tenant, service, hook_instance, finding from card"))
    assert len(rows) == 2 and [bool(row[3]) for row in rows].count(True) == 1
    assert all(row[3] is None or re.fullmatch("[0-9a-f]{64}", row[3]) for row in rows)
    assert "remarkable-name" not in repr(rows)


def card(name: str, indicator: Indicator = Indicator.WARNING, **changes: Any) -> Card:
    return Card(name, f"{name} is found", indicator, SOURCE, **{"standing": name, **changes})


@pytest.mark.spec("H-16")
@given(st.lists(st.tuples(st.sampled_from(list(Indicator)), st.booleans(), st.booleans(), st.booleans())))
def test_H16_folding_hides_no_finding_and_never_touches_what_is_critical_acute_or_a_change(
    drawn: list[tuple[Indicator, bool, bool, bool]],
) -> None:
    given_cards = [
        card(f"c{at}", urgency, standing="x" * lasting, suggestions=(SUGGESTION,) * changing)
        for at, (urgency, lasting, changing, _) in enumerate(drawn)
    ]
    shown = {each.uuid: 0 for each, (*_, seen) in zip(given_cards, drawn, strict=True) if seen}
    answer = fold(given_cards, shown, 3_600_000, str(UUID(int=1)))
    text = " ".join(each.summary + each.detail for each in answer)
    assert all(each.summary in text for each in given_cards) and bool(answer) == bool(given_cards)
    kept = [each for each in given_cards if each in answer]
    for each in given_cards:
        acute = each.indicator is Indicator.CRITICAL or not each.standing or each.suggestions
        assert each in kept or (not acute and each.uuid in shown)
    assert list(answer[: len(kept)]) == kept and len(answer) <= len(kept) + 1


def test_the_folded_card_says_how_long_ago_the_oldest_was_shown() -> None:
    (brief,) = fold([card("a"), card("b")], {"a": 0, "b": 3_600_000}, 3 * 3_600_000, "u")
    assert brief.summary == "2 findings shown to you 3 h ago stand as they were"
    assert brief.indicator is Indicator.INFO and not brief.standing
