"""The GlucoBench protocol as its authors run it: same splits, nothing learned from what is asked."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.glucobench import (
    DATASETS,
    Dataset,
    UnreadableBenchmark,
    Windows,
    asked_windows,
    read_segments,
    split,
    training_windows,
)
from models.training.glucobench_evaluation import evaluate_glucobench
from models.training.glucobench_models import MODELS, Training, linear, persistence, robust_linear

HALL = DATASETS["hall"]
SHORT = Dataset(30, 40, 24, 36, 12)


@pytest.fixture(scope="module")
def hall(shared):
    return read_segments(shared / "data" / "cgm" / "hall2018_57subjects.csv.gz", HALL)


@pytest.mark.parametrize(
    ("seed", "sizes"),
    [
        (0, (62461, 12357, 16517, 10113)),
        (10, (63445, 12166, 16009, 9684)),
        (15, (62763, 11344, 16397, 10512)),
        (19, (63058, 12013, 16332, 9901)),
    ],
)
def test_the_hall_set_is_split_into_the_sizes_of_the_authors_logs(hall, seed, sizes):
    parts = split(hall, HALL, seed)
    found = (parts.train, parts.validation, parts.known, parts.unknown)
    assert tuple(sum(piece.size for piece in part) for part in found) == sizes
    assert sum(len(pieces) for pieces in hall.values()) == 152


def walk(seed, points=90):
    return 120 + np.cumsum(np.random.default_rng(seed).normal(0, 2, points))


def table(tmp_path, people, name="set.csv.gz"):
    lines = ["age,id,gl,time"]
    for person, glucose in people.items():
        at = np.datetime64("2020-01-01T00:00:00") + np.arange(len(glucose)) * np.timedelta64(300, "s")
        lines += [
            f"40,{person},{value},{str(t).replace('T', ' ')}" for t, value in zip(at, glucose, strict=True)
        ]
    path = tmp_path / name
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


@given(st.integers(0, 1000), st.lists(st.integers(40, 200), min_size=1, max_size=4))
def test_what_is_asked_is_never_a_target_learned_from(seed, lengths):
    numbered = iter(range(10_000))
    people = {
        str(person): [np.array([next(numbered) for _ in range(n)], float) for n in lengths]
        for person in range(4)
    }
    parts = split(people, SHORT, seed)
    learned = training_windows(parts.train, SHORT, 10_000, seed).followed
    for asked in (parts.known, parts.unknown):
        assert not np.intersect1d(learned, asked_windows(asked, SHORT).followed).size
    unknown = np.concatenate([*parts.unknown, [-1.0]])
    assert not np.intersect1d(np.concatenate([*parts.train, [-2.0]]), unknown).size


def test_short_gaps_are_filled_between_and_long_ones_cut(tmp_path):
    glucose = [*walk(1, 100)]
    path = table(tmp_path, {"a": glucose})
    rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    del rows[51:54]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    (segment,) = read_segments(path, SHORT)["a"]
    assert segment.size == 100
    assert segment[50:53] == pytest.approx(np.interp([50, 51, 52], [49, 53], [glucose[49], glucose[53]]))
    with_gap = rows[:45] + rows[55:]
    path.write_bytes(gzip.compress("\n".join(with_gap).encode()))
    assert [piece.size for piece in read_segments(path, SHORT)["a"]] == [44, 43]


def test_readings_without_a_value_and_a_second_one_in_a_minute_are_left_out(tmp_path):
    path = table(tmp_path, {"a": walk(2)})
    rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    rows += ["40,a,999,2020-01-01 00:00:10", "40,a,NA,2020-01-09 00:00:00", "40,a,,2020-01-09 00:05:00"]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    (segment,) = read_segments(path, SHORT)["a"]
    assert segment == pytest.approx(walk(2))


def test_people_named_by_numbers_come_in_the_order_of_their_size(tmp_path):
    path = table(tmp_path, {"10": walk(1), "9": walk(2), "2": walk(3)})
    assert list(read_segments(path, SHORT)) == ["2", "9", "10"]
    assert list(read_segments(path, replace(SHORT, people_left_out=frozenset({"9"})))) == ["2", "10"]


@pytest.mark.parametrize(
    ("content", "told"),
    [("id,time\n1,2", "gl"), ("id,time,gl\na,then,5", "cannot be read"), ("id,time,gl\n", "nobody")],
)
def test_a_file_that_is_not_of_the_benchmark_is_refused_with_the_reason(tmp_path, content, told):
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(UnreadableBenchmark, match=told):
        read_segments(path, SHORT)


def trained(seed=3, points=900):
    windows = training_windows([walk(seed, points)], HALL, 10_000, seed)
    return Training(windows, HALL, seed)


def test_persistence_repeats_the_newest_value():
    seen = np.arange(5 * 144, dtype=float).reshape(5, 144)
    assert (persistence(trained())(seen) == seen[:, -1:]).all()


@pytest.mark.parametrize("fit", [linear, robust_linear])
def test_a_straight_rise_is_continued_by_linear_models_that_learned_from_rises(fit):
    rises = [
        np.linspace(start, start + slope * 299, 300) for start in (80, 120) for slope in (-0.1, 0.05, 0.2)
    ]
    windows = training_windows(rises, HALL, 10_000, 0)
    asked = asked_windows([np.linspace(90, 90 + 0.1 * 299, 300)], HALL)
    assert fit(Training(windows, HALL, 0))(asked.seen) == pytest.approx(asked.followed, abs=0.5)


def test_windows_end_where_the_hour_they_are_asked_about_begins():
    (segment,) = [np.arange(200.0)]
    windows = asked_windows([segment], HALL)
    assert windows.seen[0, -1] == 143
    assert windows.followed[0].tolist() == list(range(144, 156))
    assert np.diff(windows.seen[:, -1]).tolist() == [6] * (len(windows.seen) - 1)
    assert isinstance(asked_windows([segment[:100]], HALL), Windows)
    assert len(asked_windows([segment[:100]], HALL).seen) == 0


def test_every_model_is_stated_with_errors_on_people_learned_from_and_not(tmp_path):
    pytest.importorskip("lightgbm")
    pytest.importorskip("torch")
    path = table(tmp_path, {f"p{number}": walk(number, 1200) for number in range(6)})
    said = []
    found = evaluate_glucobench(path, "hall", 2, said.append)
    assert found["dataset"] == "hall"
    assert found["seeds"] == len(said) == 2
    assert set(found["models"]) == {*MODELS, "ensemble"}
    for sides in found["models"].values():
        assert set(sides) == {"id", "ood"}
        assert all(0 < number < 60 for errors in sides.values() for number in errors.values())
    for model, sides in found["median_rmse_by_seed"].items():
        for side, each in sides.items():
            pooled = found["models"][model][side]["median_rmse"]
            assert pooled == pytest.approx(np.sqrt(np.mean(np.square(each))), abs=2e-3)
    assert found == evaluate_glucobench(path, "hall", 2, said.append)
