"""What `evaluate` and `train` tell on the way, and how they end where a leak is found or a library is missing."""

import json
import os
import pty
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from made_people import person, written

from cds_service.cli import main
from cds_service.cli_long_runs import long_run
from models.training import evaluate as door
from models.training.patient_folds import LeakError
from models.training.questions import NothingToAsk
from models.training.short_term_evaluation import JUDGED


@pytest.fixture(scope="module")
def people_file(tmp_path_factory):
    people = [person(turn, days=9, name=f"made/{turn}") for turn in range(5)]
    return written(tmp_path_factory.mktemp("people"), people)


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def knows_the_next_reading(features):
    def leaking(measured, at, *more):
        found = features(measured, at, *more)
        return found | {"next_mgdl": measured[np.minimum(at + 1, measured.size - 1)]}

    return leaking


def told_of_a_leak(told):
    assert told.exit_code == 2
    assert not told.stdout
    assert "wearable-cds: a leak was found, so that no number could be believed: " in told.stderr
    assert "Traceback" not in told.stderr
    return told.stderr


@pytest.mark.parametrize("task", ["hypoglycemia", "hyperglycemia"])
def test_a_feature_that_knows_the_future_ends_evaluate_with_its_name(monkeypatch, people_file, task):
    event = JUDGED[task].event
    leaking = replace(JUDGED[task], event=replace(event, features=knows_the_next_reading(event.features)))
    monkeypatch.setitem(door.EVALUATIONS, task, partial(door._short_term, leaking))
    assert "next_mgdl" in told_of_a_leak(run("evaluate", task, "--data", people_file, "--json"))


@pytest.mark.parametrize(
    ("task", "module"), [("nocturnal", "nocturnal_features"), ("forecast", "forecast_features")]
)
def test_a_leak_ends_the_evaluation_of_nights_and_of_the_forecast_alike(
    monkeypatch, people_file, task, module
):
    place = f"models.training.{task}_evaluation.{module}"
    evaluation = __import__(f"models.training.{task}_evaluation", fromlist=[module])
    monkeypatch.setattr(place, knows_the_next_reading(getattr(evaluation, module)))
    assert "next_mgdl" in told_of_a_leak(run("evaluate", task, "--data", people_file, "--json"))


def test_people_on_both_sides_of_a_split_end_train_and_nothing_is_written(monkeypatch, people_file, tmp_path):
    learning = pytest.importorskip("models.training.forecast_train", reason="needs the extra `train`")

    class ByQuestion:
        def __getitem__(self, person):
            return np.arange(person.size) % 5

    monkeypatch.setattr(learning, "fold_of_people", lambda *_: ByQuestion())
    told = run("train", "forecast", "--data", people_file, "--out", tmp_path / "trained")
    assert "5 people are in training and in test" in told_of_a_leak(told)
    assert not (tmp_path / "trained").exists()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (LeakError("planted"), "a leak was found, so that no number could be believed: planted"),
        (NothingToAsk("nobody there"), "wearable-cds: nobody there"),
        (ImportError("no", name="lightgbm"), "lightgbm is not installed"),
    ],
)
def test_whatever_stops_a_run_is_one_sentence_and_exit_2(capsys, fault, sentence):
    with pytest.raises(SystemExit) as ended, long_run():
        raise fault
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert sentence in told.err and told.err.count("\n") == 1
    assert not told.out


def on_a_terminal(*arguments):
    """Runs the command with a terminal as stderr and a pipe as stdout; both as text."""
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read():
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                return
            if not part:
                return
            seen.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    here = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=here, check=False)
    os.close(theirs)
    reader.join()
    os.close(ours)
    return done.returncode, done.stdout.decode(), seen.decode()


def test_on_a_terminal_steps_are_bars_on_stderr_and_stdout_is_json_alone(people_file):
    code, stdout, terminal = on_a_terminal("evaluate", "forecast", "--data", people_file, "--json")
    assert code == 0, terminal
    assert json.loads(stdout)["people"] == 5
    assert "━" in terminal and "5/5" in terminal
    assert "5 people, " in terminal


def test_without_a_terminal_steps_are_plain_lines(people_file):
    told = run("evaluate", "forecast", "--data", people_file, "--json")
    assert [line for line in told.stderr.splitlines() if line.endswith("of 5 people")] == [
        f"{number} of 5 people" for number in range(1, 6)
    ]
    assert "\x1b" not in told.stderr and "━" not in told.stderr
    assert json.loads(told.stdout)["people"] == 5
