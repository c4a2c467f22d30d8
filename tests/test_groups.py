"""Named phenotypes by their cut-offs, and clusters that are shown only where they are stable."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.assessment import Reason
from models.features.glycemic import glycemic_metrics
from models.features.hourly import hourly_glucose
from models.features.phenotypes import Phenotype, phenotype_of
from models.features.sampling import DAY_MS, MINUTE_MS
from models.signals import GLUCOSE_CGM
from models.time_series import series_of
from models.training.cgm_people import Person

END_MS = 1_709_251_200_000  # 2024-03-01T00:00Z
Shape = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


def window(shape: Shape, days: int = 14) -> Phenotype | Reason:
    """The phenotype of two weeks in which each day has this shape over the hour."""
    minutes = np.arange(1, days * 288 + 1) * 5
    at_ms = END_MS - days * DAY_MS + minutes * MINUTE_MS
    glucose = series_of(GLUCOSE_CGM, "mg/dL", at_ms, shape(minutes / 60 % 24))
    metrics = glycemic_metrics(glucose, END_MS)
    return phenotype_of(metrics, hourly_glucose(glucose, ZoneInfo("UTC")))


def level(mgdl: float, **changes: float) -> Shape:
    """This glucose, and another one from an hour on: `level(120, h8=200, h12=120)`."""

    def shape(hour: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        value = np.full(hour.size, mgdl) + hour % 3
        for start, other in changes.items():
            value = np.where(hour >= int(start[1:]), other + hour % 3, value)
        return value

    return shape


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (level(120), Phenotype.IN_TARGET),
        (level(120, h3=60, h4=120), Phenotype.LOWS_DOMINANT),
        (level(250, h12=60, h13=250), Phenotype.LOWS_DOMINANT),
        (level(230), Phenotype.HIGH_ALL_DAY),
        (level(220, h3=120), Phenotype.OVERNIGHT_HIGHS),
        (level(120, h12=220, h19=120), Phenotype.POST_MEAL_HIGHS),
        (level(75, h8=179, h10=75, h12=250, h14=75, h18=179, h20=75), Phenotype.VARIABLE),
    ],
)
def test_the_first_cut_off_that_holds_names_the_window(shape: Shape, expected: Phenotype) -> None:
    assert window(shape) is expected


def test_too_little_data_has_no_phenotype() -> None:
    assert isinstance(window(level(120), days=5), Reason)


def person(name: str, mean_mgdl: float, seed: int, days: int = 29) -> Person:
    """A noisy person around a mean, from the first slot on."""
    rng = np.random.default_rng(seed)
    noise = 0.4 * mean_mgdl / 2 * np.sin(np.arange(days * 288) / 40) + rng.normal(0, 5, days * 288)
    return Person(name, 0, np.maximum(45.0, mean_mgdl + noise))


def test_clusters_of_two_kinds_of_people_are_stable_and_shown() -> None:
    groups = pytest.importorskip("models.training.groups", reason="needs the extra `train`")
    people = [person(f"p{i}", 120 if i % 2 else 230, i) for i in range(12)]
    found = groups.evaluate_groups(people, seed=1, draws=20)
    assert (found["people"], found["windows"]) == (12, 24)
    assert found["models"]["k-means 2"]["shown"] and found["models"]["k-means 2"]["ari"] == 1
    assert found["models"]["k-means 2"]["why_not"] is None
    assert found["map"]["clusters"] == 2 and len(found["map"]["profile"]) == 2
    assert found["same_phenotype_next_window"] == 1
    assert found == groups.evaluate_groups(people, seed=1, draws=20)


def test_clusters_of_one_kind_of_people_are_not_shown() -> None:
    groups = pytest.importorskip("models.training.groups", reason="needs the extra `train`")
    people = [person(f"p{i}", 150, i) for i in range(12)]
    windows = groups.windows_of(people)
    found = groups.cluster(groups.standardised(windows.feature), windows.person, 4, seed=1, draws=20)
    assert not found.shown


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("people", [1, 2, 9])
def test_groups_of_fewer_than_ten_people_are_never_shown_and_the_reason_is_told(people: int) -> None:
    groups = pytest.importorskip("models.training.groups", reason="needs the extra `train`")
    few = [person(f"p{i}", 120 if i % 2 else 230, i, days=57) for i in range(people)]
    found = groups.evaluate_groups(few, seed=1, draws=5)
    assert (found["people"], found["windows"], found["map"]) == (people, 4 * people, None)
    for told in found["models"].values():
        assert (told["shown"], told["why_not"]) == (False, "fewer than 10 people")
        assert told["ari"] is told["silhouette"] is None


@pytest.mark.filterwarnings("error")
def test_people_who_are_all_alike_are_no_groups_and_nothing_is_warned() -> None:
    groups = pytest.importorskip("models.training.groups", reason="needs the extra `train`")
    found = groups.evaluate_groups([person("p", 150, 1)] * 12, seed=1, draws=5)
    assert found["windows"] == 24 and not any(told["shown"] for told in found["models"].values())
    assert found["models"]["k-means 2"]["why_not"] == "no more windows that differ than groups"


def test_windows_without_enough_readings_are_left_out() -> None:
    groups = pytest.importorskip("models.training.groups", reason="needs the extra `train`")
    sparse = person("p", 120, 1)
    sparse.measured[: 14 * 288 // 2] = np.nan
    assert len(groups.windows_of([sparse]).phenotype) == 1
