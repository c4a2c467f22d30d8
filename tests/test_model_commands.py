"""`wearable-cds evaluate` and `train`: what they read, what they say, and what they refuse with exit 2."""

import gzip
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.people_files import people_of
from models.training.cgm_people import read_people

SLOTS_PER_DAY = 288
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
FIRST_SLOT = (FIRST_DAY - datetime(2015, 1, 1, tzinfo=UTC)) // timedelta(minutes=5)
HORIZON_KEYS = {"auroc", "auprc", "ece", "sensitivity_at_90_specificity", "false_alarms_per_day_at_80"}


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def glucose(seed, days):
    rng = np.random.default_rng(seed)
    slots = np.arange(int(days * SLOTS_PER_DAY))
    level = 105 + 45 * np.sin(slots / 41 + seed) + rng.normal(0, 6, slots.size)
    level[rng.random(slots.size) < 0.04] = np.nan
    return np.clip(level, 39, 401).round()


def arrays(people):
    """The arrays of the open data set's format, for the glucose of each person by name."""
    code, delta, mgdl = [], [], []
    for index, measured in enumerate(people.values()):
        slot = FIRST_SLOT + np.flatnonzero(~np.isnan(measured))
        code += [index] * slot.size
        delta += [int(slot[0]), *np.diff(slot).tolist()]
        mgdl += measured[~np.isnan(measured)].tolist()
    return {
        "mgdl": np.array(mgdl, np.int16),
        "code": np.array(code, np.uint8),
        "slot_delta": np.array(delta, np.int32),
        "ids": np.array(list(people)),
    }


def written(folder, people, **changes):
    path = folder / "people.npz"
    np.savez(path, **(arrays(people) | changes))
    return path


def observations(people):
    for name, measured in people.items():
        for slot in np.flatnonzero(~np.isnan(measured)):
            yield {
                "resourceType": "Observation",
                "id": f"{name}-{slot}",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "99504-3"}]},
                "subject": {"reference": f"Patient/{name}"},
                "effectiveDateTime": (FIRST_DAY + int(slot) * timedelta(minutes=5)).isoformat(),
                "valueQuantity": {
                    "value": int(measured[slot]),
                    "system": "http://unitsofmeasure.org",
                    "code": "mg/dL",
                },
            }


PEOPLE = {"a": glucose(1, 20), "b": glucose(2, 17), "c": glucose(3, 0.5), "d": glucose(4, 0.01)}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("people"), PEOPLE, of_no_interest=np.zeros(3))
    return run("evaluate", "hypoglycemia", "--data", path, "--json")


def test_stdout_is_the_agreed_json_and_progress_goes_to_stderr(evaluated):
    assert evaluated.exit_code == 0, evaluated.stderr
    found = json.loads(evaluated.stdout)
    assert (found["task"], found["people"]) == ("hypoglycemia", 4)
    assert found["served"] in found["models"]
    for horizons in found["models"].values():
        assert set(horizons) == {"30", "60", "120"}
        assert all(set(metrics) == HORIZON_KEYS for metrics in horizons.values())
    assert "4 people read" in evaluated.stderr


def test_highs_are_evaluated_as_lows_are(tmp_path):
    path = written(tmp_path, {"a": PEOPLE["a"] + 120, "b": PEOPLE["b"] + 120})
    found = json.loads(run("evaluate", "hyperglycemia", "--data", path, "--json").stdout)
    assert (found["task"], found["people"]) == ("hyperglycemia", 2)
    at_60 = {name: horizons["60"]["auroc"] for name, horizons in found["models"].items()}
    assert min(at_60.values()) > 0.7


def test_nothing_that_learns_is_fitted_unless_asked(evaluated):
    models = set(json.loads(evaluated.stdout)["models"])
    assert models == {"additive", "linear_extrapolation", "glucose_now"}


@pytest.mark.parametrize("form", ["people.ndjson", "people.json.gz"])
def test_the_same_people_in_fhir_are_the_same_people(tmp_path, form):
    people = {name: PEOPLE[name] for name in "ab"}
    resources, path = list(observations(people)), tmp_path / form
    np.random.default_rng(0).shuffle(resources)
    if form.endswith(".gz"):
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": r} for r in resources],
        }
        path.write_bytes(gzip.compress(json.dumps(bundle).encode()))
    else:
        path.write_text("\n".join(map(json.dumps, resources)))
    of_arrays, of_fhir = people_of(written(tmp_path, people)), people_of(path, "UTC")
    assert [one.name for one in of_fhir] == ["fhir/a", "fhir/b"]
    for one, other in zip(of_arrays, of_fhir, strict=True):
        assert one.first_slot == other.first_slot
        np.testing.assert_array_equal(one.measured, other.measured)


def test_the_zone_moves_the_wall_clock_of_fhir_readings(tmp_path):
    path = tmp_path / "people.ndjson"
    path.write_text("\n".join(map(json.dumps, observations({"a": PEOPLE["a"]}))))
    (utc,), (tokyo,) = people_of(path, "UTC"), people_of(path, "Asia/Tokyo")
    assert tokyo.first_slot - utc.first_slot == 9 * 12


def test_rows_in_any_order_and_readings_that_are_none_change_nothing(tmp_path):
    made = arrays({"a": PEOPLE["a"]})
    slot = np.cumsum(made["slot_delta"])[::-1]
    backwards = np.diff(slot, prepend=0)
    broken = {
        "code": np.zeros(slot.size + 1),
        "slot_delta": np.append(backwards, -1),
        "mgdl": np.append(made["mgdl"][::-1], np.nan),
    }
    (before,), (after,) = (
        people_of(written(tmp_path, {"a": PEOPLE["a"]})),
        people_of(written(tmp_path, {"a": PEOPLE["a"]}, **broken)),
    )
    np.testing.assert_array_equal(before.measured, after.measured)


@pytest.mark.parametrize("task", ["hypoglycemia", "hyperglycemia", "nocturnal", "groups"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "people with CGM nor FHIR"),
        (b"glucose\n100\n", "people with CGM nor FHIR"),
        (b'{"resourceType":"Patient","id":"p1"}', "no CGM reading"),
        (b"PK\x03\x04 cut off", "zip"),
    ],
)
def test_a_file_of_another_kind_is_one_line_and_exit_2(tmp_path, task, content, told):
    path = tmp_path / "people"
    path.write_bytes(content)
    found = run("evaluate", task, "--data", path, "--json")
    assert found.exit_code == 2 and found.stdout == ""
    assert told in found.stderr and len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ids": np.array(["a", None], object)}, "numpy arrays"),
        ({"mgdl": np.zeros(3)}, "differ in length"),
        ({"slot_delta": np.full(arrays({"a": PEOPLE["a"]})["code"].size, 400_000)}, "twenty years"),
    ],
)
def test_arrays_that_cannot_be_people_are_refused(tmp_path, changes, told):
    found = run("evaluate", "hypoglycemia", "--data", written(tmp_path, {"a": PEOPLE["a"]}, **changes))
    assert found.exit_code == 2 and told in found.stderr


@pytest.mark.parametrize("wrong", [np.inf, 1e308, 1001.0])
@pytest.mark.parametrize("command", ["evaluate groups", "evaluate nocturnal", "train hypoglycemia"])
def test_what_no_sensor_states_is_neither_evaluated_nor_learned_from(tmp_path, command, wrong):
    people = {str(number): np.full(15 * SLOTS_PER_DAY, 120) for number in range(6)}
    readings = np.where(np.arange(6 * 15 * SLOTS_PER_DAY) % 2, wrong, 120.0)
    found = run(*command.split(), "--data", written(tmp_path, people, mgdl=readings))
    assert found.exit_code == 2 and "is no glucose in mg/dL" in found.stderr
    assert isinstance(found.exception, SystemExit)


def test_a_few_readings_that_no_sensor_states_are_left_out(tmp_path):
    readings = np.full(500, 120.0)
    readings[[3, 400]] = 2000.0
    (found,) = read_people(written(tmp_path, {"a": np.full(500, 120)}, mgdl=readings))
    assert np.flatnonzero(np.isnan(found.measured)).tolist() == [3, 400]
    assert (found.measured[~np.isnan(found.measured)] == 120).all()


def test_a_missing_array_is_named(tmp_path):
    path = tmp_path / "people.npz"
    np.savez(path, ids=np.array(["a"]), code=np.zeros(1))
    found = run("evaluate", "nocturnal", "--data", path)
    assert found.exit_code == 2 and "slot_delta, mgdl are missing" in found.stderr


@pytest.mark.parametrize("task", ["hypoglycemia", "nocturnal", "groups"])
def test_people_of_whom_nothing_can_be_asked_are_refused_with_the_reason(tmp_path, task):
    pytest.importorskip("sklearn", reason="needs the extra `train`")
    found = run("evaluate", task, "--data", written(tmp_path, {"d": PEOPLE["d"]}))
    assert found.exit_code == 2 and "nobody" in found.stderr


def test_people_without_a_low_have_no_ranking_and_keep_their_calibration(tmp_path):
    steady = {"a": 120.0 + np.arange(5760) % 3}
    found = run("evaluate", "hypoglycemia", "--data", written(tmp_path, steady), "--json")
    served = json.loads(found.stdout)["models"]["additive"]["60"]
    assert served["auroc"] is None and served["auprc"] is None and served["ece"] < 0.02


def test_without_json_a_table_is_shown(tmp_path):
    found = run("evaluate", "nocturnal", "--data", written(tmp_path, PEOPLE))
    assert found.exit_code == 0 and "bedtime_glucose" in found.stdout


def test_groups_are_told_by_phenotype(tmp_path):
    pytest.importorskip("sklearn", reason="needs the extra `train`")
    found = run("evaluate", "groups", "--data", written(tmp_path, PEOPLE), "--json")
    assert sum(json.loads(found.stdout)["phenotypes"].values()) == json.loads(found.stdout)["windows"] == 2


def test_the_served_models_are_evaluated_where_no_learning_library_is(tmp_path):
    path = written(tmp_path, PEOPLE)
    code = (
        "import sys\n"
        "for name in ('sklearn', 'interpret', 'lightgbm', 'torch', 'pandas', 'scipy', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from cds_service.cli import main\n"
        f"main(['evaluate', 'hypoglycemia', '--data', {str(path)!r}, '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "additive" in json.loads(done.stdout)["models"]


def test_a_model_that_learns_from_people_needs_a_file(tmp_path):
    found = run("train", "hypoglycemia", "--out", tmp_path)
    assert found.exit_code == 2 and "--data FILE is needed" in found.stderr


def test_training_on_a_file_of_another_kind_is_one_line_and_exit_2(tmp_path):
    pytest.importorskip("interpret", reason="needs the extra `train`")
    path = tmp_path / "people"
    path.write_bytes(b"PK\x03\x04 cut off")
    found = run("train", "nocturnal_hypoglycemia", "--data", path, "--out", tmp_path / "out")
    assert found.exit_code == 2 and "numpy arrays" in found.stderr and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "model", ["forecast", "comparison", "hypoglycemia", "nocturnal_hypoglycemia", "recorded_points"]
)
def test_people_too_few_to_leave_one_out_are_refused_before_anything_is_learned(tmp_path, model):
    people = {str(number): glucose(number, 2 if number < 4 else 0.5) for number in range(7)}
    found = run("train", model, "--data", written(tmp_path, people), "--out", tmp_path / "out")
    assert found.exit_code == 2 and not (tmp_path / "out").exists()
    assert "5 people with a day of CGM are needed" in found.stderr and "4 in the file" in found.stderr


@pytest.mark.parametrize(
    ("model", "always", "event"),
    [
        ("hypoglycemia", 55, "hypoglycemia"),
        ("hyperglycemia", 300, "hyperglycemia"),
        ("comparison", 300, "hyper"),
    ],
)
def test_people_always_inside_an_episode_are_refused_before_anything_is_learned(
    tmp_path, model, always, event
):
    people = {str(number): np.full(4 * SLOTS_PER_DAY, always) for number in range(6)}
    found = run("train", model, "--data", written(tmp_path, people), "--out", tmp_path / "out")
    assert found.exit_code == 2 and not (tmp_path / "out").exists()
    assert f"needed to learn of {event}" in found.stderr and "0 in the file" in found.stderr


FEW = {str(number): np.clip(3 * glucose(number, 4) - 160, 39, 401) for number in range(5)}
"""People with lows, highs and little else."""


@pytest.mark.parametrize(
    ("model", "files"),
    [
        ("forecast", {"glucose_forecast.json"}),
        (
            "comparison",
            {f"{name}_{h}.json" for name in ("hypoglycemia", "hyperglycemia") for h in ("030", "060", "120")}
            | {"nocturnal.json"},
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_model_is_made_again_from_a_file(tmp_path, model, files):
    for library in ("lightgbm", "torch", "sklearn"):
        pytest.importorskip(library, reason="needs the extra `train`")
    data = written(tmp_path, FEW)
    found = run("train", model, "--data", data, "--out", tmp_path / "out")
    assert found.exit_code == 0, found.stderr
    written_files = {path.name: json.loads(path.read_bytes()) for path in (tmp_path / "out").iterdir()}
    assert files <= set(written_files)
    for name in files:
        assert written_files[name]["data_sha256"].keys() == {data.name}
    if model == "comparison":
        assert {"boosting", "histogram_boosting"} <= set(written_files["nocturnal.json"]["loss"])
    assert "fold 5 of 5" in found.stderr or "decision_tree" in found.stderr


def test_the_forecast_is_the_same_bytes_when_it_is_made_again_from_the_same_people(tmp_path):
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    data = written(tmp_path, FEW)
    for folder in ("one", "two"):
        found = run("train", "forecast", "--data", data, "--out", tmp_path / folder)
        assert found.exit_code == 0, found.stderr
    one, two = (tmp_path / folder / "glucose_forecast.json" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes() and one.stat().st_size > 10_000


def test_a_model_that_there_is_not_is_refused():
    assert run("train", "oracle").exit_code == 2


@pytest.mark.parametrize("task", ["hypoglycemia", "nocturnal", "groups"])
def test_the_report_is_one_page_that_loads_nothing_and_names_every_model(tmp_path, task):
    pytest.importorskip("sklearn", reason="needs the extra `train`")
    path = written(tmp_path, PEOPLE)
    found = run("evaluate", task, "--data", path, "--report", tmp_path / "report", "--json")
    assert found.exit_code == 0, found.stderr
    page = (tmp_path / "report" / f"{task}.html").read_text()
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    for name in json.loads(found.stdout)["models"]:
        assert name.replace("_", " ") in page or name in page
    assert json.loads((tmp_path / "report" / f"{task}.json").read_bytes())["task"] == task


def test_the_report_draws_what_is_known_and_leaves_out_what_is_not(tmp_path):
    steady = {"a": 120.0 + np.arange(5760) % 3}
    found = run("evaluate", "hypoglycemia", "--data", written(tmp_path, steady), "--report", tmp_path)
    assert found.exit_code == 0, found.stderr
    page = (tmp_path / "hypoglycemia.html").read_text()
    assert "nan" not in page.lower() and page.count("<svg") == 5 * 3 + 2


def test_a_report_that_cannot_be_written_is_exit_2(tmp_path):
    path = written(tmp_path, PEOPLE)
    found = run("evaluate", "nocturnal", "--data", path, "--report", path / "inside")
    assert found.exit_code == 2
