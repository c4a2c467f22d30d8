"""The records of all algorithms on people left out: what made them, what they quote, how the rivals learn."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from models.training.questions import NothingToAsk, Questions
from models.training.results import RESULTS
from models.training.task import Task

pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("interpret", reason="needs the extra `train`")

from models.training import short_term_windows
from models.training.boosting_loss import ROUNDS_SHOWN, STAGES, loss_by_round
from models.training.challenge import rivals
from models.training.challengers import CHALLENGERS, REFERENCE_FEATURES, learn
from models.training.compare import TASKS, Question, quoted
from models.training.comparison_code import sha256_of_comparison
from models.training.metrics import log_loss
from models.training.short_term_windows import HORIZONS_MIN, windows_of

pytestmark = pytest.mark.filterwarnings("ignore")

RECORDS = [record for record in RESULTS if record["task"] in TASKS]
of_each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["title"])


def task(questions=2000, people=10):
    """Questions whose answer hangs on glucose and a little on the change before it."""
    rng = np.random.default_rng(4)
    features = {name: rng.normal(size=questions) for name in REFERENCE_FEATURES}
    nearer = -features["glucose_mgdl"] - 0.5 * features["change_15_min_mgdl"]
    episode = (nearer + rng.normal(size=questions) > 0.5).astype(float)
    person = np.sort(np.arange(questions) % people)
    questions_asked = Questions(person, np.arange(questions), episode)
    return Task("made", features, questions_asked, {"glucose_mgdl": -1}, people)


TASK = task()
KNOWN = np.arange(2000) % 3 > 0
ASKED = np.flatnonzero(~KNOWN)


@of_each_record
def test_a_record_was_made_by_the_code_that_stands_here(record):
    assert record["code_sha256"] == sha256_of_comparison()


@of_each_record
def test_a_record_names_its_people_its_rivals_and_how_many_questions_these_learned_from(record):
    assert record["people"] == 72 and len(record["data_sha256"]) == 1
    night = record["task"] == "nocturnal"
    apart = {"reference_boosting"} if night else set()
    learned, loss = record["questions_learned_from_at_most"], record["loss"]
    assert set(learned) == (set(CHALLENGERS) | {"recurrent_network"}) - apart
    unfitted = {"bedtime_glucose"} if night else {"linear_extrapolation", "glucose_now"}
    assert set(record["models"]) == {"additive", *unfitted, *learned}
    assert set(loss) == (set(STAGES) | {"recurrent_network"}) & set(learned)
    for name, challenger in CHALLENGERS.items():
        if name in learned:
            least = 0.75 * record["windows"]
            assert learned[name] > min(least, (challenger.most or least) - 1), name
    for found in record["models"].values():
        low, high = found.get("auroc_interval_95", (0.5, 1.0))
        assert low < found["auroc"] < high


def test_lows_and_highs_of_every_horizon_and_the_nights_are_recorded_once_each():
    asked = [(record["task"], record.get("horizon_min")) for record in RECORDS]
    needed = {(name, h) for name in ("hypoglycemia", "hyperglycemia") for h in HORIZONS_MIN}
    assert set(asked) == needed | {("nocturnal", None)} and len(set(asked)) == len(asked)


def test_the_records_quote_the_tables_that_are_served():
    kept = files("models.training.results")
    for name, text in quoted().items():
        assert text == (kept / name).read_text(encoding="utf-8"), f"run `train quoted_comparison`: {name}"


def test_a_quotation_changes_the_served_row_alone():
    for record in RECORDS:
        asked = Question(record["task"], record.get("horizon_min"))
        text = json.loads(quoted()[asked.file])
        assert text["models"].pop("additive") == asked.served()
        assert text == record | {"models": {n: m for n, m in record["models"].items() if n != "additive"}}


def test_a_feature_that_says_something_else_makes_every_record_old(monkeypatch):
    def changed(people, event):
        windows = windows_of(people, event)
        glucose = windows.features["glucose_mgdl"] + (event.name == "hyperglycemia")
        return replace(windows, features=windows.features | {"glucose_mgdl": glucose})

    before = sha256_of_comparison()
    monkeypatch.setattr(short_term_windows, "windows_of", changed)
    assert sha256_of_comparison() != before


def test_people_without_an_episode_are_nobody_to_learn_from():
    quiet = replace(TASK, questions=replace(TASK.questions, episode=np.zeros(2000)))
    with pytest.raises(NothingToAsk, match="0 of 1333 questions"):
        learn("logistic", quiet, KNOWN, 1)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_every_challenger_finds_what_the_answer_hangs_on(name):
    fitted = learn(name, TASK, KNOWN, 1)
    stated = fitted.probability(TASK, ASKED)
    followed = TASK.questions.episode[ASKED] > 0
    assert ((stated >= 0) & (stated <= 1)).all()
    assert stated[followed].mean() > stated[~followed].mean() + 0.1
    assert not set(fitted.rows) & set(ASKED)


@pytest.mark.parametrize("name", ["boosting", "histogram_boosting", "reference_boosting"])
def test_more_glucose_never_raises_the_risk_that_boosting_states(name):
    rising = {feature: np.zeros(200) for feature in TASK.features}
    rising["glucose_mgdl"] = np.linspace(-3, 3, 200)
    asked = replace(TASK, features=rising)
    stated = learn(name, TASK, KNOWN, 1).probability(asked, np.arange(200))
    assert (np.diff(stated) <= 1e-12).all() and stated[0] > stated[-1]


def test_a_rival_whose_features_the_task_lacks_is_left_out_and_every_question_is_answered():
    few = {name: TASK.features[name] for name in ("glucose_mgdl", "change_15_min_mgdl")}
    asked = replace(TASK, features=few)
    found = rivals(asked, ("logistic", "reference_boosting", "boosting"), lambda _: None)
    assert [rival.name for rival in found] == ["logistic", "boosting"]
    assert all(not np.isnan(rival.score).any() and rival.learned_from == 1600 for rival in found)
    assert found[0].loss is None and set(found[1].loss) == {"learned_from", "left_out"}


@pytest.mark.parametrize("name", STAGES)
def test_boosting_fits_who_it_learns_from_ever_closer_tree_by_tree(name):
    fitted = learn(name, TASK, KNOWN, 1)
    found = loss_by_round(fitted, TASK, ASKED)
    assert all(len(curve) == ROUNDS_SHOWN for curve in found.values())
    assert found["learned_from"][-1] < found["learned_from"][0] < np.log(2)
    last = log_loss(TASK.questions.episode[ASKED], fitted.probability(TASK, ASKED))
    assert found["left_out"][-1] == pytest.approx(last)
