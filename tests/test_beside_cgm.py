"""Insulin, food and steps in the glucose review: they reach its risks, and nothing is lost where they do not."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import time_machine
from fake_ehr import FakeEhr, known_to

from cds_service import pipeline
from cds_service.deadline import Deadline
from cds_service.local_answers import moment_ms
from cds_service.settings import Settings
from hooks.beside_cgm import FROM_CGM_ALONE, NEEDS, READ_FROM, estimated_from
from hooks.glucose_review import SERVICE
from hooks.hypoglycemia_risk import A_LOW
from hooks.protocol import parse
from hooks.service import Decision
from models import signals
from models.assessment import Assessment, Contribution, Input, Outcome
from models.risk.recorded_terms import INSULIN

GOLDEN = Path(__file__).with_name("golden") / "glucose-review"
AS_OF = "2026-05-15T12:00:00Z"
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
RISKS = ("hypoglycemia", "hyperglycemia", "nocturnal_hypoglycemia")
BESIDE = ("insulin", "diary", "steps", "heart-rate")


def golden(name: str = "insulin-food-and-steps") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.request.json").read_text(encoding="utf-8"))
    return found


def without(*keys: str) -> dict[str, Any]:
    """The request with insulin, food and steps, but for some keys."""
    request = golden()
    for key in keys:
        del request["prefetch"][key]
    return request


def decided(request: dict[str, Any]) -> Decision:
    """What the service decides on the request alone, without access to a FHIR server."""
    moment = pipeline.Moment(moment_ms(AS_OF), Deadline.after(60), uuid.UUID(int=1))
    return pipeline.decide(SERVICE, parse(json.dumps(request).encode()), moment, pipeline.Place()).decision


def text(decision: Decision) -> str:
    """All that the cards say."""
    return "\n".join(card.detail or "" for card in decision.cards)


def inputs(decision: Decision, model: str) -> list[str]:
    """What one model read."""
    answer = next(one for one in decision.assessments if one.model == model)
    assert isinstance(answer, Assessment)
    return [used.name for used in answer.inputs]


def risk_lines(decision: Decision) -> list[str]:
    """The lines of the risks, with what is said of their reasons."""
    return [line for line in text(decision).splitlines() if line.startswith(("- Risk of", "- Main reasons"))]


def test_insulin_food_and_steps_by_prefetch_reach_every_risk_and_are_listed_among_its_inputs() -> None:
    decision = decided(golden())
    assert "bolus insulin yet to act is 53.5 % of a usual day's boluses (raises it)" in text(decision)
    assert inputs(decision, "hypoglycemia") == [signals.GLUCOSE_CGM, signals.INSULIN_BOLUS, signals.STEPS]
    assert inputs(decision, "hyperglycemia") == [signals.GLUCOSE_CGM, signals.CARBS]
    assert inputs(decision, "nocturnal_hypoglycemia") == [
        signals.GLUCOSE_CGM,
        signals.CARBS,
        signals.STEPS,
    ]
    assert risk_lines(decision) != risk_lines(decided(without(*BESIDE)))


def test_without_them_the_risks_are_those_of_cgm_whether_none_was_recorded_or_none_could_be_read() -> None:
    nothing = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    empty, failed, unsent = golden(), golden(), without(*BESIDE)
    empty["prefetch"] |= dict.fromkeys(BESIDE, nothing)
    failed["prefetch"] |= dict.fromkeys(BESIDE, FAILED)
    of_cgm = risk_lines(decided(empty))
    assert of_cgm == risk_lines(decided(failed)) == risk_lines(decided(unsent))
    for unread in (failed, unsent):
        assert all(f"The {key} data could not be read" in text(decided(unread)) for key in BESIDE)
    assert "could not be read" not in text(decided(empty))


@pytest.mark.parametrize("key", ["insulin", "diary"])
def test_boluses_count_only_where_every_place_they_may_stand_in_was_read(key: str) -> None:
    decision = decided(without(key))
    assert signals.INSULIN_BOLUS not in inputs(decision, "hypoglycemia")
    assert signals.STEPS in inputs(decision, "hypoglycemia")
    assert f"The {key} data could not be read" in text(decision)


def test_half_of_the_boluses_is_none() -> None:
    request = golden()
    request["prefetch"]["insulin"]["link"] = [{"relation": "next", "url": "https://ehr.example.org/next"}]
    decision = decided(request)
    assert signals.INSULIN_BOLUS not in inputs(decision, "hypoglycemia")
    assert "Only part of the insulin data could be read" in text(decision)


def test_nothing_depends_on_them() -> None:
    assert not any(need.required for need in NEEDS)
    assert set(NEEDS) <= set(SERVICE.needs)
    assert {need for sources in READ_FROM.values() for need in sources} == set(NEEDS)


@pytest.fixture
def settings(settings: Settings, fake: FakeEhr) -> Settings:
    return known_to(settings, fake)


@pytest.mark.parametrize(("status", "counts"), [(200, True), (500, False), (403, False)])
@time_machine.travel(AS_OF, tick=False)
def test_a_search_that_fails_leaves_insulin_unknown_and_the_risk_of_cgm_in_place(
    ehr: Any, fake: FakeEhr, status: int, counts: bool
) -> None:
    given = golden()["prefetch"]["insulin"] if status == 200 else FAILED
    for path in ("/fhir/MedicationAdministration", "/fhir/MedicationAdministration/_search"):
        fake.script_any[path] = (status, json.dumps(given).encode())
    request = without("insulin") | {
        "fhirServer": fake.base,
        "fhirAuthorization": {
            "access_token": "t",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "us",
        },
    }
    answer = ehr.call("glucose-review", request)
    assert answer.status_code == 200, answer.data
    said = "\n".join(card["detail"] for card in answer.json["cards"])
    assert "Risk of a new low" in said and "Risk of a low tonight" in said
    assert ("bolus insulin yet to act" in said) == counts
    assert ("The insulin data could not be read" in said) == (not counts)
    assert fake.seen and all(seen.path.startswith("/fhir/MedicationAdministration") for seen in fake.seen)


def test_the_card_of_a_raised_risk_says_what_it_rests_on() -> None:
    beside, alone = decided(golden("falling-with-insulin")), decided(golden("falling"))
    assert f"Estimated from {FROM_CGM_ALONE}." in text(alone)
    assert (
        "Estimated from CGM; recorded insulin and activity would change this number only where CGM tells of "
        "less risk; food is not used." in text(beside)
    )


def answer(points: float, *used: str) -> Assessment[None]:
    inputs = tuple(Input(name, 1.0, "", None) for name in (signals.GLUCOSE_CGM, *used))
    told = (Contribution(INSULIN, 10.0, points),)
    return Assessment("m", "1", 0, Outcome.ASSESSED_POSITIVE, None, told, inputs=inputs)


EVERYTHING = (signals.INSULIN_BOLUS, signals.CARBS, signals.STEPS)


@pytest.mark.parametrize(("found", "event", "said"), [
    (answer(0.0), A_LOW, FROM_CGM_ALONE),
    (answer(0.5, *EVERYTHING), "", "CGM and recorded insulin, food and activity"),
    (answer(0.5, signals.STEPS), "",
     "CGM and recorded activity; insulin and food are not used"),
    (answer(0.5, signals.INSULIN_BOLUS, signals.CARBS), A_LOW,
     "CGM and recorded insulin and food (which count the less the likelier CGM makes a low); "
     "activity is not used"),
    (answer(0.0, signals.INSULIN_BOLUS), A_LOW,
     "CGM; recorded insulin would change this number only where CGM tells of less risk; "
     "food and activity are not used"),
])  # fmt: skip
def test_what_an_estimate_rests_on_is_told_in_each_case(
    found: Assessment[None], event: str, said: str
) -> None:
    assert estimated_from(found, event) == said


def test_a_bolus_that_cannot_be_counted_leaves_insulin_unknown_and_lowers_no_risk() -> None:
    counted, unread = golden(), golden()
    for entry in unread["prefetch"]["insulin"]["entry"]:
        entry["resource"]["effectiveDateTime"] = entry["resource"]["effectiveDateTime"][:10]
    (last, *_) = sorted(
        (entry["resource"] for entry in counted["prefetch"]["insulin"]["entry"]),
        key=lambda one: str(one["effectiveDateTime"]),
        reverse=True,
    )
    last["effectiveDateTime"] = last["effectiveDateTime"][:10]
    for asked in (counted, unread):
        decision = decided(asked)
        assert signals.INSULIN_BOLUS not in inputs(decision, "hypoglycemia")


def damaged(key: str, value: float, at: str | None) -> dict[str, Any]:
    """The request with one more entry of a key, with a value that nobody can have and a time."""
    request = golden()
    one = json.loads(json.dumps(request["prefetch"][key]["entry"][0]))
    resource = one["resource"] | {"id": "damaged", "effectivePeriod": None, "effectiveDateTime": at}
    resource["valueQuantity"]["value"] = value
    request["prefetch"][key]["entry"].append({"resource": resource})
    if "total" in request["prefetch"][key]:
        request["prefetch"][key]["total"] += 1
    return request


BESIDE_CGM = [("steps", -300, signals.STEPS), ("diary", 5000, signals.CARBS)]


@pytest.mark.parametrize(("key", "value", "signal"), BESIDE_CGM)
@pytest.mark.parametrize("at", ["2026-05-15T11:30:00Z", "noon", None])
def test_food_and_steps_are_unknown_where_one_entry_of_these_hours_could_not_be_read(
    key: str, value: float, signal: str, at: str | None
) -> None:
    decision = decided(damaged(key, value, at))
    used = {name for model in RISKS for name in inputs(decision, model)}
    assert signal not in used
    assert used >= {signals.STEPS, signals.CARBS, signals.INSULIN_BOLUS} - {signal}
    assert "Left out: 1" in text(decision)


@pytest.mark.parametrize("at", ["2026-05-03T11:30:00Z", "2026-05-15"])
def test_food_is_unknown_and_activity_is_not_where_an_entry_of_earlier_days_could_not_be_read(
    at: str,
) -> None:
    food, activity = (
        {name for model in RISKS for name in inputs(decided(damaged(key, value, at)), model)}
        for key, value, _ in (BESIDE_CGM[1], BESIDE_CGM[0])
    )
    assert food == {signals.GLUCOSE_CGM, signals.INSULIN_BOLUS, signals.STEPS}
    assert activity == food | {signals.CARBS}


def test_a_bolus_of_an_earlier_day_that_cannot_be_counted_lowers_no_risk() -> None:
    request = golden()
    early = min(
        (entry["resource"] for entry in request["prefetch"]["insulin"]["entry"]),
        key=lambda one: str(one["effectiveDateTime"]),
    )
    early["dosage"]["dose"]["value"] = None
    decision, whole = decided(request), decided(golden())
    assert signals.INSULIN_BOLUS in inputs(decision, "hypoglycemia")
    shares = [float(text(one).split("yet to act is ")[1].split(" %")[0]) for one in (decision, whole)]
    assert shares[0] > shares[1]


@pytest.mark.parametrize(("key", "value", "signal"), BESIDE_CGM)
@pytest.mark.parametrize("at", ["2026-04-30T11:30:00Z", "2026-04-29"])
def test_an_entry_of_before_that_could_not_be_read_changes_no_risk(
    key: str, value: float, signal: str, at: str
) -> None:
    decision = decided(damaged(key, value, at))
    assert signal in {name for model in RISKS for name in inputs(decision, model)}
    assert risk_lines(decision) == risk_lines(decided(golden()))


def test_what_is_on_record_and_not_used_is_named_beside_the_risks() -> None:
    assert "not used in these risks" not in text(decided(golden()))
    said = text(decided(damaged("steps", -300, "2026-05-15T11:30:00Z")))
    assert (
        "- Activity on record is not used in these risks: an entry that would count could not be used" in said
    )
    unworn = golden("falling-with-insulin")
    unworn["prefetch"]["cgm"]["entry"] = unworn["prefetch"]["cgm"]["entry"][:13]
    unworn["prefetch"]["steps"] = damaged("steps", -300, None)["prefetch"]["steps"]
    assert "not used in these risks" not in text(decided(unworn))


def test_a_basal_dose_that_cannot_be_counted_leaves_the_boluses_counted() -> None:
    request = golden()
    basal = json.loads(json.dumps(request["prefetch"]["insulin"]["entry"][0]))
    basal["resource"] |= {
        "id": "basal",
        "medicationCodeableConcept": {"text": "insulin glargine 100 units/ml"},
        "effectiveDateTime": "2026-05-15",
    }
    request["prefetch"]["insulin"]["entry"].append(basal)
    assert risk_lines(decided(request)) == risk_lines(decided(golden()))


def test_where_food_is_unknown_the_risks_are_those_of_an_empty_diary() -> None:
    unread = decided(damaged("diary", 5000, "2026-05-15T11:30:00Z"))
    none = golden()
    none["prefetch"]["diary"]["entry"] = []
    none["prefetch"]["diary"]["total"] = 0
    assert risk_lines(unread) == risk_lines(decided(none))
