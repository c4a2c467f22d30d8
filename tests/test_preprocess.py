"""Cleaning: what each step removes and counts, and that what must not look ahead does not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.preprocess import artefacts
from models.preprocess.cleaned import without
from models.preprocess.grid import hold, resample
from models.preprocess.smoothing import centred_median, trailing_median
from models.preprocess.streams import one_stream_per_slot
from models.preprocess.usable_cgm import usable_cgm
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

START_MS = 1_709_251_200_000
STEP_MS = 300_000


def cgm(values: list[float], start_ms: int = START_MS, step_ms: int = STEP_MS) -> TimeSeries:
    return series_of(
        GLUCOSE_CGM, "mg/dL", start_ms + step_ms * np.arange(len(values)), np.array(values, float)
    )


def streams(*each: TimeSeries) -> TimeSeries:
    """Several streams in one series, each under its own source."""
    at_ms, value = np.concatenate([s.at_ms for s in each]), np.concatenate([s.value for s in each])
    source = np.repeat(np.arange(len(each)), [len(s) for s in each]).astype(np.int16)
    order = np.argsort(at_ms, kind="stable")
    return replace(
        series_of("glucose_cgm", "mg/dL", at_ms, value),
        source=source[order],
        sources=tuple("abc"[: len(each)]),
    )


@pytest.mark.spec("H-10", "Q41")
def test_H10_of_two_overlapping_sensors_the_fuller_stream_stands_in_each_slot() -> None:
    cleaned = one_stream_per_slot(streams(cgm([100] * 20), cgm([105] * 10, START_MS + 5 * STEP_MS + 60_000)))
    assert cleaned.removed == {"second_stream": 10}
    assert set(cleaned.series.value) == {100}


@pytest.mark.spec("H-10")
def test_H10_a_slot_in_which_sensors_contradict_each_other_goes_with_both_readings() -> None:
    cleaned = one_stream_per_slot(streams(cgm([100] * 4), cgm([100, 121, 119], step_ms=STEP_MS)))
    assert cleaned.removed == {"conflicting_streams": 2, "second_stream": 2}
    assert len(cleaned.series) == 3


@pytest.mark.spec("Q40")
def test_a_copy_from_a_second_app_ten_seconds_later_counts_once() -> None:
    phone = cgm([100, 110, 120])
    watch = cgm([100, 110, 120], START_MS + 10_000)
    cleaned = usable_cgm(streams(phone, watch))
    assert (len(cleaned.series), cleaned.removed) == (3, {"second_stream": 3})


def test_when_one_sensor_follows_another_nothing_is_removed() -> None:
    cleaned = usable_cgm(streams(cgm([100] * 5), cgm([150] * 5, START_MS + 5 * STEP_MS)))
    assert (len(cleaned.series), cleaned.removed) == (10, {})


@pytest.mark.spec("H-12")
def test_H12_a_line_flat_for_45_minutes_is_marked_and_a_shorter_one_and_a_drift_are_not() -> None:
    assert artefacts.flat_line(cgm([90, *[120, 121] * 5, 150])).tolist() == [False, *[True] * 10, False]
    assert not artefacts.flat_line(cgm([90, *[120, 121] * 4, 120, 150])).any()
    assert not artefacts.flat_line(cgm([float(v) for v in range(100, 140)])).any()


def test_a_single_jump_is_a_spike_and_a_step_and_a_peak_are_not() -> None:
    assert artefacts.spikes(cgm([100, 102, 160, 104, 100])).tolist() == [False, False, True, False, False]
    assert not artefacts.spikes(cgm([100, 100, 160, 160, 160])).any()
    assert not artefacts.spikes(cgm([100, 120, 140, 120, 100])).any()


def test_a_fast_fall_and_return_is_compression_only_while_asleep() -> None:
    night = cgm([110, 108, 60, 58, 57, 59, 105, 108])
    asleep = np.ones(len(night), bool)
    assert artefacts.compression(night, asleep)[2:6].all()
    assert not artefacts.compression(night, ~asleep).any()
    slow = cgm([110, 104, 98, 92, 86, 80, 74, 68, 62, 58, 60, 66, 72, 78, 84])
    assert not artefacts.compression(slow, np.ones(len(slow), bool)).any()


def test_the_first_day_follows_the_newest_sensor_start() -> None:
    glucose = cgm([100.0] * 49, step_ms=3_600_000)
    marked = artefacts.first_day(glucose, np.array([START_MS + 10 * 3_600_000]))
    assert np.flatnonzero(marked).tolist() == list(range(10, 34))


def test_what_a_mask_takes_out_is_counted_by_its_reason() -> None:
    glucose = cgm([100, 102, 160, 104, 100])
    cleaned = without(glucose, artefacts.spikes(glucose), "spike")
    assert (len(cleaned.series), cleaned.removed) == (4, {"spike": 1})
    assert without(glucose, np.zeros(5, bool), "spike").removed == {}


def test_resampling_bridges_45_minutes_and_leaves_longer_gaps_empty() -> None:
    bridged = resample(cgm([60, 120], step_ms=45 * 60_000), START_MS, START_MS + 45 * 60_000)
    assert bridged.value.tolist() == pytest.approx(np.linspace(60, 120, 10).tolist())
    assert bridged.bridged.tolist() == [False, *[True] * 8, False]
    empty = resample(cgm([60, 120], step_ms=46 * 60_000), START_MS, START_MS + 45 * 60_000)
    assert np.isnan(empty.value[1:]).all() and not empty.bridged.any()


def test_nothing_is_known_before_the_first_and_after_the_last_reading() -> None:
    grid = resample(cgm([100, 100]), START_MS - 2 * STEP_MS, START_MS + 3 * STEP_MS)
    assert np.isnan(grid.value).tolist() == [True, True, False, False, True, True]
    assert np.isnan(resample(cgm([]), START_MS, START_MS + STEP_MS).value).all()


def test_a_held_reading_stands_for_15_minutes() -> None:
    grid = hold(cgm([100]), START_MS - STEP_MS, START_MS + 4 * STEP_MS)
    assert np.isnan(grid.value).tolist() == [True, False, False, False, False, True]
    assert grid.bridged.tolist() == [False, False, True, True, True, False]


def test_smoothing_never_fills_a_gap() -> None:
    value = np.array([100.0, np.nan, 130, 90])
    assert np.isnan(trailing_median(value)).tolist() == [False, True, False, False]
    assert centred_median(value)[2] == 110


readings = st.lists(st.integers(40, 400).map(float), min_size=6, max_size=60)


@given(readings, st.integers(1, 5), st.data())
def test_changing_the_future_changes_nothing_causal_in_the_past(
    values: list[float], cut: int, data: st.DataObject
) -> None:
    later = data.draw(st.lists(st.integers(40, 400).map(float), min_size=cut, max_size=cut))
    changed = [*values[:-cut], *later]
    now, end_ms = len(values) - cut, START_MS + STEP_MS * (len(values) + 3)
    held, held_changed = (hold(cgm(v), START_MS, end_ms).value[:now] for v in (values, changed))
    np.testing.assert_array_equal(held, held_changed)
    smoothed, smoothed_changed = (trailing_median(np.array(v), 5)[:now] for v in (values, changed))
    np.testing.assert_array_equal(smoothed, smoothed_changed)


@given(readings, st.integers(1, 9))
def test_a_bridged_value_is_never_below_the_lowest_reading(values: list[float], every: int) -> None:
    series = cgm(values, step_ms=STEP_MS * every)
    grid = resample(series, START_MS, int(series.at_ms[-1]))
    assert np.nanmin(grid.value) >= min(values) and np.nanmax(grid.value) <= max(values)


@given(readings, st.randoms(use_true_random=False))
def test_the_order_of_two_streams_changes_nothing_that_is_kept(values: list[float], random: object) -> None:
    both = streams(cgm(values), cgm(values[::-1], START_MS + 60_000))
    picks = list(range(len(both)))
    random.shuffle(picks)  # type: ignore[attr-defined]
    mixed = both.take(np.array(picks))
    mixed = mixed.take(np.argsort(mixed.at_ms, kind="stable"))
    assert usable_cgm(mixed).removed == usable_cgm(both).removed
    np.testing.assert_array_equal(usable_cgm(mixed).series.value, usable_cgm(both).series.value)
