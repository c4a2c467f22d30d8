"""`wearable-cds evaluate vitals`: whose records it reads, from arrays, a table or FHIR, and what it refuses."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.people_files import wearers_of
from models import signals
from models.simulation.vital_signs import START_MS, virtual_wearer
from models.training.cgm_people import SLOT_ZERO_MS

DAYS = 60
STEP_MS = 300_000
FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def run(*arguments):
    return CliRunner().invoke(main, ["evaluate", "vitals", *map(str, arguments)])


def hourly(seed):
    """Heart rate of one person, a value an hour, as slots since 2015 and values."""
    series = virtual_wearer("w", np.random.default_rng(seed), DAYS).series[signals.HEART_RATE]
    return (series.at_ms - SLOT_ZERO_MS) // STEP_MS, series.value.round()


def arrays(people, prefix="", name="heart_rate"):
    """The open data set's arrays, for slots and values of each person."""
    code = np.concatenate([np.full(slot.size, index) for index, (slot, _) in enumerate(people)])
    delta = np.concatenate([np.diff(slot, prepend=0) for slot, _ in people])
    value = np.concatenate([value for _, value in people])
    return {f"{prefix}code": code, f"{prefix}slot_delta": delta, name: value}


def npz(folder, **columns):
    path = folder / "people.npz"
    np.savez(path, ids=np.array(["a", "b"]), **columns)
    return path


PEOPLE = [hourly(1), hourly(2)]


def test_a_signal_beside_the_glucose_of_each_row_is_read(tmp_path):
    columns = arrays(PEOPLE)
    glucose = np.full(columns["code"].size, 120)
    columns["heart_rate"] = np.where(np.arange(glucose.size) % 2, np.nan, columns["heart_rate"])
    one, two = wearers_of(npz(tmp_path, **columns, mgdl=glucose))
    assert [one.patient_id, two.patient_id] == ["a", "b"]
    slot, value = PEOPLE[0]
    heart = one.series[signals.HEART_RATE]
    np.testing.assert_array_equal(heart.value, value[::2])
    np.testing.assert_array_equal(heart.at_ms, SLOT_ZERO_MS + slot[::2] * STEP_MS)
    assert len(one.series[signals.GLUCOSE_CGM]) == slot.size


def test_a_signal_with_rows_of_its_own_is_read(tmp_path):
    columns = arrays(PEOPLE, "heart_rate_")
    glucose = arrays([PEOPLE[0]], name="mgdl")
    one, two = wearers_of(npz(tmp_path, **columns, **glucose))
    np.testing.assert_array_equal(two.series[signals.HEART_RATE].value, PEOPLE[1][1])
    assert signals.GLUCOSE_CGM in one.series and signals.GLUCOSE_CGM not in two.series


def table(kind="heart_rate"):
    for name, (slot, value) in zip("ab", PEOPLE, strict=True):
        for at, number in zip(slot, value, strict=True):
            when = datetime.fromtimestamp((SLOT_ZERO_MS + int(at) * STEP_MS) / 1000, UTC)
            yield f"{name},{when:%Y-%m-%dT%H:%M},{kind},{number}"


def test_a_table_of_events_is_the_same_people(tmp_path):
    path = tmp_path / "events.csv.gz"
    path.write_bytes(
        gzip.compress("\n".join(["id,time,kind,value", *table(), "a,2026-01-01T10:00,bolus_u,3"]).encode())
    )
    of_table, of_arrays = wearers_of(path), wearers_of(npz(tmp_path, **arrays(PEOPLE)))
    for one, other in zip(of_table, of_arrays, strict=True):
        assert one.patient_id == other.patient_id and set(one.series) == {signals.HEART_RATE}
        np.testing.assert_array_equal(one.series["heart_rate"].at_ms, other.series["heart_rate"].at_ms)
        np.testing.assert_array_equal(one.series["heart_rate"].value, other.series["heart_rate"].value)


def observation(name, day, value):
    return {
        "resourceType": "Observation",
        "id": f"{name}-{day}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "40443-4"}]},
        "subject": {"reference": f"Patient/{name}"},
        "effectiveDateTime": (FIRST - timedelta(days=300 - day)).isoformat(),
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "/min"},
    }


def test_people_in_fhir_are_evaluated_with_events_in_their_own_series(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "export.ndjson"
    days = [observation(name, day, round(rng.normal(62, 2))) for name in "ab" for day in range(120)]
    path.write_text("\n".join(map(json.dumps, days)))
    assert [len(one.series[signals.HEART_RATE_RESTING]) for one in wearers_of(path, "Europe/Berlin")] == [
        120,
        120,
    ]
    done = run("--data", path, "--zone", "Europe/Berlin", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["people"] == 2 and found["patient_days"] == 2 * 92 and "measured records" in found["source"]
    assert found["events"]["resting_heart_rate_rise"] == 10 and found["events"]["fast_heart"] == 0
    rise = {name: of["resting_heart_rate_rise"] for name, of in found["models"].items() if len(of) > 1}
    assert rise["own_baseline"]["sensitivity"] > 0.8
    at_80 = [rise[name]["false_alarms_per_day_at_80"] for name in ("own_baseline", "fixed_thresholds")]
    assert at_80[0] < at_80[1] or at_80[0] == 0
    assert "fast_heart" in found["not_asked"]


def test_generated_people_are_said_to_be_generated(tmp_path):
    done = run("--generated", "--people", 2, "--days", 60, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["people"] == 2
    assert "generated people" in json.loads(done.stdout)["source"] and "generated people" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--generated", "--data", __file__)])
def test_a_file_or_generated_people_are_asked_for_never_neither_or_both(arguments):
    done = run(*arguments)
    assert done.exit_code == 2 and "--data FILE, or --generated" in done.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the columns id, time, kind, value are needed"),
        (b"time,gl\n2026-01-01T00:00,100\n", "the columns"),
        (b"id,time,kind,value\na,yesterday,steps,3\n", "line 2"),
        (b"id,time,kind,value\na,2026-01-01T00:00,bolus_u,3\n", "no value of a wearable"),
        (b'{"resourceType":"Patient","id":"p1"}', "no value of a wearable"),
        (b'{"a": 1', "nor FHIR"),
        (b"PK\x03\x04 cut off", "zip"),
    ],
)
def test_a_file_of_another_kind_is_one_line_and_exit_2(tmp_path, content, told):
    path = tmp_path / "people"
    path.write_bytes(content)
    done = run("--data", path, "--json")
    assert done.exit_code == 2 and done.stdout == ""
    assert told in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"heart_rate": np.zeros(3)}, "differs in length"),
        ({"heart_rate": np.zeros(3), "code": np.zeros(2), "slot_delta": np.zeros(3)}, "differs in length"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path, columns, told):
    done = run("--data", npz(tmp_path, **columns))
    assert done.exit_code == 2 and told in done.stderr


def test_values_that_are_no_number_or_negative_are_left_out(tmp_path):
    columns = {"heart_rate": [60, np.nan, -1, np.inf, 70], "code": [0] * 5, "slot_delta": [100, 1, 1, 1, 1]}
    (one,) = wearers_of(npz(tmp_path, **columns))
    assert one.series["heart_rate"].value.tolist() == [60, 70]


def test_people_whose_records_are_too_short_are_refused_with_the_reason(tmp_path):
    (slot, value), short = PEOPLE[0], slice(0, 200)
    done = run("--data", npz(tmp_path, **arrays([(slot[short], value[short])])))
    assert done.exit_code == 2 and "nobody has six weeks" in done.stderr


def test_cgm_alone_is_asked_about_its_own_silence(tmp_path):
    slot = START_MS // STEP_MS - SLOT_ZERO_MS // STEP_MS + np.arange(0, DAYS * 288, 3)
    done = run("--data", npz(tmp_path, **arrays([(slot, np.full(slot.size, 130))], name="mgdl")), "--json")
    assert done.exit_code == 0, done.stderr
    silence = json.loads(done.stdout)["models"]["own_baseline"]["silence"]
    assert silence["sensitivity"] == 1.0 and silence["false_alarms_per_day"] == 0.0


def test_the_report_is_one_page_that_loads_nothing_and_draws_each_kind(tmp_path):
    done = run("--generated", "--people", 2, "--days", 60, "--report", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "vitals.html").read_text()
    assert not re.search(r"(src|href)=|url\(|@import|<script", page) and "nan" not in page.lower()
    assert page.count("<svg") == len(json.loads(done.stdout)["events"])
    assert "Generated people" in page
