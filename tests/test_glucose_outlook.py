"""How far glucose is expected to go: equal to the library, monotone, and never learned from who is asked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_people import person

from models.risk.glucose_outlook import Outlook, as_written
from models.risk.glucose_risk_features import DIRECTIONS
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.short_term_features import HIGH_DIRECTIONS
from models.training.code_hash import sha256_of_code

LED = {"hypoglycemia": (-1, DIRECTIONS), "hyperglycemia": (1, HIGH_DIRECTIONS)}

both = pytest.mark.parametrize("model", [HYPOGLYCEMIA, HYPERGLYCEMIA], ids=lambda model: model.name)


def moments(outlook):
    """Features of the moments that the file tells, by name."""
    rows = outlook.expected[0].examples
    return dict(zip(outlook.features, np.array([row["features"] for row in rows], float).T, strict=True))


def way(model, name):
    """+1 where more of the feature may only raise the number expected, -1 where only lower it."""
    towards, directions = LED[model.name]
    with_risk = 1 if "nearness" in name else towards
    return {feature: with_risk * direction for feature, direction in directions.items()}


@both
def test_what_is_expected_is_what_the_library_says_to_the_last_digit(model):
    seen = model.outlook.seen(moments(model.outlook))
    assert any(np.isnan(column).any() for column in moments(model.outlook).values())
    for one in model.outlook.expected:
        stated = [row["expected"] for row in one.examples]
        np.testing.assert_allclose(seen[one.name], stated, rtol=0, atol=1e-11)


@both
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_more_glucose_and_fewer_episodes_before_never_bring_an_episode_nearer(model, data):
    one = data.draw(st.sampled_from(model.outlook.expected))
    rows = moments(model.outlook)
    row = data.draw(st.integers(0, rows["glucose_mgdl"].size - 1))
    moment = {name: column[[row]] for name, column in rows.items()}
    feature, leads = data.draw(st.sampled_from(sorted(way(model, one.name).items())))
    low, high = sorted(data.draw(st.floats(-50, 450)) for _ in range(2))
    at = [model.outlook.seen(moment | {feature: np.array([value])})[one.name][0] for value in (low, high)]
    assert (at[1] - at[0]) * leads >= -1e-9


@both
def test_the_outlook_says_what_it_was_made_from_and_how_far_off_it_was_for_people_left_out(model):
    facts = model.outlook.facts
    assert len(facts["people"]) == 72
    assert facts["code_sha256"] == sha256_of_code(facts["model"])
    assert facts["people"] == model.tables[60].facts["people"]
    rmse = {one.name: one.rmse_on_people_left_out for one in model.outlook.expected}
    near = {name: error for name, error in rmse.items() if name.endswith("_mgdl")}
    assert max(near.values()) < 30 and len(rmse) == 3


@both
def test_the_tables_rise_with_what_is_expected_only_towards_the_episode(model):
    towards, _ = LED[model.name]
    rows = model.outlook.seen(moments(model.outlook))
    for one in model.outlook.expected:
        leads = 1 if "nearness" in one.name else towards
        for table in model.tables.values():
            grid = np.linspace(np.nanmin(rows[one.name]), np.nanmax(rows[one.name]), 40)
            moment = {name: np.full(grid.size, column[0]) for name, column in rows.items()}
            stated = table.probability(moment | {one.name: grid})
            assert (np.diff(stated) * leads >= -1e-4).all()


def test_features_are_written_with_three_digits_and_stay_missing():
    written = as_written([np.array([1.23456, np.nan]), np.array([2.0, 3.0])])
    np.testing.assert_array_equal(written, [[1.235, 2.0], [np.nan, 3.0]])


class TestOfTheFit:
    """With a few generated people, and few trees."""

    @pytest.fixture(scope="class")
    def fit(self):
        pytest.importorskip("lightgbm", reason="needs the extra `train`")
        from models.training import fit_outlook
        from models.training.short_term_events import EVENTS
        from models.training.short_term_windows import windows_of

        event = EVENTS["hypoglycemia"]
        windows = windows_of([person(seed, days=6) for seed in range(10)], event)
        grown = fit_outlook.Settings(trees=8, smallest_leaf=20, bins=31)
        return lambda of=windows: fit_outlook.with_outlook(of, event, grown, lambda _: None), windows

    def test_a_question_is_answered_by_trees_that_never_saw_its_person_nor_the_fold_left_out(self, fit):
        from models.training.patient_folds import FOLDS, fold_of_people

        learn, windows = fit
        before, _ = learn()
        fold = fold_of_people(10, 2026)[windows.person]
        for left_out in range(FOLDS):
            theirs = fold == left_out
            planted = {h: np.where(theirs, 400.0, column) for h, column in windows.furthest.items()}
            after, _ = learn(replace(windows, furthest=planted))
            for name, column in before.by_fold[left_out].items():
                np.testing.assert_array_equal(column, after.by_fold[left_out][name])
                np.testing.assert_array_equal(before.features[name][theirs], after.features[name][theirs])
                assert (before.features[name][~theirs] != after.features[name][~theirs]).any()

    def test_the_file_answers_every_question_as_the_library_does_missing_values_too(self, fit):
        from models.training.artefact import readable
        from models.training.fit_outlook import Settings, _Learning, targets_of
        from models.training.short_term_events import EVENTS

        learn, windows = fit
        _, document = learn()
        outlook = Outlook.from_json(readable(document))
        event = EVENTS["hypoglycemia"]
        learning = _Learning.of(windows, event, Settings(trees=8, smallest_leaf=20, bins=31))
        everybody = np.ones(windows.slot.size, bool)
        seen = outlook.seen(windows.features)
        assert np.isnan(windows.features["change_5_min_mgdl"]).any()
        for target in targets_of(windows, event):
            library = learning.stated(target, learning.grown(target, everybody), everybody)
            np.testing.assert_allclose(seen[target.name], library, rtol=0, atol=1e-9)

    def test_near_is_half_a_little_before_the_limit_and_all_beyond_it(self, fit):
        from models.training.fit_outlook import nearness
        from models.training.short_term_events import EVENTS

        low, high = EVENTS["hypoglycemia"], EVENTS["hyperglycemia"]
        assert nearness(np.array([40.0, 74.8, 130.0]), low) == pytest.approx([98.7, 50, 0.1], abs=0.1)
        assert nearness(np.array([330.0, 238.0, 130.0]), high) == pytest.approx([99.0, 50, 0.5], abs=0.1)
