"""Training from a file of people to the files that are served: cross-validated, tuned, seeded, recorded."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_people import person, written

from models.risk.additive_model import AdditiveModel
from models.risk.glucose_episodes import HIGH_MGDL, LOW_MGDL
from models.risk.glucose_outlook import Outlook
from models.training.artefact import Calibration, out_of_fold
from models.training.cgm_people import fingerprint
from models.training.code_hash import sha256_of_code
from models.training.questions import NothingToAsk, Questions
from models.training.task import Task

pytest.importorskip("lightgbm", reason="needs the extra `train`")

from models.training import fit_outlook, fit_pairwise
from models.training.short_term_events import EVENTS
from models.training.train_short_term import TRIED_PAIRS, train

FEW_TREES = fit_outlook.Settings(trees=5, smallest_leaf=20, bins=31)
FEW_ROUNDS = fit_pairwise.Settings(
    refits=2, validation_refits=2, bins=8, rounds=12, rounds_to_choose=6, smallest_leaf=20
)


def people_of(event):
    """Six people; for highs their mirror images, so that 70 mg/dL is 250."""
    people = [person(seed, days=16, name=f"set/{seed}") for seed in range(6)]
    if event.towards < 0:
        return people
    mirror_mgdl = LOW_MGDL + HIGH_MGDL
    return [replace(one, measured=mirror_mgdl - one.measured) for one in people]


@pytest.fixture(scope="module", params=sorted(EVENTS))
def trained(request, tmp_path_factory):
    event = EVENTS[request.param]
    path = written(tmp_path_factory.mktemp(event.name), people_of(event))
    said = []
    return event, path, train(event, path, FEW_ROUNDS, said.append, FEW_TREES), said


def test_an_outlook_and_a_table_for_each_horizon_are_made(trained):
    event, _, files, _ = trained
    names = [f"{event.name}_{of}.json" for of in ("outlook", "30", "60", "120")]
    assert list(files) == names
    assert all(len(line) > 0 for text in files.values() for line in text.splitlines())


def test_every_file_names_its_people_its_data_and_its_code(trained):
    event, path, files, _ = trained
    for name, text in files.items():
        facts = json.loads(text)
        assert facts["people"] == {one.name: fingerprint(one) for one in people_of(event)}
        assert list(facts["data_sha256"]) == [path.name]
        assert facts["code_sha256"] == sha256_of_code(name.removesuffix(".json"))


def test_the_served_models_read_what_was_made_and_say_what_the_library_says(trained):
    event, _, files, _ = trained
    outlook = Outlook.from_json(files[f"{event.name}_outlook.json"])
    for horizon in (30, 60, 120):
        table = AdditiveModel.from_json(files[f"{event.name}_{horizon}.json"])
        rows = table.facts["examples"]
        values = np.array([row["features"] for row in rows], float).T
        features = dict(zip(table.lookup.features, values, strict=True))
        assert set(features) == {*outlook.features, *(one.name for one in outlook.expected)}
        stated = [row["probability"] for row in rows]
        np.testing.assert_allclose(table.probability(features), stated, rtol=0, atol=1e-12)


def test_what_the_tuning_tried_is_recorded_and_the_smallest_value_near_the_best_is_taken(trained):
    event, _, files, said = trained
    facts = json.loads(files[f"{event.name}_60.json"])
    assert [one["pairs"] for one in facts["tuning"]] == list(TRIED_PAIRS)
    best = min(one["log_loss"] for one in facts["tuning"])
    near = [one["pairs"] for one in facts["tuning"] if one["log_loss"] <= 1.001 * best]
    assert facts["settings"]["pairs"] == near[0]
    assert f"{event.name}_60: fold 5 of 5" in said


def test_numbers_on_people_left_out_and_the_threshold_of_alarms_stand_in_every_table(trained):
    event, _, files, _ = trained
    for horizon in (30, 60, 120):
        facts = json.loads(files[f"{event.name}_{horizon}.json"])
        assert 0.5 < facts["on_people_left_out"]["auroc"] <= 1
        assert 0 < facts["alarm_threshold"] < 1


def test_episodes_that_people_left_out_make_too_plain_to_calibrate_are_refused():
    label = np.repeat([0.0, 1.0], 50)
    with pytest.raises(NothingToAsk, match="calibrate"):
        Calibration.of(label, np.where(label > 0, 0.9, 0.1))


def test_people_who_all_answer_alike_are_nobody_to_learn_from():
    asked = Questions(np.arange(10), np.arange(10), np.zeros(10))
    task = Task("made", {"glucose_mgdl": np.full(10, 100.0)}, asked, {}, 10)
    with pytest.raises(NothingToAsk, match="same answer"):
        out_of_fold(task, FEW_ROUNDS, print)


def test_the_same_seed_makes_the_same_bytes(trained):
    event, path, files, _ = trained
    assert train(event, path, FEW_ROUNDS, lambda _: None, FEW_TREES) == files
