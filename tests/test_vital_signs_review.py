"""The whole review: laws over records and requests, the outcome, and what the cards say."""

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.local_answers import answer_file
from hooks.errors import DataUnobtainable
from hooks.service import Practice
from models import signals
from models.assessment import Outcome, Refused
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.risk.vital_signs import VitalSignsReview, review_vital_signs
from models.time_series import TimeSeries, series_of

GOLDEN = Path(__file__).with_name("golden")
AS_OF = "2026-05-15T12:00:00Z"
AS_OF_MS = 1_709_294_400_000  # 2024-03-01T12:00Z


def made_requests() -> ModuleType:
    spec = importlib.util.spec_from_file_location("made", GOLDEN / "make_vital_signs_requests.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = made_requests()


def cards(entries: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The cards for a prefetch, without their ids."""
    file = folder / "request.json"
    file.write_text(json.dumps(MADE.request(entries)), encoding="utf-8")
    answered = answer_file("vital-signs-review", file, AS_OF, Practice())["cards"]
    return [{name: value for name, value in card.items() if name != "uuid"} for card in answered]


def mixed(bundle: Any, seed: int, copies: int = 1) -> Any:
    if bundle.get("resourceType") != "Bundle":
        return bundle
    entries = bundle["entry"] * copies
    random.Random(seed).shuffle(entries)
    return bundle | {"entry": entries}


LAW_CASES = [
    "infection",
    "nothing-changed",
    "fibrillation-reported",
    "home-pressure-above-target",
    "nights-low",
]


@pytest.mark.parametrize("name", LAW_CASES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffling_and_duplicating_resources_change_no_finding(name: str, seed: int, tmp_path: Path) -> None:
    entries = MADE.CASES[name]
    shuffled = {key: mixed(bundle, seed) for key, bundle in entries.items()}
    assert cards(shuffled, tmp_path) == cards(entries, tmp_path)
    doubled = {key: mixed(bundle, seed, copies=2) for key, bundle in entries.items()}
    for twice, once in zip(cards(doubled, tmp_path), cards(entries, tmp_path), strict=True):
        assert without_counts(twice) == without_counts(once)


def without_counts(card: dict[str, Any]) -> dict[str, Any]:
    """The card without the line that counts copies."""
    lines = [line for line in card["detail"].splitlines() if "Left out" not in line]
    return card | {"detail": "\n".join(lines)}


def test_fahrenheit_and_celsius_give_the_same_card(tmp_path: Path) -> None:
    assert cards(MADE.CASES["fahrenheit"], tmp_path) == cards(MADE.CASES["infection"], tmp_path)


def test_pounds_and_kilograms_give_the_same_finding(tmp_path: Path) -> None:
    kg = MADE.CASES["weight-gain-heart-failure"]
    pounds = MADE.weights(81.2, 81.0, 81.3, 81.1, 82.6, 83.1, 83.8, unit="[lb_av]")
    assert cards(kg | {"vital-signs": MADE.bundle(*pounds)}, tmp_path) == cards(kg, tmp_path)


@pytest.mark.spec("PF4")
def test_PF4_unreadable_vital_signs_are_an_error_and_never_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(DataUnobtainable):
        cards(MADE.CASES["infection"] | {"vital-signs": MADE.ERROR}, tmp_path)


DAILY = {
    signals.HEART_RATE_RESTING: (58.0, 2.0), signals.HRV_SDNN: (50.0, 6.0), signals.SPO2: (96.0, 0.7),
    signals.RESPIRATION_RATE: (14.0, 0.5), signals.BODY_TEMPERATURE: (36.6, 0.15),
}  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> PatientRecord:
    """A watch's daily values over four weeks; some signals shifted in the last days."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = {}
    for signal, (level, sd) in DAILY.items():
        value = rng.normal(level, sd, 28)
        value[28 - draw(st.integers(0, 7)) :] += draw(st.sampled_from([0.0, 0.0, 6.0, -6.0])) * sd
        found[signal] = daily(signal, np.maximum(value, 1.0))
    return PatientRecord("p", zone="UTC", series=found)


def daily(signal: str, value: np.ndarray[Any, Any]) -> TimeSeries:
    back_ms = np.arange(value.size, dtype=np.int64)[::-1] * DAY_MS + 30 * MINUTE_MS
    return series_of(signal, "1", AS_OF_MS - back_ms, value)


def reviewed(record: PatientRecord, as_of_ms: int = AS_OF_MS, age: int | None = 60) -> VitalSignsReview:
    found = review_vital_signs(record, age, record.zone, as_of_ms)
    assert isinstance(found, VitalSignsReview)
    return found


@pytest.mark.spec("H-15")
@settings(max_examples=60)
@given(records(), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_H15_taking_data_away_never_leads_to_a_negative_answer(
    record: PatientRecord, seed: int, kept: float
) -> None:
    rng = np.random.default_rng(seed)
    less = {
        name: s.take(rng.random(len(s)) < kept) for name, s in record.series.items() if rng.random() < 0.8
    }
    thinned = PatientRecord("p", zone="UTC", series=less)
    before = {a.result.name: a.outcome for a in reviewed(record).answers if hasattr(a, "result")}
    for answer in reviewed(thinned).answers:
        if answer.outcome is Outcome.ASSESSED_NEGATIVE and answer.result.kind == "change":
            assert before[answer.result.name] is Outcome.ASSESSED_NEGATIVE
    assert reviewed(thinned).outcome is not Outcome.ASSESSED_NEGATIVE


@settings(max_examples=30)
@given(records(), st.integers(-400, 400))
def test_shifting_all_time_by_whole_days_changes_nothing_but_dates(record: PatientRecord, days: int) -> None:
    moved = {
        name: series_of(name, s.unit, s.at_ms + days * DAY_MS, s.value) for name, s in record.series.items()
    }
    later = reviewed(PatientRecord("p", zone="UTC", series=moved), AS_OF_MS + days * DAY_MS)
    here = reviewed(record)
    assert [(c.name, c.says, c.now, c.usual) for c in later.comparisons] == [
        (c.name, c.says, c.now, c.usual) for c in here.comparisons
    ]
    shifts = {a.since_ms - b.since_ms for a, b in zip(later.findings, here.findings, strict=True)}
    assert shifts <= {days * DAY_MS}


@pytest.mark.spec("H-15")
def test_H15_nothing_found_in_everything_is_still_not_a_negative_answer() -> None:
    steady = {name: daily(name, np.full(28, level)) for name, (level, _) in DAILY.items()}
    found = reviewed(PatientRecord("p", zone="UTC", series=steady))
    assert not found.findings and found.outcome is Outcome.PARTIAL


def test_without_data_the_review_says_that_it_is_none() -> None:
    assert reviewed(PatientRecord("p", zone="UTC")).outcome is Outcome.NOT_ASSESSED


@pytest.mark.parametrize(("age", "refused"), [(15, True), (16, False), (None, False)])
def test_children_are_refused_and_an_unknown_age_gets_no_score(age: int | None, refused: bool) -> None:
    found = review_vital_signs(PatientRecord("p", zone="UTC"), age, "UTC", AS_OF_MS)
    assert isinstance(found, Refused) is refused
    if isinstance(found, VitalSignsReview):
        assert isinstance(found.news2[0], Refused) is (age is None)


def test_two_heart_rates_alone_are_not_an_infection() -> None:
    shifted = np.r_[np.full(24, 58.0) + np.arange(24) % 3, 70, 71, 70, 71]
    both = {name: daily(name, shifted) for name in (signals.HEART_RATE, signals.HEART_RATE_RESTING)}
    assert not reviewed(PatientRecord("p", zone="UTC", series=both)).illness
    with_fever = both | {signals.BODY_TEMPERATURE: daily("body_temperature", 36.5 + (shifted > 65) * 1.2)}
    assert reviewed(PatientRecord("p", zone="UTC", series=with_fever)).illness


def test_small_changes_of_several_systems_are_found_together_before_any_alone() -> None:
    base = {name: np.full(28, level) + np.arange(28) % 3 * sd / 2 for name, (level, sd) in DAILY.items()}
    small_sd = {
        "heart_rate_resting": 1.8,
        "hrv_sdnn": -1.5,
        "resp_rate": 2.2,
        "body_temperature": 2.2,
        "spo2": -1,
    }
    for name, shift_sd in small_sd.items():
        base[name][-3:] += shift_sd * DAILY[name][1]
    found = reviewed(PatientRecord("p", zone="UTC", series={n: daily(n, v) for n, v in base.items()}))
    assert [c.name for c in found.findings] == ["joint_change"]
    assert found.findings[0].says.endswith("heart, oxygen saturation, respiration, temperature")


def test_one_system_alone_however_far_is_no_joint_change() -> None:
    base = {name: np.full(28, level) for name, (level, _) in DAILY.items()}
    base["resp_rate"][-4:] += 8
    found = reviewed(PatientRecord("p", zone="UTC", series={n: daily(n, v) for n, v in base.items()}))
    assert "joint_change" not in {c.name for c in found.findings}


@pytest.mark.spec("H-16")
def test_H16_there_are_never_more_than_two_cards(tmp_path: Path) -> None:
    counts = {name: len(cards(entries, tmp_path)) for name, entries in MADE.CASES.items()}
    assert set(counts.values()) == {1, 2}


def test_critical_are_only_readings_of_the_last_hour_beyond_a_fixed_limit_or_a_news2_of_seven(
    tmp_path: Path,
) -> None:
    critical = {
        name
        for name, entries in MADE.CASES.items()
        if any(card["indicator"] == "critical" for card in cards(entries, tmp_path))
    }
    assert critical == {
        "oxygen-low-now", "fresh-set-of-vital-signs", "pressure-severe-in-pregnancy",
    }  # fmt: skip
