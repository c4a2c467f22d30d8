"""Readings on slots, and windows that never look ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.risk import causal_grid as grid

columns = st.lists(st.none() | st.integers(40, 400), min_size=1, max_size=80).map(
    lambda values: np.array([np.nan if v is None else float(v) for v in values])
)


def naive(column, slots, statistic):
    answers = []
    for end in range(column.size):
        window = column[max(0, end + 1 - slots) : end + 1]
        seen = window[~np.isnan(window)]
        answers.append(statistic(seen, slots))
    return np.array(answers)


@given(columns, st.integers(1, 40))
def test_trailing_mean_equals_a_mean_written_naively(column, slots):
    expected = naive(column, slots, lambda seen, n: seen.mean() if seen.size >= max(1, 0.3 * n) else np.nan)
    np.testing.assert_allclose(
        grid.Trailing.of(column, 150.0).mean(slots, np.arange(column.size)), expected, atol=1e-9
    )


@given(columns, st.integers(1, 40))
def test_trailing_lowest_equals_a_minimum_written_naively(column, slots):
    expected = naive(column, slots, lambda seen, n: seen.min() if seen.size else np.nan)
    everywhere = np.arange(column.size)
    np.testing.assert_array_equal(grid.trailing_lowest(column, slots, everywhere), expected)
    of_few = np.pad(column, (0, slots), constant_values=np.nan)
    one_by_one = [grid.trailing_lowest(of_few, slots, np.array([[at]])) for at in everywhere]
    np.testing.assert_array_equal(np.concatenate(one_by_one)[:, 0], expected)
    assert np.isnan(grid.trailing_lowest(column, slots, np.array([-1])))


@given(columns, st.integers(1, 40))
def test_trailing_deviation_equals_a_deviation_written_naively(column, slots):
    expected = naive(column, slots, lambda seen, n: seen.std() if seen.size >= max(1, 0.3 * n) else np.nan)
    np.testing.assert_allclose(
        grid.Trailing.of(column, 150.0).sd(slots, np.arange(column.size)), expected, atol=1e-4
    )


def test_slope_of_a_line_is_its_own():
    line = 200.0 - 1.5 * 5 * np.arange(10)
    slope = grid.slope_per_min(line, 4, np.arange(10))
    assert np.isnan(slope[0])
    np.testing.assert_allclose(slope[1:], -1.5)


@pytest.mark.parametrize("every", [1, 3])
def test_slope_is_that_of_the_readings_whatever_the_sensors_interval(every):
    line = 200.0 - 1.5 * 5 * np.arange(13)
    line[np.arange(13) % every != 0] = np.nan
    np.testing.assert_allclose(grid.slope_per_min(line, 4, np.array([12])), -1.5)


def test_a_reading_is_held_for_fifteen_minutes_and_no_longer():
    glucose, age = grid.held(np.array([np.nan, 100.0, np.nan, np.nan, np.nan, np.nan, 90.0]))
    np.testing.assert_array_equal(glucose, [np.nan, 100, 100, 100, 100, np.nan, 90])
    np.testing.assert_array_equal(age, [7, 0, 1, 2, 3, 4, 0])


@pytest.mark.parametrize(
    ("offset_ms", "slot"), [(0, 4), (-149_000, 4), (-151_000, 3), (-299_000, 3), (-20 * 60_000, 0)]
)
def test_a_reading_lies_on_the_slot_nearest_to_it(offset_ms, slot):
    measured = grid.slots_of(np.array([1_000_000_000 + offset_ms]), np.array([100.0]), 1_000_000_000, 5)
    assert np.flatnonzero(~np.isnan(measured)).tolist() == [slot]


def test_readings_older_than_the_grid_are_left_out():
    measured = grid.slots_of(np.array([0, 1_000_000_000]), np.array([50.0, 100.0]), 1_000_000_000, 5)
    np.testing.assert_array_equal(measured, [np.nan] * 4 + [100.0])


def test_the_later_of_two_readings_of_a_slot_stands():
    measured = grid.slots_of(
        np.array([999_940_000, 1_000_000_000]), np.array([50.0, 100.0]), 1_000_000_000, 2
    )
    np.testing.assert_array_equal(measured, [np.nan, 100.0])
