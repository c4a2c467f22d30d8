"""The algorithms that learn beside the served model: by patient folds, on the same questions, repeatable."""

import json

import numpy as np
import pytest

from models.training.cgm_people import Person
from models.training.evaluate import EVALUATIONS
from models.training.questions import NothingToAsk
from models.training.short_term_windows import HORIZONS_MIN, windows_of

pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("lightgbm", reason="needs the extra `train`")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Missing values detected"),
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
    pytest.mark.filterwarnings("ignore:Skipping features without any observed values"),
]

ALGORITHMS = {
    "additive", "additive_refitted", "linear_extrapolation", "glucose_now", "logistic", "spline_logistic",
    "boosting", "histogram_boosting", "reference_boosting", "explainable_boosting", "random_forest",
    "kernel_machine", "support_vectors", "decision_tree", "recurrent_network",
}  # fmt: skip


def person(seed, days=5):
    rng = np.random.default_rng(seed)
    slots = np.arange(days * 288)
    glucose = 105 + 42 * np.sin(slots / (33 + seed)) + rng.normal(0, 7, slots.size)
    return Person(f"made/{seed}", 1_000_000 + 7 * seed, np.clip(glucose, 40, 380).round())


PEOPLE = [person(seed) for seed in range(5)]


@pytest.fixture(scope="module")
def evaluated():
    return EVALUATIONS["hypoglycemia"](PEOPLE, True, 5, lambda _: None)


def test_every_algorithm_answers_every_horizon_in_the_same_harness(evaluated):
    assert set(evaluated["models"]) == ALGORITHMS
    for by_horizon in evaluated["models"].values():
        assert all(0 <= by_horizon[str(h)]["auroc"] <= 1 for h in HORIZONS_MIN)
    json.dumps(evaluated, allow_nan=False)


def test_on_plain_waves_what_learns_the_trend_is_better_than_the_glucose_alone(evaluated):
    models = evaluated["models"]
    for name in ("boosting", "logistic"):
        assert models[name]["60"]["auroc"] > models["glucose_now"]["60"]["auroc"], name


def test_the_network_is_the_same_for_a_seed_and_loses_less_with_training():
    from models.training.recurrent import out_of_fold_network

    windows = windows_of(PEOPLE)
    one, again = (out_of_fold_network(PEOPLE, windows, 3, lambda _: None) for _ in range(2))
    np.testing.assert_array_equal(one.score[60], again.score[60])
    assert one.loss["learned_from"][-1] < one.loss["learned_from"][0]


def test_what_the_network_sees_ends_at_the_question():
    from models.training.recurrent import seen_by_network

    windows = windows_of(PEOPLE[:1])
    whole = seen_by_network(PEOPLE[:1], windows).series
    cut_slot = int(windows.slot[windows.slot.size // 2])
    measured = PEOPLE[0].measured.copy()
    measured[cut_slot - PEOPLE[0].first_slot + 1 :] = 60.0
    changed = seen_by_network([Person("x/y", PEOPLE[0].first_slot, measured)], windows).series
    before = windows.slot <= cut_slot
    np.testing.assert_array_equal(whole[before], changed[before])
    assert (whole[~before] != changed[~before]).any()


def test_too_few_people_to_learn_from_are_refused():
    with pytest.raises(NothingToAsk, match="5 folds"):
        EVALUATIONS["hypoglycemia"](PEOPLE[:4], True, 5, lambda _: None)
