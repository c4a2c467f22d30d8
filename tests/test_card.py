"""Cards: what the protocol demands of them, and what our own text never holds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.schemas import CardSchema
from hooks.card import (
    Card,
    Coding,
    CreateAction,
    Indicator,
    InvalidCard,
    Link,
    Source,
    Suggestion,
    UpdateAction,
)

SOURCE = Source("Wearable CDS", Coding("urn:wearable-cds:topic", "glucose", "Glucose"))
CARD = Card("8f0f2f3e-0000-4000-8000-000000000000", "Time below 70 is 6 %", Indicator.WARNING, SOURCE)
SUGGESTION = Suggestion(
    CARD.uuid,
    "Set 12 units",
    (UpdateAction("Change the dose", {"resourceType": "MedicationRequest", "id": "x"}),),
)


def empties(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [v for v in inner if v in (None, "", [], {})] + [e for v in inner for e in empties(v)]


@pytest.mark.spec("RS3", "CA12")
@pytest.mark.parametrize(
    "card",
    [
        CARD,
        replace(CARD, suggestions=(SUGGESTION,), links=(Link("Chart", "https://cds.example.org/app", True),)),
        replace(CARD, detail="| a |\n| --- |\n| **1** |", override_reasons=(Coding("s", "c", "d"),)),
        replace(
            CARD, suggestions=(replace(SUGGESTION, actions=(CreateAction("New", {"resourceType": "X"}),)),)
        ),
    ],
)
def test_RS3_CA12_a_card_has_only_members_the_schema_knows_and_none_is_empty(card: Card) -> None:
    shown = card.to_json()
    assert CardSchema().validate(shown) == {} and empties(shown) == []


@pytest.mark.spec("CA1")
@pytest.mark.parametrize("length", [1, 139])
def test_CA1_a_summary_up_to_139_characters_is_taken(length: int) -> None:
    assert len(replace(CARD, summary="é" * length).to_json()["summary"]) == length


@pytest.mark.spec("CA1")
@pytest.mark.parametrize("text", ["", "x" * 140, "two\nlines"])
def test_CA1_any_other_summary_cannot_be_made(text: str) -> None:
    with pytest.raises(InvalidCard):
        replace(CARD, summary=text)


@pytest.mark.spec("CA8", "X12", "D-01")
@pytest.mark.parametrize(
    "detail",
    [
        "<b>x</b>",
        "a <script>",
        "</p>",
        "<!-- -->",
        "![x](y)",
        "[x](javascript:y)",
        "https://evil.example",
        "www.evil",
    ],
)
def test_CA8_D01_detail_with_html_images_or_links_cannot_be_made(detail: str) -> None:
    with pytest.raises(InvalidCard):
        replace(CARD, detail=detail)


def test_detail_may_compare_numbers() -> None:
    assert replace(CARD, detail="below 70: 3 % (target < 4 %)").to_json()["detail"]


@pytest.mark.spec("CA9", "X5", "SU2", "H-17")
def test_CA9_X5_suggestions_come_as_at_most_one_and_none_is_recommended() -> None:
    shown = replace(CARD, suggestions=(SUGGESTION,)).to_json()
    assert shown["selectionBehavior"] == "at-most-one"
    assert "isRecommended" not in shown["suggestions"][0]
    assert "selectionBehavior" not in CARD.to_json()


@pytest.mark.spec("CA10")
def test_CA10_override_reasons_are_unique_within_a_card() -> None:
    with pytest.raises(InvalidCard):
        replace(CARD, override_reasons=(Coding("a", "x", "1"), Coding("b", "x", "2")))


@pytest.mark.spec("LK1", "LK2", "D-03")
@pytest.mark.parametrize("make", [{"url": "/relative"}, {"url": "javascript:x"}, {"app_context": "x"}])
def test_LK1_LK2_a_link_is_absolute_and_context_belongs_to_smart(make: dict[str, Any]) -> None:
    with pytest.raises(InvalidCard):
        Link(**({"label": "Chart", "url": "https://cds.example.org"} | make))


@pytest.mark.spec("SU1", "SU3")
@pytest.mark.parametrize("change", [{"label": ""}, {"actions": ()}])
def test_SU1_SU3_a_suggestion_has_a_label_and_actions(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidCard):
        replace(SUGGESTION, **change)


@pytest.mark.spec("CA1", "CA2")
@given(st.text(min_size=1, max_size=200), st.sampled_from(Indicator))
def test_CA1_CA2_whatever_can_be_made_fits_the_schema(summary: str, indicator: Indicator) -> None:
    try:
        card = replace(CARD, summary=summary, indicator=indicator)
    except InvalidCard:
        return
    assert CardSchema().validate(card.to_json()) == {}


@pytest.mark.spec("AC1", "AC2", "AC3")
@pytest.mark.parametrize("resource", [{}, {"id": "x"}, {"resourceType": "Task", "id": "x"}])
def test_AC3_what_is_created_is_a_whole_resource_without_an_id(resource: dict[str, Any]) -> None:
    assert CreateAction("New", {"resourceType": "Task"}).to_json()["type"] == "create"
    with pytest.raises(InvalidCard):
        CreateAction("New", resource)
    with pytest.raises(InvalidCard):
        CreateAction("", {"resourceType": "Task"})


@pytest.mark.spec("AC2", "AC4")
@pytest.mark.parametrize("resource", [{}, {"id": "x"}, {"resourceType": "MedicationRequest"}])
def test_AC4_what_is_updated_is_a_whole_resource_with_its_id(resource: dict[str, Any]) -> None:
    with pytest.raises(InvalidCard):
        UpdateAction("Change", resource)
    with pytest.raises(InvalidCard):
        UpdateAction("", {"resourceType": "Task", "id": "x"})
