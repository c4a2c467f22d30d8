"""More odd data than can be read in time: the work stops where the deadline is, and is refused, never halved."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Ehr
from patience import PATIENCE_S
from test_hook_calls import AS_OF, golden, outcome_of
from titration_request import AS_OF_MS, GLARGINE, TYPE_2, bundle, condition, fingerstick, order

from cds_service.deadline import Deadline
from cds_service.fhir_client import Pages, Query
from cds_service.local_answers import moment_ms
from cds_service.pipeline import SENDING_S, Answered, Moment, Place, decide
from cds_service.settings import Settings
from cds_service.tenants import Limits
from fhir_mappers.pace import Pace
from fhir_mappers.plain_shapes import MOST_LOOKS
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import map_pages
from hooks.errors import Unavailable
from hooks.glucose_review import SERVICE
from hooks.protocol import parse
from models.patient_record import Completeness

MANY = 60
STOPS_AT = 20


class _Late(Exception):
    """The caller's time is over."""


def _of_its_own_look(number: int) -> dict[str, Any]:
    reading = fingerstick(f"r{number}", number / 1e3, 120)
    return reading | {"code": reading["code"] | {"text": f"glucose {number}"}}


def _given(number: int) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"a{number}",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": GLARGINE,
        "effectiveDateTime": "2026-05-14T08:00:00Z",
        "dosage": {"dose": {"value": number + 1, "code": "[iU]", "system": "http://unitsofmeasure.org"}},
    }


ODD: dict[str, Callable[[int], dict[str, Any]]] = {
    "reading with an interpretation": lambda n: (
        fingerstick(f"r{n}", n / 1e3, 120) | {"interpretation": [{"coding": [{"code": "N"}]}]}
    ),
    "reading of a look of its own": _of_its_own_look,
    "order": lambda n: order(20) | {"id": f"o{n}"},
    "dose given": _given,
    "condition": lambda n: condition(f"c{n}", TYPE_2),
    "resource of no use": lambda n: {"resourceType": "Goal", "id": f"g{n}"},
}


@pytest.mark.spec("H-15", "B-07")
@pytest.mark.parametrize("kind", ODD)
def test_H15_what_is_read_one_by_one_stops_when_its_caller_has_no_more_time(kind: str) -> None:
    pages = {"q": [json.dumps(bundle([ODD[kind](number) for number in range(MANY)])).encode()]}
    asked = 0

    def checkpoint() -> None:
        nonlocal asked
        asked += 1
        if asked > STOPS_AT:
            raise _Late

    with pytest.raises(_Late):
        map_pages("p1", pages, Site(), AS_OF_MS, Pace(checkpoint=checkpoint))
    assert asked == STOPS_AT + 1


def test_looks_beyond_a_number_are_read_as_they_would_have_been(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"q": [json.dumps(bundle([_of_its_own_look(number) for number in range(MANY)])).encode()]}

    def told() -> Any:
        (series,) = map_pages("p1", pages, Site(), AS_OF_MS).series.values()
        return series.at_ms.tolist(), series.value.tolist(), [series.references[r] for r in series.reference]

    learned = told()
    assert MOST_LOOKS > MANY
    monkeypatch.setattr("fhir_mappers.plain_shapes.MOST_LOOKS", 7)
    assert told() == learned


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A service of which every deadline has passed when it begins to compute."""
    (tenant,) = settings.tenants
    return replace(settings, tenants=(replace(tenant, limits=Limits(deadline_s=SENDING_S / 2)),))


@pytest.mark.spec("F-A3", "H-15")
def test_H15_a_call_whose_deadline_has_passed_is_refused_and_never_answered_from_part_of_the_data(
    ehr: Ehr,
) -> None:
    answer = ehr.call("glucose-review", golden("night-lows"))
    outcome_of(answer, 503)
    assert answer.headers["Retry-After"]
    (line,) = ehr.client.application.extensions["wearable_cds"].store.audit.lines(ehr.tenant.id)
    assert (line["action"], line["outcome"]) == ("hook.refused", "deadline.computing")


@pytest.mark.spec("F-A3", "F-30")
def test_F30_who_waits_for_another_to_compute_waits_no_longer_than_the_deadline(ehr: Ehr) -> None:
    known = ehr.client.application.extensions["wearable_cds"]
    with known.computing.turn(Deadline.after(PATIENCE_S)):
        outcome_of(ehr.call("glucose-review", golden("night-lows")), 503)


class _SlowEhr:
    """An EHR that answers nothing as long as it is waited for; a machine that moves the clock when it works."""

    now_s = 1000.0

    def gather(self, queries: Mapping[str, Query], deadline: Deadline) -> dict[str, Pages]:
        self.now_s = deadline.at_s
        return {key: Pages((), Completeness.FAILED, "timeout") for key in queries}

    def follow(self, first_page: bytes, deadline: Deadline) -> Pages:
        raise AssertionError("no bundle of the request is cut")

    @contextmanager
    def computing(self, seconds: float) -> Iterator[None]:
        """Work that takes so long before the first look at the clock."""
        self.now_s += seconds
        yield


def _answered(ehr: _SlowEhr, computing_s: float) -> Answered:
    request = golden("insulin-food-and-steps")
    del request["prefetch"]["steps"], request["prefetch"]["insulin"]
    moment = Moment(moment_ms(AS_OF), Deadline.after(5.0), uuid.UUID(int=1))
    asked = parse(json.dumps(request).encode())
    return decide(SERVICE, asked, moment, Place(reader=ehr), ehr.computing(computing_s))


@pytest.mark.spec("PE2", "F-02")
def test_F02_behind_an_ehr_that_took_all_its_time_there_is_time_to_answer_from_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The policy's 0.3 s for the models and 0.3 s in reserve; and where a machine needs still more, no answer."""
    ehr = _SlowEhr()
    monkeypatch.setattr("cds_service.deadline.time", SimpleNamespace(monotonic=lambda: ehr.now_s))
    answered = _answered(ehr, computing_s=0.6)
    assert answered.gathered.fetched == ("insulin", "steps")
    assert answered.completeness["steps"] is Completeness.FAILED and answered.decision.cards
    with pytest.raises(Unavailable):
        _answered(ehr, computing_s=0.9)
