"""The service setting-adjustment from FHIR request to card: directions, refusals, words, and what it never does."""

import json
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from setting_request import (
    AS_OF,
    AS_OF_MS,
    CASES,
    HIGHS,
    LOWS,
    PREGNANT,
    TYPE_1,
    Life,
    boluses,
    condition,
    live,
    observation,
    patient,
    pump,
    request,
    sensor_day,
)

from cds_service import pipeline
from cds_service.deadline import Deadline
from fhir_mappers.site import Site
from hooks.protocol import parse
from hooks.service import Decision, Practice
from hooks.setting_adjustment import SERVICE
from hooks.setting_words import change_words, rounded
from models.assessment import Assessment, NotAssessed, Outcome, Refused
from models.dosing.setting_actions import NO_CHANGE, all_changes
from models.dosing.setting_advice import SettingAdvice
from models.dosing.setting_evidence import spoken_against
from models.dosing.therapy import Therapy

PLAIN = Practice()


def decide(asked: dict[str, Any], practice: Practice = PLAIN) -> Decision:
    moment = pipeline.Moment(AS_OF_MS, Deadline.after(60), uuid.UUID(int=7))
    place = pipeline.Place(site=Site(zone=practice.zone), practice=practice)
    return pipeline.decide(SERVICE, parse(json.dumps(asked).encode()), moment, place).decision


def advice_of(decision: Decision) -> SettingAdvice:
    (answer,) = decision.assessments
    assert isinstance(answer, Assessment), answer
    result = answer.result
    assert isinstance(result, SettingAdvice)
    return result


def codes(decision: Decision) -> set[tuple[str, str]]:
    (answer,) = decision.assessments
    assert isinstance(answer, NotAssessed | Refused)
    return {(reason.code.value, reason.about) for reason in answer.reasons}


DECISIONS = {name: decide(asked) for name, asked in CASES.items()}
ADVISED = [n for n, d in DECISIONS.items() if d.assessments and isinstance(d.assessments[0], Assessment)]
NOT_ADVISED = [n for n, d in DECISIONS.items() if d.cards and n not in ADVISED]


# What is proposed


def test_lows_bring_reductions_only_and_a_warning() -> None:
    advice = advice_of(DECISIONS["lows"])
    assert advice.best.change != NO_CHANGE
    assert not any(option.change.adds_insulin for option in advice.options)
    assert advice.best.tbr.value < 0.0
    assert str(DECISIONS["lows"].cards[0].indicator) == "warning"


def test_highs_without_lows_bring_more_insulin_in_small_steps() -> None:
    best = advice_of(DECISIONS["highs"]).best.change
    assert best.adds_insulin
    assert max(best.percent) <= 10 and min(best.percent) >= -20


def test_missed_boluses_are_named_first_and_no_insulin_is_added() -> None:
    decision = DECISIONS["missed-boluses"]
    advice = advice_of(decision)
    assert "habits" in advice.only_reductions
    assert advice.best.change == NO_CHANGE
    assert "missed boluses" in decision.cards[0].summary


def test_injected_basal_is_changed_as_a_dose_and_never_by_time_of_day() -> None:
    advice = advice_of(DECISIONS["injections"])
    assert not advice.by_pump
    touched = {setting for option in advice.options for setting in option.change.settings}
    assert not touched & {"basal_night", "basal_day"}
    assert "Basal dose: from" in DECISIONS["injections"].cards[0].detail


@pytest.mark.parametrize("name", ADVISED)
def test_no_change_and_a_specialist_are_always_among_the_options(name: str) -> None:
    assert NO_CHANGE in [option.change for option in advice_of(DECISIONS[name]).options]
    detail = DECISIONS[name].cards[0].detail
    assert "| no change | 0 | 0 | 0 |" in detail
    assert "see a diabetes specialist" in detail


@pytest.mark.parametrize("name", ADVISED)
def test_no_option_goes_against_the_recorded_nights_and_meals(name: str) -> None:
    advice = advice_of(DECISIONS[name])
    assert not spoken_against(advice.features, [option.change for option in advice.options]).any()


@pytest.mark.spec("H-17")
@pytest.mark.parametrize("name", ADVISED)
def test_H17_the_card_says_why_what_else_what_was_checked_and_how_to_undo(name: str) -> None:
    (card,) = DECISIONS[name].cards
    for part in ("Why:", "Options, best first", "This person's own records", "Checked", "Not known"):
        assert f"**{part}" in card.detail
    for part in ("What would change this", "Look again", "Values used"):
        assert f"**{part}" in card.detail
    assert ("**To undo:" in card.detail) is bool(advice_of(DECISIONS[name]).best.change.settings)
    assert "Verify before changing a setting." in card.detail
    assert card.suggestions == ()
    assert len(card.override_reasons) >= 6


@pytest.mark.parametrize("unit", ["mg/dL", "mmol/L"])
def test_every_change_fits_into_the_summary_whole(unit: Any) -> None:
    decision = decide(CASES["lows"], Practice(glucose_unit=unit))
    assert change_words(advice_of(decision).best.change) in decision.cards[0].summary
    for change in all_changes():
        words = (
            f"Type 1 settings: consider {change_words(change)} (time below 3.9 mmol/L 12 %). Verify first."
        )
        assert len(words) <= 139, words


@pytest.mark.spec("H-04")
@pytest.mark.parametrize("name", [*ADVISED, *NOT_ADVISED])
def test_H04_units_are_written_out_in_what_is_proposed(name: str) -> None:
    card = DECISIONS[name].cards[0]
    for short in (" U/h", " IU", "U per", " u "):
        assert short not in card.detail and short not in card.summary


@pytest.mark.spec("H-03")
def test_H03_glucose_in_mmol_gives_the_same_options() -> None:
    asked = json.loads(json.dumps(CASES["lows"]))
    for entry in asked["prefetch"]["cgm"]["entry"]:
        resource = entry["resource"]
        resource["code"]["coding"][0]["code"] = "105272-9"
        sampled = resource["valueSampledData"]
        sampled["origin"] |= {"unit": "mmol/L", "code": "mmol/L"}
        sampled["data"] = " ".join(
            v if v == "E" else f"{float(v) / 18.0156:.4f}" for v in sampled["data"].split()
        )
    mine, theirs = advice_of(DECISIONS["lows"]), advice_of(decide(asked))
    assert [o.change for o in mine.options] == [o.change for o in theirs.options]


# Refusals


def low_at_the_end(mgdl: int) -> dict[str, Any]:
    """The last reading replaced."""
    days = [sensor_day(live(HIGHS), day) for day in range(1, 15)]
    data = days[-1]["valueSampledData"]["data"].split()
    days[-1]["valueSampledData"]["data"] = " ".join([*data[:-1], str(mgdl)])
    return request(HIGHS, cgm=days)


@pytest.mark.spec("H-02")
@pytest.mark.parametrize(("mgdl", "indicator"), [(53, "critical"), (54, "warning"), (69, "warning")])
def test_H02_a_low_now_stops_everything_and_comes_first(mgdl: int, indicator: str) -> None:
    (card,) = decide(low_at_the_end(mgdl)).cards
    assert card.summary.startswith("Treat the low glucose first")
    assert str(card.indicator) == indicator
    assert "consider" not in card.summary


@pytest.mark.spec("H-02")
def test_H02_one_low_within_the_day_takes_away_every_option_that_adds_insulin() -> None:
    days = [sensor_day(live(HIGHS), day) for day in range(1, 15)]
    data = days[-1]["valueSampledData"]["data"].split()
    days[-1]["valueSampledData"]["data"] = " ".join([*data[:60], *["66"] * 4, *data[64:]])
    before, after = advice_of(DECISIONS["highs"]), advice_of(decide(request(HIGHS, cgm=days)))
    assert any(option.change.adds_insulin for option in before.options)
    assert not any(option.change.adds_insulin for option in after.options)
    assert "low_within_24_h" in after.only_reductions


REFUSALS = {
    "automated-delivery": ("out_of_population", "automated_delivery"),
    "pregnancy": ("out_of_population", "pregnancy"),
    "no-carbohydrate-entries": ("missing", "carbohydrate"),
    "six-days": ("sparse", "glucose_cgm"),
    "poor-fit": ("implausible", "personal_fit"),
}


@pytest.mark.spec("H-13", "H-15")
@pytest.mark.parametrize("name", REFUSALS)
def test_H13_H15_what_cannot_be_judged_is_refused_with_its_type(name: str) -> None:
    decision = DECISIONS[name]
    assert REFUSALS[name] in codes(decision)
    assert decision.outcome in (Outcome.REFUSED, Outcome.NOT_ASSESSED)
    assert "No settings were proposed" in decision.cards[0].detail


def changed(**entries: Any) -> dict[str, Any]:
    return request(HIGHS, **entries)


def born_at(year: int) -> dict[str, Any]:
    asked = request(HIGHS)
    asked["prefetch"]["patient"] = patient(born=f"{year}-01-01")
    return asked


def without_zone() -> dict[str, Any]:
    asked = request(HIGHS)
    asked["prefetch"]["patient"] = patient(zone=None)
    return asked


def basal_changed_lately() -> dict[str, Any]:
    lived = live(HIGHS)
    basal = lived.basal_u.copy()
    basal[-3 * 288 :] *= 1.5
    insulin = [*boluses(lived), *pump(type(lived)(lived.cgm_mgdl, basal, lived.bolus_u, lived.carbs_g))]
    return changed(insulin=insulin)


OLD_WEIGHT = observation("weight", "29463-7", AS_OF - timedelta(days=200), 70.0, "kg")
POOR_KIDNEYS = observation("egfr", "98979-8", AS_OF - timedelta(days=20), 25, "mL/min/{1.73_m2}")
NEW = condition("E10.9", "Type 1 diabetes", since="2026-03-01")


@pytest.mark.spec("H-13", "H-07", "H-08", "H-14")
@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (born_at(2012), ("out_of_population", "age")),
        (changed(conditions=[TYPE_1, condition("Z99.2", "Dialysis")]), ("out_of_population", "dialysis")),
        (changed(conditions=[NEW]), ("out_of_population", "new_diagnosis")),
        (changed(weight=[OLD_WEIGHT]), ("stale", "body_weight")),
        (changed(weight=[]), ("missing", "body_weight")),
        (changed(renal=[POOR_KIDNEYS]), ("out_of_population", "egfr")),
        (changed(insulin=boluses(live(HIGHS))), ("missing", "basal")),
        (changed(insulin=pump(live(HIGHS))), ("missing", "boluses")),
        (changed(diary=None), ("incomplete", "diary")),
        (changed(insulin=None), ("incomplete", "insulin")),
        (without_zone(), ("missing", "time_zone")),
        (basal_changed_lately(), ("stale", "changed_lately")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_H13_H07_H08_H14_each_exclusion_and_each_missing_input_ends_it(asked: Any, reason: Any) -> None:
    decision = decide(asked)
    assert reason in codes(decision)
    assert all("consider" not in card.summary for card in decision.cards)


@pytest.mark.spec("H-16")
def test_H16_nobody_without_type_1_diabetes_on_a_whole_problem_list_gets_a_card() -> None:
    assert DECISIONS["type-2"] == Decision(Outcome.ASSESSED_NEGATIVE, ())


@pytest.mark.spec("H-15")
def test_H15_an_unread_problem_list_is_not_taken_for_no_diabetes() -> None:
    decision = decide(changed(conditions=None))
    assert decision.cards and decision.outcome is not Outcome.ASSESSED_NEGATIVE


@pytest.mark.spec("H-10")
def test_H10_a_second_copy_of_the_sensor_changes_no_option() -> None:
    days = [sensor_day(live(LOWS), day) for day in range(1, 15)]
    copies = [day | {"id": f"copy-{day['id']}", "device": {"display": "cloud"}} for day in days]
    twice = advice_of(decide(request(LOWS, cgm=[*days, *copies])))
    assert [o.change for o in twice.options] == [o.change for o in advice_of(DECISIONS["lows"]).options]


@pytest.mark.spec("H-08")
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6])
def test_H08_taking_boluses_out_of_the_record_never_adds_insulin_where_none_was_added(kept: float) -> None:
    given = boluses(live(LOWS))
    rng = np.random.default_rng(3)
    insulin = [*[b for b in given if rng.random() < kept], *pump(live(LOWS))]
    decision = decide(request(LOWS, insulin=insulin))
    for answer in decision.assessments:
        if isinstance(answer, Assessment):
            assert not any(o.change.adds_insulin for o in advice_of(decision).options)


@pytest.mark.spec("H-13")
def test_H13_both_pregnancy_and_a_missing_weight_are_named() -> None:
    found = codes(decide(changed(conditions=[TYPE_1, PREGNANT], weight=[])))
    assert {("out_of_population", "pregnancy"), ("missing", "body_weight")} <= found


def test_a_life_that_is_well_set_is_left_alone() -> None:
    decision = decide(request(Life("adult#010")))
    assert advice_of(decision).best.change == NO_CHANGE
    assert "keep" in decision.cards[0].summary


@pytest.mark.spec("H-23")
@given(
    basal=st.floats(0.1, 4.0),
    ratio=st.floats(2.0, 40.0),
    sensitivity=st.floats(5.0, 200.0),
    pump=st.booleans(),
)
def test_H23_what_is_proposed_is_rounded_towards_less_insulin(
    basal: float, ratio: float, sensitivity: float, pump: bool
) -> None:
    asked = Therapy(*(np.full((1, 24), value) for value in (basal, ratio, sensitivity)))
    shown = rounded(asked, pump)
    assert shown.basal_u_per_h.sum() <= asked.basal_u_per_h.sum() + 1e-4
    assert (shown.carb_ratio_g_per_u >= asked.carb_ratio_g_per_u - 1e-4).all()
    assert (shown.sensitivity_mgdl_per_u >= asked.sensitivity_mgdl_per_u - 1e-3).all()
    assert np.allclose(rounded(shown, pump).basal_u_per_h, shown.basal_u_per_h)


def test_level_nights_and_level_glucose_before_meals_are_no_reason_for_more_basal_insulin() -> None:
    features = advice_of(DECISIONS["highs"]).features | {"mean_00": 110.0, "tbr_00": 0.0}
    more = [c for c in all_changes() if c.adds_insulin and "basal_night" in c.settings]
    assert spoken_against(
        features, [c for c in more if dict(zip(c.settings, c.percent, strict=True))["basal_night"] > 0]
    ).all()
