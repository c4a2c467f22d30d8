"""The page of all patients: every service asked about each, the most urgent first, failures in plain sight."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from patience import PATIENCE_S
from sandbox_ehr import ORIGIN, Linked, linked, new_ehr

from cds_service.sandbox import risk_board
from cds_service.sandbox.breakage import Fault
from cds_service.sandbox.hook_client import Exchange
from cds_service.sandbox.personas import PERSONAS
from cds_service.sandbox.rendering import Banner

ORDER = ("critical", "warning", "unanswered", "info", "silent")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    with linked(tmp_path_factory.mktemp("board")) as running:
        yield running


def banner(name: str) -> Banner:
    return Banner(name, name, "", "", "", "", (), ())


class Answers:
    """A client whose service answers from a table: patient to status and indicators."""

    def __init__(self, answers: dict[str, tuple[int, list[str]]]) -> None:
        self.answers = answers

    def discover(self) -> list[dict[str, Any]]:
        return [{"id": "s", "hook": "patient-view"}, {"id": "other", "hook": "order-sign"}]

    def call(self, service: dict[str, Any], context: dict[str, Any], reading: object) -> Exchange:
        status, indicators = self.answers[context["patientId"]]
        cards = [{"indicator": each, "summary": each} for each in indicators]
        answer = {"cards": cards} if status == 200 else "The service did not answer"
        return Exchange(service, "", {}, {}, status, answer, 0.0, 0.0, 0)


def board_of(**answers: tuple[int, list[str]]) -> risk_board.Board:
    client: Any = Answers(answers)
    return risk_board.board(client, [banner(name) for name in answers])


def test_the_most_urgent_come_first_and_a_failure_stands_before_mere_information() -> None:
    found = board_of(
        quiet=(200, []),
        told=(200, ["info"]),
        failed=(500, []),
        down=(0, []),
        once=(200, ["info", "warning"]),
        twice=(200, ["warning", "warning"]),
        now=(200, ["info", "critical"]),
    )
    names = [row.banner.name for row in found.rows]
    assert names == ["now", "twice", "once", "down", "failed", "told", "quiet"]
    assert [row.findings[0].urgency for row in found.rows[:2]] == ["critical", "warning"]
    assert [row.answered for row in found.rows] == [1, 1, 1, 0, 0, 1, 1] and found.calls == 7


def test_on_a_chart_the_most_urgent_service_comes_first_and_the_silent_last() -> None:
    answers = [
        ("silent", 200, []),
        ("told", 200, ["info"]),
        ("down", 0, []),
        ("warned", 200, ["info", "warning"]),
    ]
    exchanges = [
        Exchange({"id": name}, "", {}, {}, status, {"cards": [{"indicator": i} for i in cards]}, 0.0, 0.0, 0)
        for name, status, cards in answers
    ]
    ordered = [exchange.service["id"] for exchange in risk_board.by_urgency(exchanges)]
    assert ordered == ["warned", "down", "told", "silent"]


def test_who_failed_is_never_shown_as_assessed() -> None:
    (row,) = board_of(failed=(503, [])).rows
    assert row.urgency == "unanswered" and "Nothing is known" in row.findings[0].text


def test_an_indicator_that_is_no_indicator_is_shown_as_information() -> None:
    assert board_of(odd=(200, ["<b>"])).rows[0].urgency == "info"


def test_every_patient_is_asked_about_by_the_real_services(both: Linked) -> None:
    text = unescape(requests.post(f"{both.origin}/risks/rows", timeout=PATIENCE_S).text)
    services = [each for each in both.sandbox.client.discover() if each["hook"] == "patient-view"]
    assert f"{len(services) * len(PERSONAS)} calls for {len(PERSONAS)} patients" in text
    assert all(f"{persona.given} {persona.family}" in text for persona in PERSONAS)
    assert text.count(f"{len(services)} of {len(services)} services answered") == len(PERSONAS)
    shown = [ORDER.index(part.split('"')[0]) for part in text.split('<li class="') if "data-patient" in part]
    assert shown == sorted(shown)
    assert text.index("Elsa Demo-Willow") < text.index("Grace Demo-Maple")


def test_a_broken_fhir_server_leaves_no_patient_assessed(both: Linked) -> None:
    breakage = both.sandbox.client.server.breakage
    breakage.choose(Fault.ERRORS)
    text = requests.post(f"{both.origin}/risks/rows", timeout=PATIENCE_S).text
    breakage.choose(Fault.NONE)
    assert text.count('class="unanswered" data-patient') == len(PERSONAS)
    assert "Assessed, no card" not in text


def test_a_service_that_is_down_is_said_to_be_down(tmp_path: Path) -> None:
    ehr = new_ehr(tmp_path)
    ehr.sandbox.storage.put({"resourceType": "Patient", "id": "a"})
    answer = ehr.sandbox.app.test_client().post("/risks/rows", base_url=ORIGIN)
    ehr.sandbox.storage.close()
    assert "cannot be reached" in answer.text and "Nothing is known" in answer.text
