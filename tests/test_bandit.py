"""The bandit of the trial: guarded, trained on other patients, doubtful where it was told little."""

import json

import numpy as np
import pytest

from models.dosing.setting_actions import NO_CHANGE, PARTS, all_changes
from models.simulation.arms import ARMS
from models.simulation.bandit import Bandit, chosen_by_bandit, packaged_bandits, parse_bandit, worth
from models.simulation.virtual_patients import patients_in

SINGLE = np.eye(len(PARTS)) * np.log(1.1)


def bandit(*slopes: float) -> Bandit:
    """Members for which only the first part of a change counts, each with its own opinion."""
    members = []
    for slope in slopes:
        first = np.zeros((1 + len(PARTS), 1))
        first[1, 0] = 0.1
        members.append([[first.tolist(), [0.0]], [[[slope]], [0.0]]])
    return parse_bandit(
        {"features": ["gri"], "logged": [False], "centre": [0.0], "scale": [1.0], "members": members}
    )


def test_no_change_is_worth_nothing():
    assert worth(bandit(1.0, 3.0), {"gri": np.array([1.0, 2.0])}, np.zeros((1, 6))) == pytest.approx(
        np.zeros((2, 1))
    )


def test_what_its_members_disagree_about_is_worth_less():
    features = {"gri": np.array([0.0])}
    agreed, split = (
        worth(bandit(*slopes), features, SINGLE[:1])[0, 0] for slopes in ((2.0, 2.0), (0.0, 4.0))
    )
    assert split == pytest.approx(0.0, abs=1e-9)
    assert agreed > 0.0


def test_lows_leave_it_reductions_and_no_change():
    features = {"gri": np.array([0.0, 0.0])}
    low, free = chosen_by_bandit(bandit(1.0, 1.0), features, np.array([True, False]))
    assert low == NO_CHANGE
    assert free.adds_insulin


def test_each_patient_has_a_policy_that_never_saw_them():
    assert set(packaged_bandits()) == set(patients_in("adult", "adolescent").name)
    assert len({id(policy) for policy in packaged_bandits().values()}) == 5


def test_every_choice_is_among_the_changes_of_the_value_of_action():
    policy = packaged_bandits()["adult#001"]
    rng = np.random.default_rng(8)
    features = {
        name: rng.normal(policy.centre[i], policy.scale[i], 20) for i, name in enumerate(policy.features)
    }
    assert set(chosen_by_bandit(policy, features, np.zeros(20, bool))) <= set(all_changes())
    assert "rl" in ARMS


def test_the_networks_find_which_part_of_a_change_counts():
    """Only the first part of a change does anything here: more insulin there is worth less."""
    pytest.importorskip("torch", reason="training needs the extra `train`")
    from models.training import train_bandit
    from models.training.therapy_experience import Experience

    rng = np.random.default_rng(3)
    tried = rng.uniform(-0.2, 0.1, (600, 5, len(PARTS)))
    tried[:, 0] = 0.0
    outcomes = np.stack(
        [np.expm1(3.0 + 2.0 * tried[..., 0]), 0.0 * tried[..., 0], 0.0 * tried[..., 0]], axis=-1
    )
    patient = np.array([f"patient{i % 10}" for i in range(600)])
    experience = Experience(("gri",), rng.standard_normal((600, 1)), tried, outcomes, patient)
    content = json.loads(train_bandit.learned_from(experience, 1, lambda text: None)[train_bandit.FILE])
    assert sorted(name for fold in content["folds"] for name in fold["left_out"]) == sorted(set(patient))
    learned = parse_bandit(content | content["folds"][0])
    value = worth(learned, {"gri": np.zeros(1)}, np.concatenate([SINGLE[:2], -SINGLE[:1]]))[0]
    assert value[0] < -0.1 < value[1] < 0.1 < value[2]
