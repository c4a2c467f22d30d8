"""The service insulin-adjustment from FHIR request to cards."""

import json
import re
import uuid
from dataclasses import replace

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from titration_request import (
    ABOVE_GOAL,
    ADJUSTMENT_CASES,
    AS_OF_MS,
    bundle,
    draft,
    fingerstick,
    mornings,
    observation,
    order,
    request,
)

from cds_service import pipeline
from cds_service.deadline import Deadline
from fhir_mappers.site import Site
from hooks import insulin_adjustment
from hooks.errors import DataUnobtainable
from hooks.insulin_adjustment import SERVICE
from hooks.protocol import parse
from hooks.service import Decision, Practice
from models.assessment import Outcome
from models.dosing.limits import WeeklyStep
from models.dosing.safety_limits import UnusableLimits, packaged_limits

RESPONSE_ID = uuid.UUID("7f4a4c1e-2f1b-4a59-9d53-0d6e6d5f3c11")
LIMITS = packaged_limits()
WEEKLY = replace(LIMITS, basal=replace(LIMITS.basal, weekly_step=WeeklyStep(8, 0.2, 7)))
TREAT_TO_TARGET = Practice(titration_table="treat-to-target-2003", dose_limits=WEEKLY)
PLAIN = Practice()

CASES = {name: (asked, PLAIN) for name, asked in ADJUSTMENT_CASES.items()} | {
    "increase-mmol": (
        request(mornings([8.2, 8.4, 8.6, 8.9], "mmol/L"), [order(20)]),
        Practice(glucose_unit="mmol/L"),
    ),
    "weekly-step": (request(mornings([188.0, 192.0, 190.0]), [order(40)], draft(40)), TREAT_TO_TARGET),
}


def decide(asked: dict, practice: Practice = PLAIN) -> Decision:
    moment = pipeline.Moment(AS_OF_MS, Deadline.after(60), RESPONSE_ID)
    place = pipeline.Place(site=Site(zone=practice.zone), practice=practice)
    return pipeline.decide(SERVICE, parse(json.dumps(asked).encode()), moment, place).decision


def answer_to(asked: dict, practice: Practice = PLAIN) -> dict:
    return {"cards": [card.to_json() for card in decide(asked, practice).cards]}


def only_card(asked: dict, practice: Practice = PLAIN) -> dict:
    (card,) = answer_to(asked, practice)["cards"]
    return card


def doses(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"(\d+(?:\.5)?) units?\b", text)]


CARDS = {name: answer_to(*case)["cards"][0] for name, case in CASES.items()}
PROPOSALS = [name for name, card in CARDS.items() if "Proposed" in card["detail"]]
NO_DOSE = [name for name in CARDS if name not in PROPOSALS]


def test_the_proposal_is_the_draft_with_only_the_dose_changed():
    drafted = draft(20)
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)], drafted))
    action = card["suggestions"][0]["actions"][0]
    assert action["type"] == "update"
    expected = json.loads(json.dumps(drafted))
    expected["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = 22
    expected["dosageInstruction"][0]["text"] = "22 units once daily at bedtime"
    assert action["resource"] == expected


@pytest.mark.parametrize("name", PROPOSALS)
def test_every_suggested_order_is_valid_fhir(name):
    for suggestion in CARDS[name].get("suggestions", ()):
        resource = suggestion["actions"][0]["resource"]
        MedicationRequest.model_validate(resource)
        assert resource["id"] == "draft-1"
        assert resource["status"] == "draft"


@pytest.mark.spec("H-17")
@pytest.mark.parametrize("name", PROPOSALS)
def test_H17_no_card_gives_a_bare_number_or_preselects_one(name):
    card = CARDS[name]
    for part in (
        "Why:",
        "Values used",
        "Checked",
        "Other ways",
        "Not known",
        "What would change this",
        "Check within a week:",
    ):
        assert f"**{part}" in card["detail"]
    assert ("**To undo:" in card["detail"]) is ("change 0 units" not in card["detail"].split("\n")[0])
    assert "Verify before ordering." in card["detail"]
    assert "Verify before ordering." in card["summary"]
    assert "isRecommended" not in json.dumps(card)
    assert card.get("selectionBehavior") in (None, "at-most-one")
    assert len(card["overrideReasons"]) >= 5
    assert "basal-titration 1.1.0" in card["detail"]
    assert "basal-insulin-limits 1.0.0" in card["detail"]


@pytest.mark.spec("H-15")
@pytest.mark.parametrize("name", NO_DOSE)
def test_H15_a_card_without_a_dose_says_so_and_holds_no_number_of_units(name):
    card = CARDS[name]
    assert card["summary"].startswith("Insulin dose not calculated: ")
    assert doses(card["summary"] + card["detail"]) == []
    assert "suggestions" not in card
    assert card["indicator"] == {"low-now": "critical", "very-high": "critical", "mealtime": "info"}.get(
        name, "warning"
    )


@pytest.mark.spec("H-04", "H-05")
@pytest.mark.parametrize("name", CARDS)
def test_H04_words_that_are_misread_or_reassure_falsely_stand_on_no_card(name):
    text = CARDS[name]["summary"] + CARDS[name]["detail"] + json.dumps(CARDS[name].get("suggestions", []))
    shown = CARDS[name]["summary"] + CARDS[name]["detail"]
    assert not re.search(r"\d\s*(U|IU|iu|u)\b|\bU/|\bIU\b", shown)
    assert not re.search(r"\d(units)", shown)
    assert not re.search(r"(?<!\d)\.\d", shown)
    assert not re.search(r"\d\.0 units", shown)
    assert not re.search(r"\b(no risk|normal|safe)\b", text, re.I)
    assert "mL" not in re.sub(r"mL/min", "", shown)


@pytest.mark.spec("H-03", "CA14")
@pytest.mark.parametrize("name", CARDS)
def test_H03_every_glucose_is_printed_in_both_units(name):
    shown = CARDS[name]["summary"] + CARDS[name]["detail"].split("Table ")[0]
    assert len(re.findall(r"\d mg/dL", shown)) == len(re.findall(r"\d mmol/L", shown))


@pytest.mark.spec("CA1", "CA8", "SU3")
@pytest.mark.parametrize("name", CARDS)
def test_cards_are_short_above_and_plain_markdown_below(name):
    card = CARDS[name]
    assert len(card["summary"]) < 140
    assert "…" not in card["summary"]
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(card["detail"])
    assert not {t.type for t in tokens} & {"html_block", "html_inline", "image"}


def test_a_hold_that_the_draft_already_says_suggests_nothing():
    card = only_card(request(mornings([110.0, 118.0, 121.0]), [order(24)], draft(24)))
    assert "keep 24 units a day" in card["summary"]
    assert "suggestions" not in card


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("increase", "mean fasting glucose 155 mg/dL (8.6 mmol/L)"),
        ("hold-at-goal", "mean fasting glucose 116 mg/dL (6.5 mmol/L)"),
        ("hold-too-soon", "changed too lately, next step from 16 May 2026"),
        ("hold-overbasalised", "above the limit in units per kg"),
        ("reduce-after-low", "after a glucose of 61 mg/dL (3.4 mmol/L)"),
    ],
)
def test_the_summary_says_what_decided(name, words):
    assert words in CARDS[name]["summary"]


def test_more_drafted_than_proposed_is_a_warning():
    assert CARDS["start"]["indicator"] == "warning"
    assert CARDS["increase"]["indicator"] == "info"
    assert CARDS["reduce-after-low"]["indicator"] == "warning"


def test_a_draft_that_cannot_be_edited_still_gets_the_number_and_why_not():
    drafted = draft(20) | {"note": [{"text": "Continue 20 units as before."}]}
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)], drafted))
    assert "consider 22 units" in card["summary"]
    assert "suggestions" not in card
    assert "The draft was not edited: " in card["detail"]


def test_other_drafts_are_answered_with_silence():
    other = draft(1, {"text": "metformin 500 mg oral tablet"})
    decision = decide(request(mornings(ABOVE_GOAL), [order(20)], other))
    assert (decision.outcome, decision.cards) == (Outcome.ASSESSED_NEGATIVE, ())


@pytest.mark.spec("H-15")
def test_H15_a_draft_that_may_be_insulin_is_not_passed_over_in_silence():
    unknown = draft(20)
    del unknown["medicationCodeableConcept"]
    card = only_card(
        request(
            mornings(ABOVE_GOAL),
            [order(20)],
            unknown | {"medicationReference": {"reference": "Medication/9"}},
        )
    )
    assert "cannot be identified" in card["summary"]


def test_two_selected_basal_drafts_are_refused():
    asked = request(
        mornings(ABOVE_GOAL), [order(20)], selected=("MedicationRequest/draft-1", "MedicationRequest/draft-2")
    )
    asked["context"]["draftOrders"]["entry"].append({"resource": draft(22) | {"id": "draft-2"}})
    assert "Several basal insulin drafts" in only_card(asked)["summary"]


@pytest.mark.spec("H-01")
def test_H01_without_usable_limits_nothing_is_dosed(monkeypatch):
    def unusable():
        raise UnusableLimits("gone")

    monkeypatch.setattr(insulin_adjustment, "packaged_limits", unusable)
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)]))
    assert "limits of doses are missing" in card["summary"]


def test_an_unknown_table_doses_nothing():
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)]), Practice(titration_table="my-own"))
    assert "titration table chosen does not exist" in card["summary"]


@pytest.mark.spec("H-08")
@pytest.mark.parametrize(
    "key", ["fingersticks", "conditions", "medications", "past-medications", "insulin", "weight", "renal"]
)
@pytest.mark.parametrize("how", ["absent", "empty", "failed"])
def test_H08_removing_a_prefetch_entry_ends_in_a_named_reason_or_changes_nothing(key, how):
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    entry = {"absent": None, "empty": bundle([]), "failed": failed}[how]
    asked = request(mornings(ABOVE_GOAL), [order(20)])
    asked["prefetch"] = {k: v for k, v in (asked["prefetch"] | {key: entry}).items() if v is not None}
    card = only_card(asked)
    if how == "empty" and key in ("past-medications", "insulin"):
        assert "consider 22 units" in card["summary"]
    elif how == "empty" and key == "medications":
        assert "consider starting 10 units" in card["summary"]
    else:
        assert card["summary"].startswith("Insulin dose not calculated: ")


@pytest.mark.spec("H-13")
def test_H13_a_steroid_that_ended_lately_is_seen_in_the_past_orders():
    steroid = order(1, 30, {"text": "prednisone 20 mg oral tablet"}, "steroid", "completed")
    past = steroid | {"dosageInstruction": [{"text": "1 tablet daily"}]}
    card = only_card(request(mornings(ABOVE_GOAL), [order(20)], **{"past-medications": bundle([past])}))
    assert "systemic steroid ended" in card["summary"]


@pytest.mark.spec("H-06")
def test_H06_a_resource_of_another_patient_gives_no_card():
    foreign = fingerstick("foreign", 1, 150) | {"subject": {"reference": "Patient/p2"}}
    with pytest.raises(DataUnobtainable):
        decide(request([*mornings(ABOVE_GOAL), foreign], [order(20)]))


@pytest.mark.spec("H-03")
def test_H03_a_glucose_without_a_known_unit_is_not_guessed():
    odd = fingerstick("odd", 1.5, 30)
    odd["valueQuantity"] = {"value": 30}
    assert "could not be used" in only_card(request([*mornings(ABOVE_GOAL), odd], [order(20)]))["detail"]


@pytest.mark.spec("H-24")
def test_H24_a_weight_in_pounds_is_converted():
    pounds = observation("weight", "29463-7", 12, 203.7, "[lb_av]")
    assert (
        "| weight | 92.4 kg |"
        in only_card(request(mornings(ABOVE_GOAL), [order(20)], weight=bundle([pounds])))["detail"]
    )


@pytest.mark.spec("H-03")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(54, 300), min_size=3, max_size=7), st.integers(5, 60))
def test_H03_H06_units_order_pages_and_copies_of_what_was_sent_change_no_dose(values, current):
    asked = request(mornings([float(v) for v in values]), [order(current)])
    shuffled = request(list(reversed(mornings([float(v) for v in values]))) * 2, [order(current)])
    in_mmol = request(mornings([v / 18.0156 for v in values], "mmol/L"), [order(current)])
    first = doses(only_card(asked)["summary"])
    assert doses(only_card(shuffled)["summary"]) == first
    assert doses(only_card(in_mmol)["summary"]) == first


def test_the_service_is_marked_as_dosing_and_asks_for_what_its_rules_need():
    assert SERVICE.dosing
    assert SERVICE.hook == "order-select"
    assert {need.key for need in SERVICE.needs} >= {"weight", "renal", "conditions", "medications", "insulin"}


@pytest.mark.spec("H-02")
@pytest.mark.parametrize("values", [[65.0, 64.0, 66.0], [74.0, 72.0, 71.0], [60.0, 90.0, 100.0]])
def test_H02_mornings_below_the_goal_lower_the_dose_and_never_add_insulin(values):
    card = decide(request(mornings(values), [order(20)])).cards[0]
    assert card.indicator == "warning" and " 18 units a day (now 20 units)" in card.summary
    assert "mealtime insulin" not in card.detail.lower() and "GLP-1" not in card.detail
