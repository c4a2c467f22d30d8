"""The service insulin-order-check from FHIR request to cards."""

import json
import re
import uuid

import pytest
from order_request import HOSTILE_CASES
from titration_request import AS_OF_MS, DEGLUDEC, SIGNING_CASES, draft, order, signing

from cds_service import pipeline
from cds_service.deadline import Deadline
from fhir_mappers.site import Site
from hooks import insulin_order_check
from hooks.insulin_order_check import SERVICE
from hooks.protocol import parse
from hooks.service import Decision
from models.assessment import Outcome
from models.dosing.safety_limits import UnusableLimits

RESPONSE_ID = uuid.UUID("0f3d2a52-9a10-4d6c-8d9b-41f2a4a7c9aa")


def decide(asked: dict) -> Decision:
    moment = pipeline.Moment(AS_OF_MS, Deadline.after(60), RESPONSE_ID)
    return pipeline.decide(
        SERVICE, parse(json.dumps(asked).encode()), moment, pipeline.Place(site=Site())
    ).decision


def answer_to(asked: dict) -> dict:
    return {"cards": [card.to_json() for card in decide(asked).cards]}


ANSWERS = {name: answer_to(asked)["cards"] for name, asked in SIGNING_CASES.items()}


@pytest.mark.parametrize(
    ("name", "indicators", "words"),
    [
        ("silent", [], []),
        ("ten-fold", ["critical"], ["slip of the decimal point"]),
        ("low-now", ["critical"], ["Glucose is 51 mg/dL (2.8 mmol/L) now"]),
        (
            "second-basal",
            ["critical"],
            ["beside another basal insulin", "20 units a day", "MedicationRequest/basal"],
        ),
        (
            "concentration-changed",
            ["critical"],
            ["Concentration differs, 300 units/mL ordered, 100 units/mL in use"],
        ),
        ("not-fully-checked", ["info"], ["No body weight is on record", "No eGFR is on record"]),
        (
            "two-orders",
            ["critical", "warning"],
            ["One mealtime dose of 32 units is above 30 units", "0.5 units per kg"],
        ),
    ],
)
def test_each_order_gets_one_card_with_its_findings_most_severe_first(name, indicators, words):
    cards = ANSWERS[name]
    assert [card["indicator"] for card in cards] == indicators
    text = "".join(card["summary"] + card["detail"] for card in cards)
    assert all(word in text for word in words)
    assert len({card["uuid"] for card in cards}) == len(cards)


@pytest.mark.spec("H-04", "H-17")
@pytest.mark.parametrize(
    "card", [card for cards in ANSWERS.values() for card in cards], ids=lambda c: c["summary"][:30]
)
def test_H17_the_check_proposes_nothing_and_says_what_it_rests_on(card):
    assert "suggestions" not in card
    assert "proposes no dose" in card["detail"]
    assert "insulin-order-check 2.2.0" in card["detail"]
    assert "…" not in card["summary"]
    shown = card["summary"] + card["detail"]
    assert not re.search(r"\d\s*(U|IU|iu|u)\b", shown)
    assert not re.search(r"\b(no risk|normal|safe)\b", shown, re.I)


@pytest.mark.spec("H-15")
def test_H15_only_a_check_that_was_complete_is_silent():
    decision = decide(SIGNING_CASES["silent"])
    assert (decision.outcome, decision.cards) == (Outcome.ASSESSED_NEGATIVE, ())
    assert len(decision.assessments) == 1
    assert decide(SIGNING_CASES["not-fully-checked"]).outcome is Outcome.PARTIAL


def test_orders_that_are_no_insulin_are_passed_over():
    other = draft(1, {"text": "metformin 500 mg oral tablet"})
    assert decide(signing([order(20)], other)).cards == ()


@pytest.mark.spec("H-15")
def test_H15_an_order_that_may_be_insulin_is_not_passed_over():
    unknown = {k: v for k, v in draft(20).items() if k != "medicationCodeableConcept"}
    decision = decide(signing([order(20)], unknown | {"medicationReference": {"reference": "Medication/9"}}))
    assert decision.outcome is Outcome.NOT_ASSESSED
    assert "cannot be identified" in decision.cards[0].summary


def test_an_order_that_names_the_prior_one_is_no_duplicate():
    replacing = draft(20, DEGLUDEC) | {"priorPrescription": {"reference": "MedicationRequest/basal"}}
    assert "another basal" not in json.dumps(answer_to(signing([order(20)], replacing)))


@pytest.mark.spec("CX7")
def test_CX7_an_order_signed_again_is_compared_with_itself():
    assert decide(signing([order(20)], order(20))).cards == ()


@pytest.mark.spec("H-01")
def test_H01_without_usable_limits_nothing_is_called_checked(monkeypatch):
    def unusable():
        raise UnusableLimits("gone")

    monkeypatch.setattr(insulin_order_check, "packaged_limits", unusable)
    decision = decide(SIGNING_CASES["silent"])
    assert decision.outcome is Outcome.NOT_ASSESSED
    assert decision.cards


@pytest.mark.spec("H-15")
@pytest.mark.parametrize(
    "key", [need.key for need in SERVICE.needs if need.key not in ("patient", "cgm", "bolus")]
)
def test_H15_a_missing_prefetch_entry_is_never_answered_with_silence(key):
    asked = json.loads(json.dumps(SIGNING_CASES["silent"]))
    del asked["prefetch"][key]
    assert decide(asked).outcome is Outcome.PARTIAL


@pytest.mark.parametrize(
    ("name", "indicators", "words"),
    [
        (
            "doubled-type-1",
            ["critical"],
            ["40 units a day, 2 times the 20 in use", "MedicationRequest/basal"],
        ),
        ("halved-type-1", ["warning"], ["10 units a day, 50 % of the 20 in use", "DKA"]),
        ("type-1-not-assessed", ["info"], ["not fully checked", "this is type 1"]),
        ("start-without-weight", ["warning"], ["44 units with no dose in use known", "no weight"]),
        ("same-dose-after-low", ["warning"], ["repeated after a glucose of 48 mg/dL", "Observation/night"]),
        ("two-brands", ["critical"], ["Semglee is the same insulin as Lantus 20 units a day"]),
        ("toujeo-in-text", ["critical"], ["100 units/mL ordered, 300 units/mL in use"]),
        ("frequency-contradicted", ["warning"], ["coded frequency (2 a day)", "20 units once daily"]),
        ("very-high-now", ["critical"], ["412 mg/dL (22.9 mmol/L)", "ketones"]),
        ("two-drugs", ["critical"], ["insulin glargine 100 units/mL and metformin", "not judged"]),
        (
            "bolus-far-above",
            ["critical"],
            ["18 units drafted; the record computes to 8.0", "Observation/carbs"],
        ),
        ("bolus-inputs-missing", ["info"], ["No carb ratio is on record", "No carbohydrates"]),
        ("switch-of-basal", ["critical"], ["another basal insulin", "A switch from another basal insulin"]),
    ],
)
def test_each_hostile_order_is_answered_with_its_finding_and_number(name, indicators, words):
    cards = answer_to(HOSTILE_CASES[name])["cards"]
    assert [card["indicator"] for card in cards] == indicators
    text = "".join(card["summary"] + card["detail"] for card in cards)
    assert all(word in text for word in words), text
    assert all(len(card["summary"]) < 140 and "…" not in card["summary"] for card in cards)
    assert not re.search(r"\d\s*(U|IU|iu|u)\b|\b(no risk|normal|safe)\b", text)


@pytest.mark.spec("H-15")
def test_H15_an_unidentified_medication_hides_no_finding_on_the_other_orders():
    unknown = {k: v for k, v in draft(20).items() if k != "medicationCodeableConcept"}
    unknown |= {"id": "draft-2", "medicationReference": {"reference": "Medication/9"}}
    cards = decide(signing([order(20)], draft(200), unknown)).cards
    assert [card.indicator for card in cards] == ["critical", "warning"]
    assert "cannot be identified" in cards[1].summary


@pytest.mark.spec("H-15")
def test_H15_cards_beyond_ten_are_counted_and_not_dropped_unsaid():
    many = [draft(200) | {"id": f"draft-{i}"} for i in range(12)]
    cards = decide(signing([order(20)], *many)).cards
    assert len(cards) == 10
    assert "3 more cards" in cards[-1].summary


@pytest.mark.spec("CA8", "H-05")
def test_H05_names_from_the_record_reach_a_card_without_their_markup():
    evil = {"text": "insulin glargine 100 units/mL [free](https://evil.example) <b>metformin 500 mg</b>"}
    other = {"text": "metformin 500 mg tablet <script>"}
    for medication in (evil, {"coding": evil_coding(), "text": other["text"]}):
        for card in decide(signing([order(20)], draft(40, medication))).cards:
            assert not re.search(r"[<>\[\]]|https?:", card.summary + card.detail)


def evil_coding() -> list[dict]:
    system = "http://www.nlm.nih.gov/research/umls/rxnorm"
    return [{"system": system, "code": "311041", "display": "glargine <img src=x> [a](javascript:1)"}]
