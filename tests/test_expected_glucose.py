"""The forecast line of the glucose review: what it states, in which units, and when it is silent."""

import re
from dataclasses import replace
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from hooks.expected_glucose import STATED_MIN, forecast_lines, within_range
from hooks.glucose_review import SERVICE
from hooks.protocol import Context
from hooks.service import Practice, Question
from models.assessment import Assessment
from models.patient_record import Condition, PatientRecord
from models.risk import glucose_forecast
from models.signals import GLUCOSE_CGM
from models.time_series import series_of

STEP_MS = 300_000
AS_OF_MS = 1_779_278_400_000
TYPE_1 = Condition("Condition/1", "type_1_diabetes", frozenset(), "type 1 diabetes", None, None)
LINE = re.compile(r"^- Expected glucose.*$", re.MULTILINE)


def cgm(last, age_min=2):
    """Two weeks around 140 mg/dL that end with the given values."""
    value = 140 + 30 * np.sin(np.arange(14 * 288) / 40)
    value[-len(last) :] = last
    at_ms = AS_OF_MS - age_min * 60_000 - STEP_MS * np.arange(value.size)[::-1]
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, value.round())


def question(glucose, unit="mg/dL", conditions=(TYPE_1,)):
    record = PatientRecord(
        "p1", birth_date=date(1985, 1, 1), series={GLUCOSE_CGM: glucose}, conditions=conditions
    )
    practice = Practice(zone="UTC", glucose_unit=unit)
    return Question(record, Context("p1"), AS_OF_MS, UUID(int=1), practice)


def decided(*asked):
    return SERVICE.decide(question(*asked))


def lines(*asked):
    return [found for card in decided(*asked).cards for found in LINE.findall(card.detail)]


def test_one_line_states_half_an_hour_and_an_hour_in_both_units():
    (line,) = lines(cgm([150, 152, 155]))
    number = r"\d+ mg/dL \(\d+ to \d+\), \d+\.\d mmol/L \(\d+\.\d to \d+\.\d\)"
    assert re.fullmatch(
        rf"- Expected glucose from CGM alone \(90 % interval\): in 30 min {number}; in 60 min {number}", line
    )


def test_the_organisations_unit_comes_first():
    (line,) = lines(cgm([150, 152, 155]), "mmol/L")
    assert line.index("mmol/L") < line.index("mg/dL")


def test_the_line_is_the_forecast_of_the_model_and_the_decision_keeps_it():
    glucose = cgm([150, 152, 155])
    within = glucose_forecast.assess(glucose, AS_OF_MS).result.within(60)
    (line,) = lines(glucose)
    assert f"in 60 min {within.value:.0f} mg/dL ({within.low:.0f} to {within.high:.0f})" in line
    kept = [one for one in decided(glucose).assessments if one.model == glucose_forecast.MODEL]
    assert len(kept) == 1 and isinstance(kept[0], Assessment)


def test_an_end_of_the_sensors_range_is_said_to_lie_beyond():
    (line,) = lines(cgm([370, 380, 390, 398, 401, 401]))
    assert "above 400" in line and "above 22.2" in line and "401" not in line
    answer = glucose_forecast.assess(cgm([150]), AS_OF_MS)
    lowest = dict.fromkeys(answer.result.quantiles_mgdl, (39.0,) * 24)
    low = replace(answer, result=replace(answer.result, quantiles_mgdl=lowest))
    (line,) = forecast_lines(question(cgm([150])), low, ())
    assert "(below 40 to below 40)" in line and "(below 2.2 to below 2.2)" in line


def test_a_number_alone_is_said_to_lie_beyond_the_sensors_range_too():
    assert within_range(39.0, "mg/dL") == "below 40 mg/dL (2.2 mmol/L)"
    assert within_range(401.0, "mmol/L") == "above 22.2 mmol/L (400 mg/dL)"
    assert within_range(65.0, "mg/dL") == "65 mg/dL (3.6 mmol/L)"


@pytest.mark.parametrize(
    ("glucose", "conditions"),
    [
        (cgm([150], age_min=40), (TYPE_1,)),
        (cgm([150]), ()),
        (cgm([np.nan] * 30 + [150]), (TYPE_1,)),
    ],
    ids=["stale", "not-type-1", "sparse"],
)
def test_what_the_risk_of_a_low_is_silent_for_is_said_once(glucose, conditions):
    known = glucose.take(~np.isnan(glucose.value))
    card = decided(known, "mg/dL", conditions).cards[-1]
    assert "Risk of a low in the next hours" in card.detail and "not assessed" in card.detail
    assert lines(known, "mg/dL", conditions) == []


def test_from_a_low_no_recovery_is_foretold():
    decision = decided(cgm([75, 70, 66, 62]))
    assert "Expected glucose" not in "".join(card.detail for card in decision.cards)
    kept = [one for one in decision.assessments if one.model == glucose_forecast.MODEL]
    assert "depends on its treatment" in kept[0].reasons[0].text


@pytest.mark.spec("J-03")
def test_J03_a_forecast_that_is_no_number_is_said_not_to_be_assessed(monkeypatch):
    broken = tuple(
        replace(knot, errors=replace(knot.errors, narrower=np.nan)) for knot in glucose_forecast.KNOTS
    )
    monkeypatch.setattr(glucose_forecast, "KNOTS", broken)
    assert lines(cgm([150])) == ["- Expected glucose: not assessed, the model met a fault of its own"]


def test_where_glucose_is_expected_to_turn_up_the_line_says_what_that_was_learned_from():
    caveat = "; learned from people who often ate when falling: without food it may come out lower"
    answer = glucose_forecast.assess(cgm([150]), AS_OF_MS)

    def line(half_hour, hour):
        at = answer.result.horizons_min
        curve = tuple(half_hour if minutes <= 30 else hour for minutes in at)
        forecast = replace(answer, result=replace(answer.result, expected_mgdl=curve))
        return forecast_lines(question(cgm([150])), forecast, ())[0]

    assert line(140, 146).endswith(caveat)
    assert not any(line(*expected).endswith(caveat) for expected in ((140, 130), (155, 160), (155, 140)))


def test_the_summary_says_nothing_of_the_forecast():
    assert not any("Expected" in card.summary for card in decided(cgm([150, 152, 155])).cards)
    assert STATED_MIN == (30, 60)
