"""The lines of a raised risk on what an action would do: the numbers of the model, or which setting is missing."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from cds_service import pipeline
from cds_service.deadline import Deadline
from cds_service.local_answers import moment_ms
from cds_service.pipeline import Gathered
from cds_service.smart_app.action_table import Actions, actions_shown
from cds_service.smart_app.chart_data import Banner, Chart
from fhir_mappers.site import Site
from hooks.action_lines import SNACK
from hooks.card import Card
from hooks.expected_glucose import expected_glucose
from hooks.glucose_review import SERVICE
from hooks.protocol import Context, parse
from hooks.service import Decision, Practice, Question
from models.assessment import Assessment, NotAssessed
from models.patient_record import Completeness, Condition, PatientRecord
from models.risk.action_outlook import MODEL, assess, lowest, own_settings
from models.signals import CARB_RATIO, CARBS, GLUCOSE_CGM, INSULIN_BASAL, INSULIN_SENSITIVITY
from models.time_series import TimeSeries, series_of
from models.units import GlucoseUnit

AS_OF_MS = 1_779_278_400_000
STEP_MS, HOUR_MS, DAY_MS = 300_000, 3_600_000, 86_400_000
TYPE_1 = Condition("Condition/1", "type_1_diabetes", frozenset(), "type 1 diabetes", None, None)
FALLING = (110, 102, 94, 87, 81, 76, 72)
STEADY = (150, 152, 155)


def cgm(last: tuple[float, ...]) -> TimeSeries:
    """Two restless weeks that end with the given values."""
    value = 140 + 55 * np.sin(np.arange(14 * 288) / 23) + 8 * np.sin(np.arange(14 * 288) / 5)
    value[-len(last) :] = last
    at_ms = AS_OF_MS - 120_000 - STEP_MS * np.arange(value.size)[::-1]
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, value.round())


def setting(signal: str, unit: str, value: float) -> TimeSeries:
    return series_of(signal, unit, np.array([AS_OF_MS - 12 * DAY_MS]), np.array([value]))


RATIO = setting(CARB_RATIO, "g/[iU]", 10.0)
SENSITIVITY = setting(INSULIN_SENSITIVITY, "mg/dL/[iU]", 40.0)


def pump() -> TimeSeries:
    """Eight tenths of a unit each hour."""
    begun = AS_OF_MS - HOUR_MS * np.arange(4, 0, -1)
    made = series_of(INSULIN_BASAL, "[iU]", begun, np.full(4, 0.8))
    return replace(made, until_ms=begun + HOUR_MS)


def question(
    *settings: TimeSeries, last: tuple[float, ...] = FALLING, unit: GlucoseUnit = "mg/dL"
) -> Question:
    record = PatientRecord(
        "p1",
        birth_date=date(1985, 1, 1),
        series={one.signal: one for one in (cgm(last), *settings)},
        conditions=(TYPE_1,),
        completeness={"insulin": Completeness.COMPLETE},
    )
    return Question(record, Context("p1"), AS_OF_MS, UUID(int=1), Practice(zone="UTC", glucose_unit=unit))


def decided(*settings: TimeSeries, last: tuple[float, ...] = FALLING) -> Decision:
    return SERVICE.decide(question(*settings, last=last))


def risk_card(asked: Question) -> Card:
    (card,) = [card for card in SERVICE.decide(asked).cards if card.summary.startswith("Risk of glucose")]
    return card


def lines(asked: Question, begin: str) -> list[str]:
    return re.findall(rf"^- ({begin}.*)$", risk_card(asked).detail or "", re.MULTILINE)


def test_the_line_says_what_the_model_computed_in_both_units() -> None:
    asked = question(RATIO, SENSITIVITY)
    forecast = expected_glucose(asked, asked.record.series[GLUCOSE_CGM])
    answer = assess(forecast, own_settings(asked.record, AS_OF_MS), SNACK)
    assert isinstance(answer, Assessment)
    after, before = answer.result.with_action.within(60), answer.result.without.within(60)
    (line,) = lines(asked, "With ")
    assert line.startswith(
        f"With 15 g of fast carbohydrate now: expected in 60 min {after.value:.0f} mg/dL "
        f"({after.low:.0f} to {after.high:.0f}), "
    )
    assert f"instead of {before.value:.0f} mg/dL ({before.low:.0f} to {before.high:.0f}), " in line
    coming = lowest(answer.result.without, 60)
    assert f"before it acts glucose may still fall to {coming.value:.0f} mg/dL" in line
    assert f"at the lower edge {coming.low:.0f} mg/dL" in line
    assert line.count("mmol/L") == 4
    (molar,) = lines(question(RATIO, SENSITIVITY, unit="mmol/L"), "With ")
    assert molar.index("mmol/L") < molar.index("mg/dL")


def test_the_settings_stand_on_the_card_with_their_age_and_what_may_be_counted_twice() -> None:
    (line,) = lines(question(RATIO, SENSITIVITY), "Computed")
    assert "carb ratio (10 g per unit, 12 days ago)" in line
    assert "insulin sensitivity (40 mg/dL (2.2 mmol/L) per unit, 12 days ago)" in line
    assert "LoopAlgorithm" in line and "counted twice" in line and "basal" not in line


def test_where_a_pump_gives_a_known_rate_less_basal_is_told_of_too() -> None:
    asked = question(RATIO, SENSITIVITY, pump())
    carbohydrate, basal = lines(asked, "With ")
    assert "15 g" in carbohydrate and basal.startswith("With 50 % less basal insulin for 120 min")
    assert "expected in 120 min" in basal and "may still fall to" in basal
    assert "basal rate (0.80 units per hour" in lines(asked, "Computed")[0]


def automated() -> TimeSeries:
    """Another rate each quarter of an hour."""
    begun = AS_OF_MS - HOUR_MS // 4 * np.arange(12, 0, -1)
    made = series_of(INSULIN_BASAL, "[iU]", begun, 0.1 + 0.05 * (np.arange(12) % 6))
    return replace(made, until_ms=begun + HOUR_MS // 4)


def test_in_automated_delivery_the_card_and_the_page_say_that_less_carbohydrate_is_often_enough() -> None:
    by_system, by_programme = (question(RATIO, SENSITIVITY, basal) for basal in (automated(), pump()))
    (note,) = lines(by_system, "Basal on record changes as under automated delivery")
    assert "less carbohydrate has often been enough" in note and "Pinsker 2021" in note
    assert len(lines(by_system, "With 15 g")) == 1
    assert any("less carbohydrate" in note for note in shown_on_page(RATIO, SENSITIVITY, automated()).notes)
    assert "less carbohydrate" not in (risk_card(by_programme).detail or "")


def eaten(minutes_ago: int) -> TimeSeries:
    return series_of(CARBS, "g", np.array([AS_OF_MS - minutes_ago * 60_000]), np.array([20.0]))


def test_what_was_just_eaten_is_said_beside_what_more_of_it_would_do() -> None:
    just, before = (question(RATIO, SENSITIVITY, eaten(minutes)) for minutes in (5, 45))
    (note,) = lines(just, "20 g of carbohydrate")
    assert "the newest 5 min ago: they are not in these numbers" in note
    assert lines(before, "20 g of carbohydrate") == []
    assert lines(question(RATIO, eaten(5)), "20 g of carbohydrate") == []
    on_page = shown_on_page(RATIO, SENSITIVITY, eaten(5)).notes
    assert any(one.startswith("20 g of carbohydrate are on record") for one in on_page)


def test_without_a_line_on_carbohydrate_nothing_is_said_of_less() -> None:
    assert "less carbohydrate" not in (risk_card(question(RATIO, automated())).detail or "")


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ((), "no carb ratio is on record; no insulin sensitivity is on record"),
        ((RATIO,), "no insulin sensitivity is on record"),
        ((SENSITIVITY,), "no carb ratio is on record"),
    ],
)
def test_without_a_setting_the_fixed_sentence_stays_and_the_card_says_what_is_missing(
    settings: tuple[TimeSeries, ...], missing: str
) -> None:
    asked = question(*settings)
    assert "carbohydrate snack or less insulin lowers this risk" in (risk_card(asked).detail or "")
    assert lines(asked, "What ") == [f"What 15 g of fast carbohydrate now would do: not assessed, {missing}"]
    assert lines(asked, "With ") == lines(asked, "Computed") == []


def test_the_decision_keeps_what_was_computed_and_what_was_not() -> None:
    for settings, kind in (((RATIO, SENSITIVITY), Assessment), ((), NotAssessed)):
        kept = [one for one in decided(*settings).assessments if one.model == MODEL]
        assert len(kept) == 1 and isinstance(kept[0], kind)


def test_without_a_raised_risk_no_action_is_computed_or_told_of() -> None:
    decision = decided(RATIO, SENSITIVITY, last=STEADY)
    assert not any(one.model == MODEL for one in decision.assessments)
    assert "carbohydrate" not in "".join(card.detail or "" for card in decision.cards)


@pytest.mark.spec("J-03")
def test_J03_a_fault_of_the_outlook_leaves_the_risk_on_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("hooks.action_lines.assess", broken)
    (line,) = lines(question(RATIO, SENSITIVITY), "What ")
    assert line.endswith("not assessed, the model met a fault of its own")


def test_no_line_suggests_insulin() -> None:
    shown = "".join(card.detail or "" for card in decided(RATIO, SENSITIVITY, pump()).cards)
    assert "bolus" not in shown.lower() and "more insulin" not in shown.lower()


def shown_on_page(*settings: TimeSeries) -> Actions:
    asked = question(*settings)
    chart = Chart(asked, Gathered({}, {}), Site(), Banner("", None, None))
    return actions_shown(chart, asked.record.series[GLUCOSE_CGM])


def test_the_page_holds_the_forecast_as_it_is_beside_each_action_that_could_be_computed() -> None:
    shown = shown_on_page(RATIO, SENSITIVITY)
    assert shown.table is not None
    assert [row[0] for row in shown.table.rows] == [
        "As it is",
        "15 g of fast carbohydrate now",
        "20 g of fast carbohydrate now",
    ]
    assert all(len(row) == len(shown.table.header) for row in shown.table.rows)
    assert any("No basal delivery of an insulin pump is on record" in note for note in shown.notes)
    with_pump = shown_on_page(RATIO, SENSITIVITY, pump()).table
    assert with_pump is not None and with_pump.rows[-1][0] == "50 % less basal insulin for 120 min"


def test_the_page_says_what_is_missing_where_no_action_could_be_computed() -> None:
    shown = shown_on_page()
    assert shown.table is None and shown.notes[0] == "Not assessed."
    assert "No carb ratio is on record." in shown.notes


# From the request to the line

Settings = list[dict[str, Any]]


def told_with(change: Callable[[Settings], object]) -> str:
    """What the golden case of a falling glucose says where the Observations of its settings are changed."""
    path = Path(__file__).with_name("golden") / "glucose-review" / "falling.request.json"
    request = json.loads(path.read_text(encoding="utf-8"))
    settings = [entry["resource"] for entry in request["prefetch"]["settings"]["entry"]]
    change(settings)
    request["prefetch"]["settings"]["entry"] = [{"resource": one} for one in settings]
    moment = pipeline.Moment(moment_ms("2026-05-15T12:00:00Z"), Deadline.after(60), UUID(int=1))
    asked = parse(json.dumps(request).encode())
    decision = pipeline.decide(SERVICE, asked, moment, pipeline.Place()).decision
    return "\n".join(card.detail or "" for card in decision.cards)


def ended(settings: Settings) -> None:
    settings[0]["effectivePeriod"] = {"start": settings[0].pop("effectiveDateTime"), "end": "2026-05-14"}


def newer(**changes: Any) -> Callable[[Settings], object]:
    """A carb ratio of yesterday beside that on record, changed in a way."""
    yesterday = {"id": "newer", "effectiveDateTime": "2026-05-14T12:00:00Z"}
    return lambda settings: settings.append(settings[0] | yesterday | changes)


UNREAD = "not assessed, another carb ratio on record may be newer and could not be used"


def until(month: int) -> Callable[[Settings], None]:
    """The carb ratio on record holds from the first of April to the first of another month."""

    def bounded(settings: Settings) -> None:
        del settings[0]["effectiveDateTime"]
        settings[0]["effectivePeriod"] = {
            "start": "2026-04-01T00:00:00Z",
            "end": f"2026-{month:02d}-01T00:00:00Z",
        }

    return bounded


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda settings: None, "With 15 g of fast carbohydrate now: expected in 60 min"),
        (ended, "not assessed, the newest carb ratio on record has ended"),
        (newer(valueQuantity={"value": 500, "code": "g/[iU]"}), UNREAD),
        (newer(valueQuantity={"value": 10, "code": "mg"}), UNREAD),
        (newer(effectiveDateTime="lately"), UNREAD),
        (newer(effectivePeriod={"start": "2026-05-14", "end": "2026-05-15T15:00:00Z"}, effectiveDateTime=None),
         "With 15 g of fast carbohydrate now"),
        (newer(valueQuantity={"value": 500, "code": "g/[iU]"}, effectiveDateTime="2026-04-01T12:00:00Z"),
         "With 15 g of fast carbohydrate now"),
        (newer(status="entered-in-error"), "With 15 g of fast carbohydrate now"),
        (until(9), "With 15 g of fast carbohydrate now"),
        (until(5), "not assessed, the newest carb ratio on record has ended"),
        (newer(effectiveDateTime="2026-05-16T12:00:00Z"), "With 15 g of fast carbohydrate now"),
    ],
    ids=["as it is", "ended", "implausible", "unit", "time", "still holds", "an older one", "retracted",
         "until autumn", "until this month", "from tomorrow"],
)  # fmt: skip
def test_carbohydrate_is_computed_only_with_the_setting_that_holds_now(
    change: Callable[[Settings], object], said: str
) -> None:
    assert said in told_with(change)
