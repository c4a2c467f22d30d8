"""Search for settings inside a twin: equal budgets, common random numbers, never worse than what is in use."""

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cli import main
from models.dosing.setting_actions import PARTS
from models.dosing.therapy import Array
from models.simulation.controller import reference_therapy
from models.simulation.plan_comparison import compare_searches
from models.simulation.plan_search import HIGHEST, LOWEST, SEARCHES, SPREAD_PENALTY, Twins, make_twins, run
from models.simulation.virtual_patients import patients_named
from models.simulation.worlds import DEFAULT, draw_circumstances

AIM = np.array([0.2, -0.3, 0.1, 0.0, -0.2, 0.3])


def bowl(plans: Array) -> Array:
    """Cheap stand-in for a twin: the lowest cost lies at AIM."""
    return np.asarray(((plans - AIM) ** 2).sum(axis=1))


@pytest.fixture(scope="module")
def twin() -> Twins:
    """An adult with a fifth too much basal insulin."""
    patient = patients_named("adult#002")
    therapy = reference_therapy(patient).scaled(1.2, 1.0, 1.0)
    return make_twins(patient, therapy, DEFAULT, np.random.default_rng(3))


@pytest.mark.parametrize("name", SEARCHES)
@given(evaluations=st.integers(1, 130), seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_every_search_spends_what_it_may_and_stays_in_the_box(name: str, evaluations: int, seed: int) -> None:
    seen: list[Array] = []

    def evaluate(plans: Array) -> Array:
        seen.append(plans.copy())
        return bowl(plans)

    found = run(SEARCHES[name](evaluations, np.random.default_rng(seed)), evaluate)
    everything = np.concatenate(seen)
    assert found.evaluations == len(everything) == evaluations
    assert (everything >= LOWEST).all() and (everything <= HIGHEST).all()
    assert found.cost == bowl(everything).min() == bowl(found.log_factors[None])[0]
    assert list(found.course) == sorted(found.course, reverse=True)


@pytest.mark.parametrize("name", SEARCHES)
def test_no_search_ends_worse_than_the_settings_in_use(name: str) -> None:
    def everything_else_is_bad(plans: Array) -> Array:
        return np.asarray(np.abs(plans).sum(axis=1))

    found = run(SEARCHES[name](48, np.random.default_rng(1)), everything_else_is_bad)
    assert found.cost == 0.0 and not found.log_factors.any()


@pytest.mark.parametrize(("name", "most"), [("cross-entropy", 0.01), ("genetic", 0.05)])
def test_searches_that_learn_come_near_the_best_plan(name: str, most: float) -> None:
    found = run(SEARCHES[name](480, np.random.default_rng(2)), bowl)
    at_random = run(SEARCHES["random"](480, np.random.default_rng(2)), bowl)
    assert found.cost < most < at_random.cost


@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_seed_gives_the_same_plan(name: str) -> None:
    one, other = (run(SEARCHES[name](60, np.random.default_rng(9)), bowl) for _ in range(2))
    assert np.array_equal(one.log_factors, other.log_factors) and one.course == other.course


def test_plans_are_compared_on_common_random_numbers(twin: Twins) -> None:
    plans = np.zeros((3, len(PARTS)))
    costs = twin.costs(plans, np.zeros(3, int))
    assert np.ptp(costs) == 0.0
    assert np.array_equal(costs, twin.costs(plans, np.zeros(3, int)))


def test_less_basal_insulin_costs_less_where_there_is_too_much(twin: Twins) -> None:
    less, more = np.zeros(len(PARTS)), np.zeros(len(PARTS))
    less[:2], more[:2] = np.log(1 / 1.2), np.log(1.2)
    costs = twin.costs(np.array([less, more]), np.zeros(2, int))
    assert costs[0] < costs[1]


def test_a_plan_pays_for_outcomes_that_differ_between_scenarios(twin: Twins) -> None:
    from models.dosing.setting_features import glucose_shares

    trace = twin.live(np.zeros((1, len(PARTS))), np.zeros(1, int), twin.scenarios)
    gri = glucose_shares(trace.glucose_mgdl)["gri"]
    assert gri.std() > 0.0
    assert twin.costs(np.zeros((1, len(PARTS))), np.zeros(1, int))[0] == pytest.approx(
        gri.mean() + SPREAD_PENALTY * gri.std()
    )


def test_unseen_meals_are_not_those_of_the_search(twin: Twins) -> None:
    unseen = draw_circumstances(DEFAULT, 2, 3, np.random.default_rng(99))
    assert not np.array_equal(unseen.eaten_g[0], twin.scenarios.eaten_g[0])
    (outcome,) = twin.outcomes(np.zeros((1, len(PARTS))), np.zeros(1, int), unseen)
    assert outcome["tir"] + outcome["tbr"] + outcome["tar"] == pytest.approx(100.0, abs=0.05)


def test_a_comparison_gives_every_search_the_same_cases() -> None:
    outcome = compare_searches(DEFAULT, cases=2, evaluations=6, seed=4)
    assert set(outcome["searches"]) == set(SEARCHES)
    assert sum(row["wins"] for row in outcome["searches"].values()) == 2
    assert {"tir", "tbr", "gri", "cost"} <= set(outcome["searches"]["random"])


# The command


def optimised(*options: str) -> Any:
    result = CliRunner().invoke(main, ["optimise", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_command_gives_a_plan_its_guarded_first_step_and_outcomes_on_unseen_meals() -> None:
    answer = optimised("--patient", "adult#002", "--basal", "1.3", "--evaluations", "12", "--seed", "2")
    assert answer["method"] == next(iter(SEARCHES))
    assert answer["evaluations"] == 12
    assert set(answer["insulin_change_percent"]) == set(answer["first_step_percent"]) == set(PARTS)
    assert all(-20.0 <= step <= 10.0 for step in answer["first_step_percent"].values())
    assert {"tir", "tbr", "gri"} <= set(answer["start"]) & set(answer["found"])


def test_the_command_refuses_a_patient_that_is_not_among_the_thirty() -> None:
    result = CliRunner().invoke(main, ["optimise", "--patient", "adult#099", "--evaluations", "2"])
    assert result.exit_code == 2
    assert "adult#099" in result.stderr and not result.stdout
