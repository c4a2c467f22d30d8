"""Limits that never adapt, NEWS2 inputs, and the checks of pressure, nights, rhythm, weight and silence."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import signals
from models.assessment import Assessment, NotAssessed, Outcome, ReasonCode
from models.features.local_time import zone_of
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import Condition, PatientRecord
from models.risk.device_dropout import assess_dropout
from models.risk.fast_heart_at_rest import assess_rest
from models.risk.home_pressure_target import UNDECIDED, target_checks
from models.risk.nocturnal_desaturation import assess_nights
from models.risk.rapid_weight_gain import weight_checks
from models.risk.rapid_weight_loss import loss_checks
from models.risk.reported_rhythm import rhythm_checks
from models.risk.vital_comparison import Answer, Comparison, Urgency
from models.risk.vital_limits import limit_checks, news2_inputs
from models.time_series import TimeSeries, series_of

AS_OF_MS = 1_709_294_400_000  # 2024-03-01T12:00Z
UTC = zone_of("UTC")


def series(signal: str, minutes_ago: list[float], values: list[float], unit: str = "1") -> TimeSeries:
    at_ms = AS_OF_MS - (np.array(minutes_ago) * MINUTE_MS).astype(np.int64)
    return series_of(signal, unit, at_ms, np.array(values, float))


def record(*found: TimeSeries, concept: str | None = None) -> PatientRecord:
    conditions = (Condition("c", concept, frozenset(), "c", None, None),) if concept else ()
    return PatientRecord("p", zone="UTC", series={s.signal: s for s in found}, conditions=conditions)


def urgency(of: str, *found: TimeSeries, concept: str | None = None) -> Urgency | None:
    answers = [a.result for a in limit_checks(record(*found, concept=concept), AS_OF_MS) if made(a)]
    return next(c.urgency for c in answers if c.name == f"{of}_limit")


def made(answer: Answer) -> bool:
    return isinstance(answer, Assessment)


def result(answer: Answer) -> Comparison:
    assert isinstance(answer, Assessment)
    return answer.result


RED = [
    (signals.RESPIRATION_RATE, 8, 9), (signals.RESPIRATION_RATE, 25, 24), (signals.SPO2, 91, 92),
    (signals.SYSTOLIC, 90, 91), (signals.SYSTOLIC, 220, 180), (signals.HEART_RATE, 40, 41),
    (signals.BODY_TEMPERATURE, 35.0, 35.1),
]  # fmt: skip


@pytest.mark.parametrize(("signal", "red", "not_red"), RED)
def test_a_red_sign_is_urgent_for_an_hour_and_its_neighbour_is_not(
    signal: str, red: float, not_red: float
) -> None:
    assert urgency(signal, series(signal, [60], [red])) is Urgency.NOW
    assert urgency(signal, series(signal, [61], [red])) is Urgency.SOON
    assert urgency(signal, series(signal, [5], [not_red])) is None


def test_a_reading_older_than_a_day_is_not_held_against_a_limit() -> None:
    old = limit_checks(record(series(signals.SPO2, [24 * 60 + 1], [80])), AS_OF_MS)
    reasons = {a.reasons[0].about: a.reasons[0].code for a in old if isinstance(a, NotAssessed)}
    assert reasons[signals.SPO2] is ReasonCode.STALE and reasons[signals.HEART_RATE] is ReasonCode.MISSING


@pytest.mark.parametrize(
    ("signal", "value"), [(signals.SYSTOLIC, 181), (signals.DIASTOLIC, 121), (signals.BODY_TEMPERATURE, 39.1)]
)
def test_severe_pressure_and_high_fever_want_a_look_soon(signal: str, value: float) -> None:
    assert urgency(signal, series(signal, [5], [value])) is Urgency.SOON


@pytest.mark.spec("H-12")
@pytest.mark.parametrize(
    ("signal", "value", "expected"),
    [
        (signals.SYSTOLIC, 160, Urgency.NOW), (signals.SYSTOLIC, 159, Urgency.SOON),
        (signals.SYSTOLIC, 140, Urgency.SOON), (signals.SYSTOLIC, 139, None),
        (signals.DIASTOLIC, 110, Urgency.NOW), (signals.DIASTOLIC, 90, Urgency.SOON),
        (signals.DIASTOLIC, 89, None),
    ],
)  # fmt: skip
def test_pressure_has_lower_limits_in_pregnancy(signal: str, value: float, expected: Urgency | None) -> None:
    assert urgency(signal, series(signal, [5], [value]), concept="pregnancy") == expected
    assert urgency(signal, series(signal, [5], [value])) is None


def test_a_severe_pressure_of_pregnancy_is_an_emergency_for_an_hour() -> None:
    assert urgency(signals.SYSTOLIC, series(signals.SYSTOLIC, [61], [165]), concept="pregnancy") == 1


def test_a_reading_inside_its_limits_shows_its_points_where_news2_holds() -> None:
    def says(concept: str | None = None) -> str:
        found = limit_checks(record(series(signals.RESPIRATION_RATE, [5], [23]), concept=concept), AS_OF_MS)
        return next(result(answer).says for answer in found if made(answer))

    assert says() == "within the absolute limits; scores 2 in NEWS2"
    assert says("pregnancy") == "within the absolute limits"


def test_a_reading_beyond_a_limit_is_not_hidden_by_a_later_one_within_it() -> None:
    def earlier(signal: str, minutes_ago: list[float], values: list[float]) -> tuple[float, int] | None:
        found = limit_checks(record(series(signal, minutes_ago, values)), AS_OF_MS)
        return next(result(answer).earlier for answer in found if made(answer))

    fever = earlier(signals.BODY_TEMPERATURE, [480, 30], [39.6, 37.0])
    assert fever == (39.6, AS_OF_MS - 480 * MINUTE_MS)
    assert earlier(signals.SPO2, [36, 12], [80, 95]) == (80, AS_OF_MS - 36 * MINUTE_MS)
    assert earlier(signals.BODY_TEMPERATURE, [25 * 60, 30], [39.6, 37.0]) is None
    assert earlier(signals.HEART_RATE, [300, 30], [150, 64]) is None


def test_H12_an_artefact_is_outvoted_by_two_neighbours_but_one_neighbour_hides_nothing() -> None:
    assert urgency(signals.SPO2, series(signals.SPO2, [1, 5, 9], [70, 96, 96])) is None
    assert urgency(signals.SPO2, series(signals.SPO2, [1, 5], [84, 96])) is Urgency.NOW


def test_a_fast_pulse_is_an_emergency_only_where_it_is_known_to_be_at_rest() -> None:
    pulse = series(signals.HEART_RATE, [5], [150])
    assert urgency(signals.HEART_RATE, pulse) is Urgency.SOON
    assert urgency(signals.HEART_RATE, pulse, series(signals.SYSTOLIC, [6], [120])) is Urgency.NOW
    assert urgency(signals.HEART_RATE, pulse, series(signals.STEPS, [20, 10], [20, 0])) is Urgency.NOW
    assert urgency(signals.HEART_RATE, pulse, series(signals.STEPS, [20, 10], [900, 800])) is Urgency.SOON


def test_low_saturation_with_copd_is_said_with_its_doubt_and_very_low_without() -> None:
    assert urgency(signals.SPO2, series(signals.SPO2, [5], [89]), concept="copd") is Urgency.SOON
    assert urgency(signals.SPO2, series(signals.SPO2, [5], [83]), concept="copd") is Urgency.NOW


@given(st.lists(st.floats(60, 85), min_size=28, max_size=28), st.floats(50, 91))
def test_no_history_however_low_makes_a_limit_adapt(history: list[float], now: float) -> None:
    days_ago = [24 * 60 * (d + 1) for d in range(28)]
    assert urgency(signals.SPO2, series(signals.SPO2, [1, *days_ago], [now, *history])) is Urgency.NOW


def test_oxygen_is_known_only_where_a_flow_or_concentration_was_stated() -> None:
    assert news2_inputs(record(), AS_OF_MS).on_oxygen is None
    for signal, value, expected in (("spo2_flow", 2, 1), ("spo2_flow", 0, 0), ("spo2_fio2", 21, 0)):
        stated = news2_inputs(record(series(signal, [5], [value])), AS_OF_MS).on_oxygen
        assert stated is not None and stated.value == expected


def week(systolic: float, readings: int = 14) -> PatientRecord:
    at = [60.0 * (12 * i + 1) for i in range(readings)]
    return record(series(signals.SYSTOLIC, at, [systolic] * readings, "mm[Hg]"))


@pytest.mark.parametrize(
    ("mean", "urgency", "says"),
    [
        (150, Urgency.SOON, "above 130 mmHg"), (135, Urgency.NOTE, "above 130 mmHg"), (130, None, UNDECIDED),
        (120, None, "not above 130 mmHg"),
    ],
)  # fmt: skip
def test_home_pressure_is_above_below_or_undecided(mean: float, urgency: Urgency | None, says: str) -> None:
    answer = target_checks(week(mean), AS_OF_MS)[0]
    assert (result(answer).urgency, result(answer).says) == (urgency, says)
    assert (answer.outcome is Outcome.PARTIAL) is (says == UNDECIDED)


def test_pressure_above_target_says_for_how_many_weeks() -> None:
    assert result(target_checks(week(150, 14), AS_OF_MS)[0]).since_ms == AS_OF_MS - 7 * DAY_MS
    assert result(target_checks(week(150, 42), AS_OF_MS)[0]).since_ms == AS_OF_MS - 21 * DAY_MS
    assert isinstance(target_checks(week(150, 11), AS_OF_MS)[0], NotAssessed)


def nights(low_nights: int, nights: int = 7, readings: int = 10) -> TimeSeries:
    minutes, values = [], []
    for night in range(nights):
        for slot in range(readings):
            minutes.append(24 * 60 * night + 12 * 60 - 10 - 30 * slot)
            values.append(85.0 if night < low_nights and slot < 3 else 95.0)
    return series(signals.SPO2, minutes, values)


@pytest.mark.parametrize(("low", "found"), [(0, False), (1, False), (2, True), (5, True)])
def test_two_nights_low_for_a_third_of_the_time_are_said(low: int, found: bool) -> None:
    answer = result(assess_nights(nights(low), UTC, AS_OF_MS))
    assert (answer.urgency is not None) is found


def test_nights_need_ten_readings_and_three_nights_but_two_low_ones_are_always_said() -> None:
    assert isinstance(assess_nights(nights(0, 2), UTC, AS_OF_MS), NotAssessed)
    assert isinstance(assess_nights(nights(2, 7, 9), UTC, AS_OF_MS), NotAssessed)
    assert isinstance(assess_nights(nights(2, 2), UTC, AS_OF_MS), Assessment)


def classified(*words: str) -> TimeSeries:
    made = series(signals.ECG_CLASSIFICATION, [60.0 * (i + 1) for i in range(len(words))], [0] * len(words))
    back = tuple(reversed(words))
    return replace(made, unit="code", labels=back, value=np.arange(len(words), dtype=float))


def test_a_device_that_says_fibrillation_is_quoted_and_nothing_else_is() -> None:
    said, burden = rhythm_checks(record(classified("sinusRhythm", "atrialFibrillation")), AS_OF_MS)
    assert result(said).urgency is Urgency.SOON and isinstance(burden, NotAssessed)
    known = rhythm_checks(record(classified("atrialFibrillation"), concept="atrial_fibrillation"), AS_OF_MS)
    assert result(known[0]).urgency is Urgency.NOTE
    other = rhythm_checks(record(classified("sinusRhythm", "inconclusiveHighHeartRate")), AS_OF_MS)
    assert result(other[0]).urgency is None


@pytest.mark.parametrize(("percent", "found"), [(2.0, False), (2.1, True), (40.0, True)])
def test_a_burden_counts_above_what_devices_print_for_less(percent: float, found: bool) -> None:
    burden = rhythm_checks(record(series(signals.AF_BURDEN, [60], [percent])), AS_OF_MS)[1]
    assert (result(burden).urgency is not None) is found


def test_a_burden_that_may_be_a_fraction_is_not_assessed() -> None:
    doubtful = replace(
        series(signals.AF_BURDEN, [60], [0.4]), flag_sets=(frozenset({"fraction_or_percent_ambiguous"}),)
    )
    found = rhythm_checks(record(doubtful), AS_OF_MS)[1]
    assert isinstance(found, NotAssessed) and found.reasons[0].code is ReasonCode.IMPLAUSIBLE


@pytest.mark.parametrize(("now", "found"), [(82.1, True), (82.0, False), (80.0, False)])
def test_more_than_two_kilograms_in_days_are_said_in_heart_failure_only(now: float, found: bool) -> None:
    weight = series(signals.BODY_WEIGHT, [60, 24 * 60 * 4], [now, 80.0], "kg")
    assert weight_checks(record(weight), AS_OF_MS) == ()
    answer = weight_checks(record(weight, concept="heart_failure"), AS_OF_MS)[0]
    assert (result(answer).urgency is not None) is found


@pytest.mark.parametrize(("now", "found"), [(76.0, True), (76.1, False), (84.0, False)])
def test_five_percent_of_weight_lost_in_a_month_is_said(now: float, found: bool) -> None:
    """80 kg three weeks ago; one weighing of the week may be wrong."""
    minutes = [24 * 60.0 * days for days in (1, 2, 3, 18, 20, 22)]
    weight = series(signals.BODY_WEIGHT, minutes, [now, 50.0, now, 80.0, 80.0, 95.0], "kg")
    said = result(loss_checks(record(weight), AS_OF_MS)[0])
    assert (said.urgency is Urgency.NOTE) is found
    assert (said.says == "down 5.0 %") is found


@pytest.mark.spec("H-24")
@pytest.mark.parametrize(
    ("days", "values", "code"),
    [
        ((1, 2, 20), (70.0, 70.0, 80.0), ReasonCode.SPARSE),
        ((1, 20, 22), (70.0, 80.0, 80.0), ReasonCode.SPARSE),
        ((1, 2, 20, 22), (36.0, 36.0, 80.0, 80.0), ReasonCode.IMPLAUSIBLE),
        ((1, 2, 20, 22), (176.0, 176.0, 80.0, 80.0), ReasonCode.IMPLAUSIBLE),
    ],
)
def test_H24_a_loss_is_not_told_from_few_weighings_or_from_another_unit(
    days: tuple[int, ...], values: tuple[float, ...], code: ReasonCode
) -> None:
    weight = series(signals.BODY_WEIGHT, [24 * 60.0 * d for d in days], list(values), "kg")
    (answer,) = loss_checks(record(weight), AS_OF_MS)
    assert isinstance(answer, NotAssessed) and answer.reasons[0].code is code


def test_without_a_weighing_of_the_month_a_loss_is_not_asked_for() -> None:
    old = series(signals.BODY_WEIGHT, [24 * 60.0 * 29], [80.0], "kg")
    assert loss_checks(record(old), AS_OF_MS) == loss_checks(record(), AS_OF_MS) == ()


def hourly(rate: dict[int, float], days: int = 20) -> TimeSeries:
    """60 at night, 80 by day, every hour; `rate` replaces the hours so many hours ago."""
    hours_ago = np.arange(days * 24)
    of_day = (12 - hours_ago) % 24
    value = np.where(of_day < 7, 60.0, 80.0)
    value[list(rate)] = list(rate.values())
    return series(signals.HEART_RATE, (hours_ago * 60.0).tolist(), value.tolist())


@pytest.mark.parametrize(
    ("hours_ago", "found"),
    [
        ((8, 9), True),
        ((8,), False),
        ((20, 21), False),
        ((18, 19, 20, 21), True),
        ((100, 101, 102, 103), False),
    ],
)
def test_two_hours_at_night_or_four_at_any_time_of_a_fast_heart_are_said(
    hours_ago: tuple[int, ...], found: bool
) -> None:
    answer = result(assess_rest(hourly(dict.fromkeys(hours_ago, 120.0)), UTC, AS_OF_MS))
    assert (answer.urgency is not None) is found


def test_hours_need_a_baseline_of_a_week() -> None:
    assert isinstance(assess_rest(hourly({}, 8), UTC, AS_OF_MS), NotAssessed)
    assert isinstance(assess_rest(None, UTC, AS_OF_MS), NotAssessed)


def every_day(first_days_ago: int, last_days_ago: int) -> TimeSeries:
    days = range(last_days_ago, first_days_ago)
    return series(signals.SPO2, [24 * 60 * d + 60.0 for d in days], [96.0] * len(days))


def test_a_daily_signal_that_stops_is_said_with_its_last_day_and_a_rare_one_is_not() -> None:
    silent = result(assess_dropout(record(every_day(20, 3)), UTC, AS_OF_MS))
    assert silent.urgency is not None and silent.since_ms == AS_OF_MS - 3 * DAY_MS - 60 * MINUTE_MS
    assert result(assess_dropout(record(every_day(20, 1)), UTC, AS_OF_MS)).urgency is None
    gaps = every_day(20, 3)
    with_gaps = record(gaps.take(np.arange(len(gaps)) % 6 != 5))
    assert result(assess_dropout(with_gaps, UTC, AS_OF_MS)).urgency is not None
    rare = record(every_day(8, 3))
    assert isinstance(assess_dropout(rare, UTC, AS_OF_MS), NotAssessed)
