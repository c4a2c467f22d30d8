"""The command line: JSON on stdout, messages on stderr, exit 2 on bad input."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from cds_service.cli import main
from cds_service.cli_output import log_on_stderr

GOLDEN = Path(__file__).with_name("golden") / "glucose-review"
POINT_KEYS = {
    "signal",
    "value",
    "unit",
    "at",
    "until",
    "native_value",
    "native_unit",
    "censored",
    "flags",
    "reference",
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def observation(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "99504-3"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": f"2026-05-01T08:{number:02d}:00Z",
        "valueQuantity": {"value": 100 + number, "system": "http://unitsofmeasure.org", "code": "mg/dL"},
    } | changes


RESOURCES = [observation(0), observation(5), observation(10, status="entered-in-error")]
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in RESOURCES]}
FORMS = {
    "bundle.json": json.dumps(BUNDLE).encode(),
    "array.json": json.dumps(RESOURCES).encode(),
    "lines.ndjson": "\n".join(json.dumps(r) for r in RESOURCES).encode(),
    "packed.json.gz": gzip.compress(json.dumps(BUNDLE).encode()),
    "request.json": json.dumps(
        {"hook": "patient-view", "context": {"patientId": "p1"}, "prefetch": {"cgm": BUNDLE}}
    ).encode(),
}


@pytest.mark.parametrize("name", FORMS)
def test_map_reads_every_form_alike(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(FORMS[name])
    done = run(
        "map", str(file), "--patient", "p1", "--points", "--dropped", "--as-of", "2026-05-02T00:00:00Z"
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert [(line["value"], line["at"]) for line in lines[:2]] == [
        (100, "2026-05-01T08:00:00Z"),
        (105, "2026-05-01T08:05:00Z"),
    ]
    assert set(lines[0]) == POINT_KEYS and set(lines[2]) == {"reference", "reason"}


def test_map_alone_counts_signals_with_first_and_last(tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(FORMS["bundle.json"])
    found = json.loads(run("map", str(file), "--patient", "p1", "--as-of", "2026-05-02T00:00:00Z").stdout)
    assert found["signals"]["glucose_cgm"]["count"] == 2


def test_map_says_where_the_resources_are_of_another_patient(tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(FORMS["bundle.json"])
    result = run("map", str(file), "--patient", "p2")
    assert result.exit_code == 0
    assert "3 resources are of another patient than p2" in result.stderr
    assert run("map", str(file), "--patient", "p1").stderr == ""


def test_log_lines_of_a_command_stay_out_of_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with log_on_stderr():
        structlog.get_logger().warning("jwks.unavailable")
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "jwks.unavailable" in streams.err


def test_map_and_explain_take_the_declarations_of_a_site(tmp_path: Path) -> None:
    file, aliases = tmp_path / "export.json", tmp_path / "aliases.toml"
    own = {"coding": [{"system": "urn:oid:1.2.3", "code": "301250"}]}
    amount = {"value": 112, "unit": "mg per dl"}
    naive = observation(1, code=own, valueQuantity=amount, effectiveDateTime="2026-05-01T10:00:00")
    file.write_text(json.dumps([naive]))
    aliases.write_text('[codes]\n"urn:oid:1.2.3|301250" = "glucose_smbg"\n[units]\n"mg per dl" = "mg/dL"\n')
    plain = ("map", str(file), "--patient", "p1", "--as-of", "2026-05-02T00:00:00Z", "--points", "--dropped")
    assert json.loads(run(*plain).stdout)["reason"] == "code_unmapped"
    declared = ("--aliases", str(aliases), "--zone", "Europe/Berlin")
    point = json.loads(run(*plain, *declared).stdout)
    assert (point["value"], point["unit"], point["at"]) == (112.0, "mg/dL", "2026-05-01T08:00:00Z")
    shown = run("explain", str(file), "--patient", "p1", "--json", *declared)
    assert json.loads(shown.stdout)["unknown_codes"] == {}


@pytest.mark.parametrize("text", ["codes = [", "colour = 'red'", "codes = 3"])
def test_an_alias_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    file, aliases = tmp_path / "export.json", tmp_path / "aliases.toml"
    file.write_text(json.dumps([observation(1)]))
    aliases.write_text(text)
    found = run("map", str(file), "--patient", "p1", "--aliases", str(aliases))
    assert found.exit_code == 2 and not found.stdout
    assert run("explain", str(file), "--patient", "p1", "--zone", "Mars/Base").exit_code == 2


def test_explain_prints_a_table_and_as_json_the_same(tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(FORMS["bundle.json"])
    arguments = ("explain", str(file), "--patient", "p1", "--as-of", "2026-05-02T00:00:00Z")
    assert "99504-3" in run(*arguments).stdout
    line = json.loads(run(*arguments, "--json").stdout)["arrived"][0]
    assert (line["arrived"], line["used"], sum(line["dropped"].values())) == (3, 2, 1)


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (("map", "--patient", "p1"), b"not json"),
        (("map", "--patient", "p1"), b"\xff\xfe"),
        (("map", "--patient", "p1", "--as-of", "yesterday"), b"[]"),
        (("map", "--patient", "p1", "--as-of", "2026-05-01T00:00:00"), b"[]"),
        (("map",), b"[]"),
        (("features",), b"a,b\n1,2\n"),
        (("features",), b"time,gl\nnot a time,5\n"),
        (("features",), b"time,gl\n"),
        (("features", "--days", "0"), b"time,gl\n2026-05-01 08:00:00,100\n"),
        (("features",), b"id,time,gl\na,2026-05-01 08:00:00,100\nb,2026-05-01 08:00:00,100\n"),
        (("answer", "no-such-service"), b"{}"),
        (("answer", "glucose-review"), b"{}"),
        (("answer", "insulin-adjustment"), (GOLDEN / "no-glucose.request.json").read_bytes()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_one_plain_sentence_and_exit_2(
    arguments: tuple[str, ...], content: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "input"
    file.write_bytes(content)
    done = run(*arguments, str(file))
    assert done.exit_code == 2 and done.stdout == "" and done.stderr
    assert "Traceback" not in done.stderr


REQUEST = json.loads((GOLDEN / "night-lows.request.json").read_bytes())
DAMAGED_REQUESTS = {
    "cut in the middle": json.dumps(REQUEST).encode()[:9_000],
    "packed and cut": gzip.compress(json.dumps(REQUEST).encode())[:900],
    "no JSON": b"<html>sign in</html>",
    "a list": b"[]",
    "hook of another type": json.dumps(REQUEST | {"hook": 7}).encode(),
    "context of another type": json.dumps(REQUEST | {"context": "p1"}).encode(),
    "prefetch of another type": json.dumps(REQUEST | {"prefetch": [1]}).encode(),
    "a prefetch entry of another type": json.dumps(
        REQUEST | {"prefetch": REQUEST["prefetch"] | {"cgm": 7}}
    ).encode(),
    **{
        f"no {name}": json.dumps({k: v for k, v in REQUEST.items() if k != name}).encode() for name in REQUEST
    },
}


@pytest.mark.parametrize("damage", DAMAGED_REQUESTS)
def test_the_answer_to_a_damaged_request_is_one_sentence(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(DAMAGED_REQUESTS[damage])
    done = run("answer", "glucose-review", str(file), "--as-of", "2026-05-15T12:00:00Z")
    assert isinstance(done.exception, SystemExit)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_file_that_is_not_there_is_exit_2() -> None:
    assert run("map", "/no/such/file", "--patient", "p1").exit_code == 2


def test_features_of_a_table_have_the_documented_keys(tmp_path: Path) -> None:
    file = tmp_path / "cgm.csv"
    rows = [f"2026-05-{day:02d} {hour:02d}:{minute:02d}:00,{90 + hour * 4}" for day in range(1, 15)
            for hour in range(24) for minute in range(0, 60, 5)]  # fmt: skip
    file.write_text("time,gl\n" + "\n".join(rows), encoding="utf-8")
    found = json.loads(run("features", str(file), "--zone", "Europe/Berlin").stdout)
    assert found["sensor_active_percent"] == pytest.approx(100)
    keys = (
        "mean_mgdl sd_mgdl cv_percent gmi_percent time_below_54_percent time_54_69_percent time_70_180_percent "
        "time_181_250_percent time_above_250_percent lbgi hbgi gri sensor_active_percent hypo_events "
        "hypo_level2_events hyper_events"
    )
    assert set(keys.split()) <= set(found)


def test_answer_gives_the_body_of_the_hook_and_the_same_bytes_again() -> None:
    arguments = (
        "answer",
        "glucose-review",
        str(GOLDEN / "night-lows.request.json"),
        "--as-of",
        "2026-05-15T12:00:00Z",
    )
    first, second = run(*arguments), run(*arguments)
    assert first.exit_code == 0 and first.stdout == second.stdout
    assert json.loads(first.stdout)["cards"][-1]["summary"].startswith("CGM: 3.7 % below 54 mg/dL")


def test_serve_names_every_missing_setting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEARABLE_CDS_PUBLIC_BASE_URL", raising=False)
    done = run("tenants", "check")
    assert done.exit_code == 2
    assert all(
        name in done.stderr for name in ("PUBLIC_BASE_URL", "DATABASE_URL", "SECRET_KEY", "TENANTS_FILE")
    )


def test_a_new_key_is_private_and_has_its_id() -> None:
    (key,) = json.loads(run("keys", "new", "--id", "k1").stdout)["keys"]
    assert (key["kid"], key["kty"], key["crv"]) == ("k1", "EC", "P-384") and key["d"]
