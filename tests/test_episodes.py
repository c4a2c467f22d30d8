"""Episodes: the counted cases of the rule, and what must never make or unmake one."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.episodes import Level, Side, find_episodes
from models.features.sampling import MINUTE_MS
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

START_MS = 1_709_251_200_000


def day(*ranges: tuple[int, int, float]) -> TimeSeries:
    """One day of 5-minute readings at 120 mg/dL, but for the given [start, end) -> value."""
    value = np.full(288, 120.0)
    for start, end, mgdl in ranges:
        value[start:end] = mgdl
    return series_of(GLUCOSE_CGM, "mg/dL", START_MS + 5 * MINUTE_MS * np.arange(288), value)


def count(glucose: TimeSeries, side: Side, level: Level = 1) -> int:
    return len(find_episodes(glucose, side, level))


# name -> readings that are not 120, expected hypo, hypo level 2, hyper, hyper level 2, minutes of the first.
# Counts as iglu_python 0.4.3 gives them for these days.
CASES = {
    "one_reading_65": ([(100, 101, 65)], (0, 0, 0, 0), None),
    "two_readings_65": ([(100, 102, 65)], (0, 0, 0, 0), None),
    "three_readings_65": ([(100, 103, 65)], (1, 0, 0, 0), 15),
    "four_readings_65": ([(100, 104, 65)], (1, 0, 0, 0), 20),
    "two_dips_gap_2_readings": ([(100, 104, 65), (106, 110, 65)], (1, 0, 0, 0), 50),
    "two_dips_gap_3_readings": ([(100, 104, 65), (107, 111, 65)], (2, 0, 0, 0), 20),
    "two_dips_too_short_to_start": ([(100, 102, 65), (104, 106, 65)], (0, 0, 0, 0), None),
    "a_short_dip_after_an_episode_joins_it": ([(100, 103, 65), (105, 107, 65)], (1, 0, 0, 0), 35),
    "dip_25_readings_65": ([(100, 125, 65)], (1, 0, 0, 0), 125),
    "level2_3_readings_50_inside_6_readings_65": ([(100, 106, 65), (102, 105, 50)], (1, 1, 0, 0), 30),
    "level2_2_readings_50_inside_6_readings_65": ([(100, 106, 65), (102, 104, 50)], (1, 0, 0, 0), 30),
    "hyper_3_readings_200": ([(100, 103, 200)], (0, 0, 1, 0), 15),
    "hyper_l2_3_readings_260_inside_6_readings_200": ([(100, 106, 200), (102, 105, 260)], (0, 0, 1, 1), 30),
    "low_at_midnight_start": ([(0, 6, 65)], (1, 0, 0, 0), 30),
    "low_at_end_of_data": ([(282, 288, 65)], (1, 0, 0, 0), 30),
    "exactly_70_for_1h": ([(100, 112, 70)], (0, 0, 0, 0), None),
    "exactly_69_for_1h": ([(100, 112, 69)], (1, 0, 0, 0), 60),
    "exactly_180_for_1h": ([(100, 112, 180)], (0, 0, 0, 0), None),
    "exactly_181_for_1h": ([(100, 112, 181)], (0, 0, 1, 0), 60),
}


@pytest.mark.parametrize("name", CASES)
def test_a_day_has_the_expected_episodes(name: str) -> None:
    ranges, expected, minutes = CASES[name]
    glucose = day(*ranges)
    assert (
        count(glucose, "low"), count(glucose, "low", 2), count(glucose, "high"), count(glucose, "high", 2)
    ) == expected  # fmt: skip
    found = find_episodes(glucose, "low") + find_episodes(glucose, "high")
    assert [episode.minutes for episode in found][:1] == ([] if minutes is None else [minutes])


def test_every_case_of_the_shared_list_is_covered(shared: Path) -> None:
    listed = json.loads((shared / "data" / "cgm" / "episode_cases.json").read_text())["cases"]
    assert set(listed) <= set(CASES)


def test_two_hours_below_the_limit_is_prolonged_and_less_is_not() -> None:
    (short,) = find_episodes(day((100, 123, 65)), "low")
    (long,) = find_episodes(day((100, 124, 65)), "low")
    assert (short.prolonged, long.prolonged) == (False, True)


def test_an_episode_names_its_lowest_reading_and_its_ends() -> None:
    (episode,) = find_episodes(day((100, 104, 65), (102, 103, 48)), "low")
    assert episode.extreme_mgdl == 48
    assert episode.start_ms == START_MS + 500 * MINUTE_MS
    assert episode.end_ms == START_MS + 520 * MINUTE_MS


@pytest.mark.spec("Q46")
def test_no_low_is_made_up_in_a_gap_after_one_low_reading() -> None:
    low_then_gap = day((100, 101, 50)).take(np.r_[0:101, 109:288])
    assert count(low_then_gap, "low") == 0


def test_a_gap_up_to_45_minutes_between_two_lows_belongs_to_the_episode_and_a_longer_one_ends_it() -> None:
    dip = day((100, 115, 65))
    assert count(dip.take(np.r_[0:103, 111:288]), "low") == 1
    longer = day((100, 120, 65)).take(np.r_[0:103, 112:288])
    assert count(longer, "low") == 2


@pytest.mark.parametrize(
    ("minutes", "lows", "expected"), [(1, 14, 0), (1, 15, 1), (5, 2, 0), (5, 3, 1), (15, 1, 1)]
)
def test_the_rule_is_in_minutes_for_sensors_of_any_interval(minutes: int, lows: int, expected: int) -> None:
    value = np.full(100, 120.0)
    value[40 : 40 + lows] = 60
    glucose = series_of(GLUCOSE_CGM, "mg/dL", START_MS + minutes * MINUTE_MS * np.arange(100), value)
    assert count(glucose, "low") == expected


def test_aligned_reference_series_have_the_reference_counts(shared: Path) -> None:
    """Readings on the reference's own grid; off it the reference counts interpolated values, not readings."""
    folder = shared / "data" / "cgm"
    for person in ("adult_001", "adult_007", "adolescent_003"):
        with gzip.open(folder / f"simglucose_{person}_14d.csv.gz", "rt") as lines:
            value = np.array([float(line.split(",")[2]) for line in lines.readlines()[1:]])
        glucose = series_of(GLUCOSE_CGM, "mg/dL", START_MS + 5 * MINUTE_MS * np.arange(value.size), value)
        expected = json.loads((folder / "expected_simglucose_iglu_python_0.4.3.json").read_text())[person]
        for row in expected["r_compatible"]["episodes"]:
            if row["level"] in ("lv1", "lv2"):
                side: Side = "low" if row["type"] == "hypo" else "high"
                level: Level = 1 if row["level"] == "lv1" else 2
                found = find_episodes(glucose, side, level, as_displayed=False)
                assert len(found) == row["total_episodes"], (person, row)


@given(st.lists(st.sampled_from([50.0, 65.0, 100.0, 200.0]), min_size=1, max_size=60))
def test_episodes_follow_the_rule_read_reading_by_reading(values: list[float]) -> None:
    """The rule once more, naively: three lows in a row start, three inside in a row end."""
    expected, lows, inside, running = 0, 0, 0, False
    for value in values:
        lows, inside = (lows + 1, 0) if value < 70 else (0, inside + 1)
        if not running and lows == 3:
            running, expected = True, expected + 1
        running = running and inside < 3
    at_ms = START_MS + 5 * MINUTE_MS * np.arange(len(values))
    glucose = series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.array(values))
    assert count(glucose, "low") == (expected if len(values) > 1 else 0)


@given(st.lists(st.integers(-30, 30), min_size=288, max_size=288))
def test_half_a_minute_of_jitter_in_the_timestamps_changes_no_count(jitter_s: list[int]) -> None:
    dips = day((50, 53, 65), (100, 103, 65), (105, 107, 65), (200, 202, 65))
    moved = series_of(GLUCOSE_CGM, "mg/dL", dips.at_ms + 1000 * np.array(jitter_s), dips.value)
    assert count(moved, "low") == count(dips, "low") == 2
