"""Change against the own baseline: what passes, since when, and what is refused for want of data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import signals
from models.assessment import Assessment, NotAssessed, Outcome, ReasonCode
from models.features.activity import ActivityInputs
from models.features.local_time import zone_of
from models.features.sampling import DAY_MS, MINUTE_MS
from models.risk.change_point import FALSE_ALARMS, LIMIT_DAYS, LIMIT_SD, change_point, spread_of
from models.risk.vital_change import assess_change, assess_steps, window_at
from models.risk.vital_comparison import Answer, Comparison
from models.risk.watched_signals import WATCHED, Watched
from models.time_series import TimeSeries, series_of
from models.training.change_limits import final_heights, steady_days

AS_OF_MS = 1_709_294_400_000  # 2024-03-01T12:00Z
HOUR_MS = 60 * MINUTE_MS
BY_SIGNAL = {watched.signal: watched for watched in WATCHED}
RESTING = BY_SIGNAL[signals.HEART_RATE_RESTING]
STEADY = [58 + x for x in (0, 1, -1, 2, -2, 1, 0, -1, 1, 0, 2, -1, 0, 1, -2, 0, 1, -1, 0, 2, -1)]


def daily(signal: str, values: list[float], hours_ago: float = 4.0) -> TimeSeries:
    """A value a day, the last one some hours ago."""
    back_ms = (np.arange(len(values))[::-1] * DAY_MS + hours_ago * HOUR_MS).astype(np.int64)
    return series_of(signal, "1", AS_OF_MS - back_ms, np.array(values, float))


def answer(series: TimeSeries, watched: Watched = RESTING) -> Answer:
    clock = zone_of("UTC")
    assert not hasattr(clock, "code")
    return assess_change(watched, series, window_at(AS_OF_MS, clock))


def comparison(found: Answer) -> Comparison:
    assert isinstance(found, Assessment)
    return found.result


def test_a_rise_is_said_with_its_first_day_the_baseline_and_the_number_of_days() -> None:
    found = comparison(answer(daily(signals.HEART_RATE_RESTING, [*STEADY, 58, 59, 57, 58, 67, 68, 66])))
    assert found.says == "up" and found.urgency is not None and not found.since_or_before
    assert found.since_ms == AS_OF_MS - 12 * HOUR_MS - 2 * DAY_MS  # midnight before the third last day
    assert found.now.value == 67 and found.now.number == 3
    assert found.usual is not None and found.usual.value == 58 and found.usual.number == 21


def test_a_fall_of_resting_heart_rate_counts_too_but_not_as_illness() -> None:
    found = comparison(answer(daily(signals.HEART_RATE_RESTING, [*STEADY, *[50] * 7])))
    assert found.says == "down" and found.since_or_before and found.group == ""


@pytest.mark.spec("H-12")
@given(st.floats(20, 250))
def test_H12_one_odd_day_never_makes_a_finding(odd: float) -> None:
    found = answer(daily(signals.HEART_RATE_RESTING, [*STEADY, 58, 59, 57, 58, 57, 58, odd]))
    assert comparison(found).urgency is None


def test_a_change_that_is_over_is_not_said() -> None:
    values = [*STEADY, 58, 68, 69, 68, 67, 58, 59]
    assert comparison(answer(daily(signals.HEART_RATE_RESTING, values))).urgency is None


def test_a_change_below_the_least_one_is_not_said_however_sure() -> None:
    found = comparison(answer(daily(signals.HEART_RATE_RESTING, [58.0] * 21 + [61.5] * 7)))
    assert found.urgency is None


@pytest.mark.parametrize(
    ("baseline", "recent", "code"),
    [(6, 7, ReasonCode.SPARSE), (7, 2, ReasonCode.SPARSE), (21, 0, ReasonCode.STALE), (7, 3, None)],
)
def test_too_few_or_too_old_days_are_refused_with_the_reason(
    baseline: int, recent: int, code: ReasonCode | None
) -> None:
    days = [*range(7, 7 + baseline), *range(recent)]
    at_ms = AS_OF_MS - np.array(days, np.int64) * DAY_MS
    found = answer(series_of(signals.HEART_RATE_RESTING, "/min", at_ms, np.full(len(days), 58.0)))
    assert (found.reasons[0].code if isinstance(found, NotAssessed) else None) == code


def test_days_without_a_value_make_an_unchanged_signal_partial() -> None:
    whole = daily(signals.HEART_RATE_RESTING, [*STEADY, *STEADY[:7]])
    assert answer(whole).outcome is Outcome.ASSESSED_NEGATIVE
    assert answer(whole.take(np.arange(len(whole)) != 24)).outcome is Outcome.PARTIAL


def test_two_devices_are_not_one_baseline() -> None:
    series = daily(signals.HEART_RATE_RESTING, [*STEADY, *[70] * 7])
    changed = replace(series, source=np.r_[np.zeros(21), np.ones(7)].astype(np.int16), sources=("a", "b"))
    found = answer(changed)
    assert isinstance(found, NotAssessed) and found.reasons[0].code is ReasonCode.STALE


def test_the_hour_of_measurement_is_no_change() -> None:
    """Measured in the mornings for three weeks and in the evenings for one: the evenings are higher."""
    watched = BY_SIGNAL[signals.HEART_RATE]
    hours = np.arange(0, 28 * 24)
    clock_hour = (12 - hours) % 24
    value = np.where(clock_hour < 12, 60.0, 80.0) + hours % 3
    morning_then_evening = np.where(hours < 7 * 24, clock_hour >= 12, (clock_hour < 12) | (hours % 48 < 24))
    keep = np.flatnonzero(morning_then_evening)
    series = series_of(signals.HEART_RATE, "/min", AS_OF_MS - hours[keep] * HOUR_MS, value[keep])
    found = comparison(answer(series, watched))
    assert found.urgency is None and found.usual_is == "own baseline by hour"


def test_skin_temperature_does_not_enter_the_baseline() -> None:
    skin = daily(signals.BODY_TEMPERATURE, [33.0] * 28)
    found = answer(skin, BY_SIGNAL[signals.BODY_TEMPERATURE])
    assert isinstance(found, NotAssessed) and found.reasons[0].code is ReasonCode.MISSING


def worn(days: int, but: set[int] | None = None) -> TimeSeries:
    hours = [24 * d + h for d in range(days) for h in range(12) if d not in (but or set())]
    at_ms = AS_OF_MS - np.array(hours, np.int64) * HOUR_MS
    return series_of(signals.HEART_RATE, "/min", at_ms, np.full(len(hours), 70.0))


def step_answer(counts: list[float], wear: TimeSeries | None) -> Answer:
    clock = zone_of("UTC")
    inputs = ActivityInputs(daily_steps=daily(signals.STEPS_PER_DAY, counts, 12.0), heart_rate=wear)
    return assess_steps(BY_SIGNAL[signals.STEPS_PER_DAY], inputs, window_at(AS_OF_MS, clock))


def test_steps_that_collapse_on_worn_days_are_said() -> None:
    found = comparison(step_answer([8000.0] * 24 + [1500.0] * 4, worn(28)))
    assert found.says == "down" and found.now.value == 1500 and round(found.usual.value) == 8000


def test_steps_of_days_on_which_nothing_was_worn_are_no_collapse() -> None:
    counts = [8000.0] * 24 + [10.0] * 4
    assert isinstance(step_answer(counts, None), NotAssessed)
    unworn = step_answer(counts, worn(28, but={0, 1, 2, 3}))
    assert isinstance(unworn, NotAssessed) or unworn.result.urgency is None


@pytest.mark.parametrize("position", range(len(LIMIT_DAYS)))
def test_steady_people_pass_the_limit_as_often_as_stated(position: int) -> None:
    values = steady_days(np.random.default_rng(20 + position), 40_000)
    passed = float((final_heights(values, LIMIT_DAYS[position]) > LIMIT_SD[position]).mean())
    assert passed == pytest.approx(FALSE_ALARMS, abs=0.002)


def test_the_simulated_cusum_is_the_one_in_use() -> None:
    values = steady_days(np.random.default_rng(5), 200)
    heights = final_heights(values, 21)
    for row, height in zip(values, heights, strict=True):
        assert change_point(row[21:], spread_of(row[:21], 1.0), 1).height_sd == pytest.approx(height)
