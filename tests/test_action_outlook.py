"""What an action would do to the forecast: equal to LoopAlgorithm, lawful, and silent without the settings."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Assessment, Input, NotAssessed, Outcome, Reason, ReasonCode
from models.dosing.carb_absorption import CarbEntry
from models.dosing.insulin_doses import InsulinDoses
from models.dosing.pump_basal import basal_rate_now
from models.patient_record import Completeness, PatientRecord, Rejection
from models.risk.action_outlook import (
    MODEL,
    VERSION,
    Action,
    Carbohydrate,
    LessBasal,
    OwnSettings,
    assess,
    carbohydrate_rise_mgdl,
    less_basal_rise_mgdl,
    lowest,
    own_settings,
)
from models.risk.glucose_forecast import HORIZONS_MIN, GlucoseForecast
from models.risk.glucose_forecast_features import SENSOR_RANGE_MGDL
from models.risk.glucose_forecast_model import LEVELS
from models.signals import (
    CARB_RATIO,
    INSULIN_BASAL,
    INSULIN_BOLUS,
    INSULIN_DELIVERY,
    INSULIN_SENSITIVITY,
    STEPS,
)
from models.time_series import TimeSeries, series_of

NOW = 1_779_278_400_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EXACT = 1e-9


def settings(ratio: float = 10.0, sensitivity: float = 40.0, basal: float = 1.0) -> OwnSettings:
    return OwnSettings(
        Input("carb ratio", ratio, "g/[iU]", NOW - DAY),
        Input("insulin sensitivity", sensitivity, "mg/dL/[iU]", NOW - DAY),
        Input("basal rate", basal, "[iU]/h", NOW),
        NOW,
    )


def forecast(start: float = 95.0, per_min: float = -0.4, half: float = 25.0) -> Assessment[GlucoseForecast]:
    """A line from now on, with an interval that widens."""
    minutes = np.array(HORIZONS_MIN)
    line, width = start + per_min * minutes, half * np.sqrt(minutes / 60.0)
    curves = {level: line + (level - 0.5) / 0.45 * width for level in LEVELS}
    held = {level: tuple(np.clip(c, *SENSOR_RANGE_MGDL).tolist()) for level, c in curves.items()}
    expected = tuple(np.clip(line, *SENSOR_RANGE_MGDL).tolist())
    result = GlucoseForecast(HORIZONS_MIN, expected, held, NOW)
    return Assessment("glucose_forecast", "1", NOW, Outcome.ASSESSED_POSITIVE, result)


def after(action: Action, asked: Assessment[GlucoseForecast], own: OwnSettings) -> GlucoseForecast:
    answer = assess(asked, own, action)
    assert isinstance(answer, Assessment)
    return answer.result.with_action


def curves(shown: GlucoseForecast) -> np.ndarray:
    return np.array([shown.expected_mgdl, *shown.quantiles_mgdl.values()])


# Equal to LoopAlgorithm


def fixture(shared: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = json.loads((shared / "data" / "loopalgorithm_fixtures" / f"{name}.json").read_text())
    at_ms = np.array([ms(row["date"]) for row in rows])
    return at_ms, np.array([float(row["amount"]) for row in rows])


def ms(text: str) -> int:
    stamp = datetime.fromisoformat(text)
    return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp() * 1000)


def test_basal_that_is_withheld_raises_as_much_as_the_recorded_vector_lowers(shared: Path) -> None:
    at_ms, lowered = fixture(shared, "effect_from_basal_output")
    begin = ms("2015-07-13T12:00:00")
    withheld = InsulinDoses(np.array([begin]), np.array([begin + HOUR]), np.array([-1.0]))
    assert np.abs(less_basal_rise_mgdl(withheld, 40.0, at_ms) + lowered).max() < EXACT


def test_carbohydrate_not_seen_yet_is_absorbed_as_in_the_recorded_vector(shared: Path) -> None:
    folder = shared / "data" / "loopalgorithm_fixtures"
    entered = json.loads((folder / "carb_entry_input.json").read_text())[2]
    rows = json.loads((folder / "ice_35_min_none_piecewiselinear_output.json").read_text())
    entry = CarbEntry(ms(entered["start_at"]), entered["amount"], entered["absorption_time"])
    at_ms = np.array([ms(row["date"]) for row in rows])
    on_board_g = np.array([row["amount"] for row in rows])
    absorbed_g = carbohydrate_rise_mgdl(entry, 1.0, at_ms)
    eaten = at_ms >= entry.at_ms
    assert eaten.sum() > 20 and (on_board_g[eaten] < entry.grams).any()
    assert np.abs(absorbed_g[eaten] - (entry.grams - on_board_g[eaten])).max() < EXACT


def test_fifteen_grams_have_done_nothing_after_ten_minutes_and_all_within_an_hour() -> None:
    flat = forecast(90.0, 0.0)
    gained = np.array(after(Carbohydrate(15.0), flat, settings()).expected_mgdl) - 90.0
    by_min = dict(zip(HORIZONS_MIN, gained, strict=True))
    assert by_min[10] == 0.0 and by_min[60] == pytest.approx(15 * 40 / 10)
    assert 0.4 < by_min[30] / by_min[60] < 0.7


def test_half_the_basal_rate_does_little_within_the_hour_and_more_within_two() -> None:
    gained = np.array(after(LessBasal(50.0, 120.0), forecast(90.0, 0.0), settings()).expected_mgdl) - 90.0
    by_min = dict(zip(HORIZONS_MIN, gained, strict=True))
    assert 0.0 < by_min[60] < 4.0 < by_min[120] < 1.0 * 40


# Laws

grams = st.floats(0.0, 60.0)
any_settings = st.builds(settings, st.floats(5.0, 20.0), st.floats(20.0, 70.0), st.floats(0.1, 3.0))
any_forecast = st.builds(forecast, st.floats(60.0, 300.0), st.floats(-2.0, 2.0), st.floats(0.0, 60.0))
actions = st.one_of(
    st.builds(Carbohydrate, grams), st.builds(LessBasal, st.floats(0.0, 100.0), st.floats(0.0, 240.0))
)


@given(any_forecast, any_settings)
def test_no_action_changes_nothing(asked: Assessment[GlucoseForecast], own: OwnSettings) -> None:
    for nothing in (Carbohydrate(0.0), LessBasal(0.0, 120.0), LessBasal(50.0, 0.0)):
        assert after(nothing, asked, own) == asked.result


@given(any_forecast, any_settings, grams, grams)
def test_more_carbohydrate_never_lowers_the_curve(
    asked: Assessment[GlucoseForecast], own: OwnSettings, one: float, other: float
) -> None:
    less, more = (curves(after(Carbohydrate(g), asked, own)) for g in sorted((one, other)))
    assert (more >= less - EXACT).all() and (less >= curves(asked.result) - EXACT).all()


@given(any_forecast, any_settings, st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_less_basal_never_lowers_the_curve(
    asked: Assessment[GlucoseForecast], own: OwnSettings, one: float, other: float
) -> None:
    less, more = (curves(after(LessBasal(p, 120.0), asked, own)) for p in sorted((one, other)))
    assert (more >= less - EXACT).all() and (less >= curves(asked.result) - EXACT).all()


@given(any_forecast, any_settings, actions)
def test_every_curve_stays_in_order_and_within_what_a_sensor_shows(
    asked: Assessment[GlucoseForecast], own: OwnSettings, action: Action
) -> None:
    shown = after(action, asked, own)
    levels = np.array([shown.quantiles_mgdl[level] for level in LEVELS])
    assert (np.diff(levels, axis=0) >= -EXACT).all()
    assert levels.min() >= SENSOR_RANGE_MGDL[0] and levels.max() <= SENSOR_RANGE_MGDL[1]
    point = lowest(shown, 60)
    assert point.low <= point.value <= point.high


@given(any_forecast, any_settings, actions, st.integers(0, 5 * 365))
def test_moving_all_times_together_changes_nothing(
    asked: Assessment[GlucoseForecast], own: OwnSettings, action: Action, days: int
) -> None:
    later = replace(asked, result=replace(asked.result, asked_at_ms=NOW + days * DAY))
    moved = after(action, later, replace(own, as_of_ms=NOW + days * DAY))
    assert np.abs(curves(moved) - curves(after(action, asked, own))).max() < EXACT


def test_the_lowest_point_is_that_of_the_curve_up_to_the_horizon() -> None:
    asked = forecast(100.0, -0.5, 0.0).result
    assert lowest(asked, 60).value == 70.0 and lowest(asked, 120).value == 40.0


@pytest.mark.parametrize("wrong", [(-1.0, 120.0), (101.0, 120.0), (50.0, -1.0), (nan, 120.0), (50.0, inf)])
def test_an_action_never_means_more_insulin_nor_the_past(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="basal"):
        LessBasal(*wrong)


@pytest.mark.parametrize("grams", [-15.0, nan, inf])
def test_what_is_no_amount_of_carbohydrate_is_refused(grams: float) -> None:
    with pytest.raises(ValueError, match="carbohydrate"):
        Carbohydrate(grams)
    with pytest.raises(ValueError, match="carbohydrate"):
        CarbEntry(NOW, grams)


# Abstention


def at(signal: str, unit: str, *points: tuple[float, float]) -> TimeSeries:
    """Points as (days ago, value), the oldest first."""
    at_ms = np.array([NOW - round(days * DAY) for days, _ in points])
    return series_of(signal, unit, at_ms, np.array([value for _, value in points]))


RATIO = at(CARB_RATIO, "g/[iU]", (200, 30.0), (12, 10.0))
SENSITIVITY = at(INSULIN_SENSITIVITY, "mg/dL/[iU]", (12, 40.0))


def pump(*segments: tuple[float, float, float]) -> TimeSeries:
    """Deliveries as (hours ago begun, hours ago ended, units)."""
    begun = np.array([NOW - round(h * HOUR) for h, _, _ in segments])
    ended = np.array([NOW - round(h * HOUR) for _, h, _ in segments])
    made = series_of(INSULIN_BASAL, "[iU]", begun, np.array([units for _, _, units in segments]))
    return replace(made, until_ms=ended)


def record(*series: TimeSeries, insulin: Completeness = Completeness.COMPLETE) -> PatientRecord:
    return PatientRecord("p1", series={one.signal: one for one in series}, completeness={"insulin": insulin})


def lacking(known: PatientRecord, signal: str = INSULIN_DELIVERY, days: float | None = None) -> PatientRecord:
    """With something of a signal left out, of some days ago at the latest or of nobody knows when."""
    return replace(known, lost={signal: None if days is None else NOW - round(days * DAY)})


def reasons(answer: object) -> set[tuple[ReasonCode, str]]:
    assert isinstance(answer, NotAssessed) and (answer.model, answer.version) == (MODEL, VERSION)
    return {(reason.code, reason.about) for reason in answer.reasons}


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ((SENSITIVITY,), {(ReasonCode.MISSING, CARB_RATIO)}),
        ((RATIO,), {(ReasonCode.MISSING, INSULIN_SENSITIVITY)}),
        ((), {(ReasonCode.MISSING, CARB_RATIO), (ReasonCode.MISSING, INSULIN_SENSITIVITY)}),
        ((at(CARB_RATIO, "g/[iU]", (91, 10.0)), SENSITIVITY), {(ReasonCode.STALE, CARB_RATIO)}),
        (
            (at(CARB_RATIO, "g/[iU]", (9, 10.0), (9, 12.0)), SENSITIVITY),
            {(ReasonCode.CONFLICT, CARB_RATIO)},
        ),
        (
            (RATIO, at(INSULIN_SENSITIVITY, "mg/dL/[iU]", (12, 900.0))),
            {(ReasonCode.IMPLAUSIBLE, INSULIN_SENSITIVITY)},
        ),
        (
            (at(CARB_RATIO, "g/[iU]", (9, 4.0)), at(INSULIN_SENSITIVITY, "mg/dL/[iU]", (9, 90.0))),
            {(ReasonCode.IMPLAUSIBLE, CARB_RATIO)},
        ),
        (
            (at(CARB_RATIO, "g/[iU]", (9, 60.0)), at(INSULIN_SENSITIVITY, "mg/dL/[iU]", (9, 20.0))),
            {(ReasonCode.IMPLAUSIBLE, CARB_RATIO)},
        ),
    ],
    ids=["no ratio", "no sensitivity", "neither", "old", "several", "implausible", "too much", "too little"],
)
def test_without_a_setting_carbohydrate_is_not_simulated_and_the_setting_is_named(
    series: tuple[TimeSeries, ...], expected: set[tuple[ReasonCode, str]]
) -> None:
    own = own_settings(record(*series), NOW)
    assert reasons(assess(forecast(), own, Carbohydrate(15.0))) == expected


def ending(setting: TimeSeries, hours_from_now: float) -> TimeSeries:
    """A setting whose newest value holds up to some hours from now."""
    until_ms = setting.until_ms.copy()
    until_ms[-1] = NOW + round(hours_from_now * HOUR)
    return replace(setting, until_ms=until_ms)


def flagged(setting: TimeSeries, flag: str) -> TimeSeries:
    return replace(setting, flag_sets=(frozenset({flag}),))


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (record(ending(RATIO, -1), SENSITIVITY), ReasonCode.STALE),
        (record(ending(RATIO, 0), SENSITIVITY), ReasonCode.STALE),
        (record(flagged(RATIO, "period_without_start"), SENSITIVITY), ReasonCode.STALE),
        (lacking(record(RATIO, SENSITIVITY), CARB_RATIO, 11), ReasonCode.INCOMPLETE),
        (lacking(record(RATIO, SENSITIVITY), CARB_RATIO, 12), ReasonCode.INCOMPLETE),
        (lacking(record(RATIO, SENSITIVITY), CARB_RATIO), ReasonCode.INCOMPLETE),
        (lacking(record(SENSITIVITY), CARB_RATIO, 200), ReasonCode.INCOMPLETE),
    ],
    ids=["ended", "ends now", "only its end", "newer unread", "as new unread", "unread, when?", "none read"],
)
def test_a_setting_that_ended_or_has_a_newer_one_that_could_not_be_read_is_not_the_one_in_use(
    known: PatientRecord, code: ReasonCode
) -> None:
    asked = assess(forecast(), own_settings(known, NOW), Carbohydrate(15.0))
    assert reasons(asked) == {(code, CARB_RATIO)}
    assert isinstance(asked, NotAssessed) and all("carb ratio" in reason.text for reason in asked.reasons)


@pytest.mark.parametrize(
    "known",
    [
        record(ending(RATIO, 1), SENSITIVITY),
        record(flagged(RATIO, "period_without_end"), SENSITIVITY),
        lacking(record(RATIO, SENSITIVITY), CARB_RATIO, 13),
    ],
    ids=["still holds", "without an end", "an older one unread"],
)
def test_a_setting_that_still_holds_and_is_the_newest_is_used(known: PatientRecord) -> None:
    assert isinstance(assess(forecast(), own_settings(known, NOW), Carbohydrate(15.0)), Assessment)


@pytest.mark.parametrize("state", [Completeness.PARTIAL, Completeness.FAILED, Completeness.NOT_ASKED])
@pytest.mark.parametrize("key", ["settings", "bolus"])
def test_where_not_all_settings_could_be_read_none_is_the_one_in_use(key: str, state: Completeness) -> None:
    known = record(RATIO, SENSITIVITY)
    known = replace(known, completeness={**known.completeness, key: state})
    found = reasons(assess(forecast(), own_settings(known, NOW), Carbohydrate(15.0)))
    assert found == {(ReasonCode.INCOMPLETE, CARB_RATIO), (ReasonCode.INCOMPLETE, INSULIN_SENSITIVITY)}


def test_without_a_forecast_its_reasons_are_those_of_the_action() -> None:
    none = NotAssessed("glucose_forecast", "1", NOW, (Reason(ReasonCode.STALE, "glucose_cgm", "old"),))
    own = own_settings(record(SENSITIVITY), NOW)
    assert reasons(assess(none, own, Carbohydrate(15.0))) == {
        (ReasonCode.STALE, "glucose_cgm"),
        (ReasonCode.MISSING, CARB_RATIO),
    }


def test_the_newest_settings_are_used_with_their_times() -> None:
    answer = assess(forecast(), own_settings(record(RATIO, SENSITIVITY), NOW), Carbohydrate(15.0))
    assert isinstance(answer, Assessment)
    assert [(one.name, one.value, one.at_ms) for one in answer.inputs] == [
        ("carb ratio", 10.0, NOW - 12 * DAY),
        ("insulin sensitivity", 40.0, NOW - 12 * DAY),
    ]


HOURLY = pump((4, 3, 0.8), (3, 2, 0.8), (2, 1, 0.9), (1, 0, 0.9))


def stopped() -> TimeSeries:
    """A running pump, and an entry of zero without a duration after the last delivery began."""
    running, stop = HOURLY, at(INSULIN_BASAL, "[iU]", (0.01, 0.0))
    joined = series_of(
        INSULIN_BASAL, "[iU]", np.append(running.at_ms, stop.at_ms), np.append(running.value, 0.0)
    )
    return replace(joined, until_ms=np.append(running.until_ms, stop.at_ms))


SETTINGS = (RATIO, SENSITIVITY)


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (record(*SETTINGS, at(INSULIN_BOLUS, "[iU]", (0.03, 9.0))), ReasonCode.UNSAFE),
        (record(*SETTINGS, at(INSULIN_DELIVERY, "[iU]", (0.03, 9.0))), ReasonCode.INCOMPLETE),
        (lacking(record(*SETTINGS)), ReasonCode.INCOMPLETE),
        (lacking(record(*SETTINGS), INSULIN_BOLUS, 13), ReasonCode.INCOMPLETE),
        (record(*SETTINGS, insulin=Completeness.PARTIAL), ReasonCode.INCOMPLETE),
        (record(*SETTINGS, insulin=Completeness.FAILED), ReasonCode.INCOMPLETE),
    ],
    ids=[
        "a bolus that acts",
        "a premix",
        "a dose of nobody knows when",
        "a bolus of these two weeks",
        "some of the doses",
        "none of the doses",
    ],
)
def test_beside_insulin_that_acts_or_cannot_be_counted_nothing_is_simulated(
    known: PatientRecord, code: ReasonCode
) -> None:
    assert reasons(assess(forecast(), own_settings(known, NOW), Carbohydrate(15.0))) == {
        (code, INSULIN_BOLUS)
    }


@pytest.mark.parametrize(
    "known",
    [
        record(*SETTINGS, at(INSULIN_BOLUS, "[iU]", (0.3, 9.0))),
        record(*SETTINGS, at(INSULIN_DELIVERY, "[iU]", (0.3, 9.0))),
        lacking(record(*SETTINGS), INSULIN_DELIVERY, 15),
        lacking(record(*SETTINGS), STEPS),
        replace(record(*SETTINGS), rejected={"time_precision": Rejection(1, ("Observation/1",))}),
    ],
    ids=["a bolus of yesterday", "a premix of yesterday", "a dose of long ago", "steps", "a reading"],
)
def test_insulin_that_acts_no_more_and_what_is_no_dose_hold_nothing_back(known: PatientRecord) -> None:
    assert isinstance(assess(forecast(), own_settings(known, NOW), Carbohydrate(15.0)), Assessment)


def test_a_ratio_and_a_sensitivity_that_are_not_one_adults_simulate_no_basal_either() -> None:
    doubted = at(INSULIN_SENSITIVITY, "mg/dL/[iU]", (12, 400.0))
    own = own_settings(record(RATIO, doubted, HOURLY), NOW)
    assert reasons(assess(forecast(), own, LessBasal(50.0, 120.0))) == {(ReasonCode.IMPLAUSIBLE, CARB_RATIO)}


def test_the_basal_rate_is_that_of_the_delivery_under_way() -> None:
    found = basal_rate_now(record(HOURLY), NOW)
    assert isinstance(found, Input) and found.value == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (record(), ReasonCode.MISSING),
        (record(at(INSULIN_BASAL, "[iU]", (0.4, 20.0))), ReasonCode.MISSING),
        (record(HOURLY, insulin=Completeness.PARTIAL), ReasonCode.INCOMPLETE),
        (record(pump((4, 3, 0.8), (3, 1.1, 1.5))), ReasonCode.STALE),
        (record(pump((4, 3, 0.8), (3, 0.3, 1.5))), ReasonCode.STALE),
        (record(pump((1, 0, 12.0))), ReasonCode.IMPLAUSIBLE),
        (record(stopped()), ReasonCode.CONFLICT),
        (lacking(record(HOURLY)), ReasonCode.INCOMPLETE),
        (record(pump((2, 0, 1.6), (1, 0, 0.9))), ReasonCode.CONFLICT),
        (record(pump((1, 0, 0.0))), ReasonCode.OUT_OF_POPULATION),
        (
            record(pump(*((k / 4, (k - 1) / 4, 0.1 + 0.05 * (k % 6)) for k in range(12, 0, -1)))),
            ReasonCode.OUT_OF_POPULATION,
        ),
    ],
    ids=[
        "nothing",
        "injection",
        "in part",
        "old",
        "a gap",
        "an injection with a duration",
        "a stop",
        "a dose that cannot be counted",
        "two pumps",
        "suspended",
        "automated",
    ],
)
def test_without_one_basal_rate_of_a_pump_now_less_of_it_is_not_simulated(
    asked: PatientRecord, code: ReasonCode
) -> None:
    found = basal_rate_now(asked, NOW)
    assert isinstance(found, Reason) and found.code is code
