"""The GlucoBench protocol: readings cut into segments, people and last days held out, windows to forecast.

Sits under `glucobench_evaluation`; numpy alone. After the benchmark's published code and logs (Sergazinov et
al., arXiv 2410.05780): the split sizes of its Hall set are those of the authors for every seed.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
Segments = Mapping[str, Sequence[Array]]
"""Glucose (mg/dL) every five minutes without gaps, in order of time, by person."""

FORECAST_POINTS: Final = 12
STRIDE_POINTS: Final = 6
EVERY_MIN: Final = 5
PEOPLE_HELD_OUT: Final = 0.1
FIRST_SEED: Final = 10
"""The authors average over the seeds 10 to 19."""

COLUMNS: Final = ("id", "time", "gl")
UNKNOWN: Final = frozenset({"", "NA"})


class UnreadableBenchmark(ValueError):
    """The file is not one of the benchmark's tables; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What the protocol sets for one data set; lengths in points of five minutes.

    Gaps up to `longest_gap_min` are interpolated, shorter segments than `least_points` dropped;
    `held_points` are forecast at the end of each person, from `input_points` or fewer before each.
    `linear_points` is the input length that the authors tuned for their linear model.
    """

    longest_gap_min: int
    least_points: int
    held_points: int
    input_points: int
    linear_points: int
    people_left_out: frozenset[str] = frozenset()


DATASETS: Final[Mapping[str, Dataset]] = {
    "broll": Dataset(45, 240, 240, 192, 192),
    "colas": Dataset(45, 192, 72, 144, 12),
    "dubosson": Dataset(30, 240, 144, 192, 12, frozenset({"9"})),
    "hall": Dataset(30, 192, 192, 144, 84),
    "weinstock": Dataset(45, 240, 240, 192, 84),
}


@dataclass(frozen=True, slots=True)
class Split:
    """Segments of one seed: to learn from, to choose by, and to be asked about.

    `known` (in distribution) are later days of people learned from, each after `input_points` that may be
    learned from too; `unknown` (out of distribution) are people never learned from.
    """

    train: Sequence[Array]
    validation: Sequence[Array]
    known: Sequence[Array]
    unknown: Sequence[Array]


@dataclass(frozen=True, slots=True)
class Windows:
    """What is seen, float64[m, input_points], and the hour that followed, float64[m, 12]; mg/dL."""

    seen: Array
    followed: Array


def read_segments(path: Path, dataset: Dataset) -> dict[str, list[Array]]:
    """The segments of a CSV with the columns `id,time,gl` (.gz too), people in the protocol's order."""
    rows = _rows(path)
    people = {name: _segments(*_sorted(rows[name]), dataset) for name in _in_order(rows)}
    kept = {name: found for name, found in people.items() if found and name not in dataset.people_left_out}
    if not kept:
        raise UnreadableBenchmark(f"{path.name}: nobody has {dataset.least_points} points without a long gap")
    return kept


def _rows(path: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
            reader = csv.DictReader(file)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise UnreadableBenchmark(f"{path.name} lacks the columns {', '.join(lacking)}")
            for row in reader:
                if not UNKNOWN & {row[name] or "" for name in COLUMNS}:
                    found[row["id"]].append((row["time"], row["gl"]))
    except (OSError, UnicodeDecodeError, EOFError) as fault:
        raise UnreadableBenchmark(f"{path.name} cannot be read: {fault}") from fault
    return found


def _in_order(names: Mapping[str, object]) -> list[str]:
    """Numbers by size, words by letter: the order in which the protocol draws people."""
    return sorted(names, key=(float if all(map(_is_number, names)) else str))


def _is_number(name: str) -> bool:
    return name.replace(".", "", 1).isdigit()


def _sorted(rows: Sequence[tuple[str, str]]) -> tuple[NDArray[np.int64], Array]:
    """Whole minutes, rounded half to even, and glucose; of two readings in a minute the first."""
    try:
        seconds = np.array([time for time, _ in rows], "datetime64[s]").astype(np.int64)
        glucose = np.array([float(value) for _, value in rows])
    except ValueError as fault:
        raise UnreadableBenchmark(f"a time or a glucose cannot be read: {fault}") from fault
    minute, first = np.unique(np.rint(seconds / 60).astype(np.int64), return_index=True)
    return minute, glucose[first]


def _segments(minute: NDArray[np.int64], glucose: Array, dataset: Dataset) -> list[Array]:
    """Cut at long gaps and interpolated from both sides, as the protocol does."""
    cuts = np.flatnonzero(np.diff(minute) > dataset.longest_gap_min) + 1
    pieces = zip(np.split(minute, cuts), np.split(glucose, cuts), strict=True)
    return [
        np.interp(np.arange(at[0], at[-1] + 1, EVERY_MIN), at, value)
        for at, value in pieces
        if at.size >= dataset.least_points
    ]


def split(segments: Segments, dataset: Dataset, seed: int) -> Split:
    """People and last days held out by the protocol's own draw."""
    names = list(segments)
    drawn = np.random.RandomState(seed).choice(
        np.arange(len(names)), int(np.ceil(len(names) * PEOPLE_HELD_OUT)), replace=False
    )
    unknown = {names[index] for index in drawn}
    parts = [_person_split(segments[name], dataset) for name in names if name not in unknown]
    return Split(
        train=[piece for part in parts for piece in part.train],
        validation=[piece for part in parts for piece in part.validation],
        known=[piece for part in parts for piece in part.known],
        unknown=[piece for name in names if name in unknown for piece in segments[name]],
    )


def _person_split(segments: Sequence[Array], dataset: Dataset) -> Split:
    """The last `held_points` are asked about and those before them chosen by, where a person has enough."""
    *earlier, last = segments
    held, context = dataset.held_points, dataset.input_points
    asked = last[-held - context :]
    if last.size >= context + 3 * held:
        chosen = last[-2 * held - context : -held]
        return Split([*earlier, last[: -2 * held]], [chosen], [asked], [])
    if last.size >= context + 2 * held:
        if earlier:
            return Split(earlier, [last[:-held]], [asked], [])
        return Split([last[:-held]], [], [asked], [])
    if not earlier:
        return Split([last], [], [], [])
    return _split_before_last(earlier, last, dataset)


def _split_before_last(earlier: Sequence[Array], last: Array, dataset: Dataset) -> Split:
    """A short last segment is asked about whole; the one before it is cut where it is long enough."""
    *first, before = earlier
    held, context = dataset.held_points, dataset.input_points
    if before.size >= context + 2 * held:
        return Split([*first, before[:-held]], [before[-held - context :]], [last], [])
    return Split(earlier, [], [last], [])


def asked_windows(segments: Sequence[Array], dataset: Dataset) -> Windows:
    """Every 30 minutes, each with the whole input before it."""
    return _windows(segments, dataset.input_points, STRIDE_POINTS)


def training_windows(segments: Sequence[Array], dataset: Dataset, most: int, seed: int) -> Windows:
    """Every five minutes; of more than `most` a random share."""
    windows = _windows(segments, dataset.input_points, 1)
    if len(windows.seen) <= most:
        return windows
    rows = np.sort(np.random.default_rng(seed).choice(len(windows.seen), most, replace=False))
    return Windows(windows.seen[rows], windows.followed[rows])


def _windows(segments: Sequence[Array], seen: int, stride: int) -> Windows:
    width = seen + FORECAST_POINTS
    cut = [sliding_window_view(piece, width)[::stride] for piece in segments if piece.size >= width]
    rows = np.concatenate(cut) if cut else np.empty((0, width))
    return Windows(rows[:, :seen], rows[:, seen:])
