"""Groups of two-week windows: named phenotypes, and k-means with a PCA map where it is stable.

A research view behind `evaluate_groups`. Clusters are shown only where people drawn again give the same ones;
the named phenotypes need no such proof, they are cut-offs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from models.features.glycemic import GlycemicMetrics, glycemic_metrics
from models.features.hourly import hourly_glucose
from models.features.phenotypes import Phenotype, high_share_percent, phenotype_of
from models.features.sampling import DAY_MS, MINUTE_MS
from models.preprocess.usable_cgm import usable_cgm
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of
from models.training.cgm_people import Person
from models.training.questions import NothingToAsk

Array = NDArray[np.float64]

WINDOW_DAYS: Final = 14
SLOT_MS: Final = 5 * MINUTE_MS
CLOCK: Final = ZoneInfo("UTC")
"""The people's times are local wall-clock times; UTC keeps them as they are."""

CLUSTERS: Final = (2, 3, 4, 5, 6)
DRAWS: Final = 200
STABLE_ARI: Final = 0.8
"""Median adjusted Rand index of clusterings from people drawn again, from which a map is shown: its lower
bound over the draws (95 %, by order statistics), because the best of several k is chosen."""

BOUND_SD: Final = 1.96

FEWEST_PEOPLE: Final = 10
"""Fewer people drawn again are mostly the same few, so any groups of them seem stable (our judgement)."""

NUMBERS: Final = ("silhouette", "ari", "ari_at_least", "same_group_next_window")
MAP_AXES: Final = 3
FEATURES: Final = (
    "mean_mgdl", "cv_percent", "log_below_70", "log_below_54", "above_180_night", "above_180_day",
    "time_above_250_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows in order of person and time: `person` int64[n], `feature` float64[n, 7], a phenotype each."""

    person: NDArray[np.int64]
    feature: Array
    phenotype: tuple[Phenotype, ...]


@dataclass(frozen=True, slots=True)
class Clustering:
    """k-means of one k: its labels int64[n], silhouette, how alike clusterings of drawn people are."""

    clusters: int
    label: NDArray[np.int64]
    silhouette: float
    ari: float
    ari_at_least: float

    @property
    def shown(self) -> bool:
        """Whether the groups may be shown."""
        return self.ari_at_least >= STABLE_ARI


def evaluate_groups(people: Sequence[Person], seed: int, draws: int = DRAWS) -> dict[str, Any]:
    """Shares and persistence of the phenotypes; silhouette and stability of each k; the map where stable.

    Raises NothingToAsk where nobody has a window.
    """
    windows = windows_of(people)
    if not windows.phenotype:
        raise NothingToAsk("nobody has two weeks of CGM with 70 % of the readings")
    scaled = standardised(windows.feature)
    counted = int(np.unique(windows.person).size)
    found = _clusterings(scaled, windows.person, seed, draws) if counted >= FEWEST_PEOPLE else []
    counts = Counter(windows.phenotype)
    return {
        "task": "groups",
        "people": counted,
        "windows": len(windows.phenotype),
        "phenotypes": {str(name): counts[name] for name in Phenotype},
        "same_phenotype_next_window": _same_next(windows.person, np.array(windows.phenotype)),
        "map_variance": [round(float(share), 4) for share in pca(scaled)[1]],
        "stable_from": STABLE_ARI,
        "models": _told(found, windows.person),
        "map": _map(windows, scaled, [c for c in found if c.shown]),
    }


def _clusterings(scaled: Array, person: NDArray[np.int64], seed: int, draws: int) -> list[Clustering]:
    """One of each k below the number of windows that differ."""
    with threadpool_limits(1):
        return [cluster(scaled, person, k, seed, draws) for k in CLUSTERS if k < _distinct(scaled)]


def windows_of(people: Sequence[Person]) -> Windows:
    """Every full window of 14 days of each person that has enough readings."""
    person, feature, phenotype = [], [], []
    for number, one in enumerate(people):
        for metrics, row, name in _windows(one):
            person.append(number)
            feature.append(_features(metrics, row))
            phenotype.append(name)
    return Windows(np.array(person, np.int64), np.array(feature).reshape(-1, len(FEATURES)), tuple(phenotype))


def _windows(person: Person) -> list[tuple[GlycemicMetrics, tuple[float, float], Phenotype]]:
    glucose, found = series_of_person(person), []
    first_ms, last_ms = int(glucose.at_ms[0]), int(glucose.at_ms[-1])
    for start_ms in range(first_ms - 1, last_ms - WINDOW_DAYS * DAY_MS + 1, WINDOW_DAYS * DAY_MS):
        end_ms = start_ms + WINDOW_DAYS * DAY_MS
        window = glucose.between(start_ms, end_ms)
        metrics = glycemic_metrics(window, end_ms, WINDOW_DAYS)
        table = hourly_glucose(usable_cgm(window).series, CLOCK)
        name = phenotype_of(metrics, table)
        night, day = high_share_percent(table, night=True), high_share_percent(table, night=False)
        if isinstance(name, Phenotype) and night is not None and day is not None:
            found.append((metrics, (night, day), name))
    return found


def series_of_person(person: Person) -> TimeSeries:
    """The person's readings as a series; slots count from 1970 here, which changes no time of day."""
    slot = np.flatnonzero(~np.isnan(person.measured))
    at_ms = (person.first_slot + slot).astype(np.int64) * SLOT_MS
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, person.measured[slot])


def _features(metrics: GlycemicMetrics, high: tuple[float, float]) -> tuple[float, ...]:
    """In the order of FEATURES; shares of lows on a logarithmic scale, being mostly small."""
    return (
        metrics.mean_mgdl or 0.0,
        metrics.cv_percent or 0.0,
        float(np.log1p(metrics.time_below_70_percent or 0.0)),
        float(np.log1p(metrics.time_below_54_percent or 0.0)),
        *high,
        metrics.time_above_250_percent or 0.0,
    )


def standardised(feature: Array) -> Array:
    """Columns with mean 0 and SD 1; a constant column becomes 0."""
    sd = feature.std(axis=0)
    scaled: Array = (feature - feature.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    return scaled


def cluster(scaled: Array, person: NDArray[np.int64], clusters: int, seed: int, draws: int) -> Clustering:
    """k-means on all windows, against k-means on the windows of people drawn with replacement."""
    whole = _fit(scaled, clusters, seed)
    label = whole.predict(scaled).astype(np.int64)
    rng = np.random.default_rng(seed)
    names = np.unique(person)
    rows = {int(name): np.flatnonzero(person == name) for name in names}
    agreement = []
    for draw in range(draws):
        drawn = np.concatenate([rows[int(name)] for name in rng.choice(names, names.size)])
        again = _fit(scaled[drawn], clusters, seed + draw + 1).predict(scaled)
        agreement.append(adjusted_rand_score(label, again))
    return Clustering(
        clusters,
        label,
        float(silhouette_score(scaled, label)),
        float(np.median(agreement)),
        _median_at_least(np.array(agreement)),
    )


def _median_at_least(value: Array) -> float:
    """Lower end of a 95 % interval of the median: an order statistic, by the normal approximation."""
    rank = int(value.size / 2 - BOUND_SD * np.sqrt(value.size) / 2)
    return float(np.sort(value)[max(0, rank)])


def _fit(scaled: Array, clusters: int, seed: int) -> KMeans:
    """Into fewer where fewer windows differ, which then agrees with others the less."""
    return KMeans(min(clusters, _distinct(scaled)), n_init=10, random_state=seed).fit(scaled)


def _distinct(scaled: Array) -> int:
    return len(np.unique(scaled, axis=0))


def pca(scaled: Array) -> tuple[Array, Array]:
    """Positions on the first axes, float64[n, 3], and the share of variance of each, float64[3]."""
    left, size, _ = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    share = size**2 / max((size**2).sum(), np.finfo(float).tiny)
    return left[:, :MAP_AXES] * size[:MAP_AXES], share[:MAP_AXES]


def _told(found: Sequence[Clustering], person: NDArray[np.int64]) -> dict[str, dict[str, Any]]:
    """What is known of each k, and why it is not shown where it is not."""
    few = np.unique(person).size < FEWEST_PEOPLE
    absent = f"fewer than {FEWEST_PEOPLE} people" if few else "no more windows that differ than groups"
    told: dict[str, dict[str, Any]] = {
        f"k-means {k}": dict.fromkeys(NUMBERS) | {"shown": False, "why_not": absent} for k in CLUSTERS
    }
    for one in found:
        numbers = one.silhouette, one.ari, one.ari_at_least
        told[f"k-means {one.clusters}"] = {
            **{name: round(value, 4) for name, value in zip(NUMBERS, numbers, strict=False)},
            NUMBERS[-1]: _same_next(person, one.label),
            "shown": one.shown,
            "why_not": None if one.shown else f"agreement below {STABLE_ARI}",
        }
    return told


def _map(windows: Windows, scaled: Array, shown: Sequence[Clustering]) -> dict[str, Any] | None:
    """The most stable clustering on two axes, with the mean of every feature by group; None without one."""
    if not shown:
        return None
    found = max(shown, key=lambda c: c.ari_at_least)
    profile = [windows.feature[found.label == group].mean(axis=0) for group in range(found.clusters)]
    return {
        "clusters": found.clusters,
        "position": np.round(pca(scaled)[0][:, :2], 3).tolist(),
        "group": found.label.tolist(),
        "phenotype": [str(name) for name in windows.phenotype],
        "profile": [dict(zip(FEATURES, np.round(mean, 2).tolist(), strict=True)) for mean in profile],
        "ari_with_phenotypes": round(float(adjusted_rand_score(windows.phenotype, found.label)), 4),
    }


def _same_next(person: NDArray[np.int64], group: NDArray[Any]) -> float | None:
    """Share of windows whose person's next window is in the same group; None without a next one."""
    follows = person[1:] == person[:-1]
    return round(float(np.mean(group[1:][follows] == group[:-1][follows])), 4) if follows.any() else None
