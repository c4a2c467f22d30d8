"""Marked secrets go through hook calls that succeed and fail; none may turn up where it does not belong."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from canaries import leaks
from fake_ehr import FakeEhr, known_to
from joserfc.jwk import ECKey

from cds_service.settings import Settings

ACCESS_TOKEN = "canary-access-token"
FAMILY = "Canaryfamily"
PATIENT_ID = "p-ok"
COMMENT = "canary comment of a user"
URL = "/cds-services/glucose-review"


@pytest.fixture
def settings(settings: Settings, fake: FakeEhr) -> Settings:
    return known_to(settings, fake)


def hook(fake: FakeEhr) -> dict[str, Any]:
    patient = {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "name": [{"family": FAMILY}],
        "birthDate": "1980-02-11",
    }
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ab82-33b2ec2a2b1c",
        "context": {"userId": "Practitioner/dr-1", "patientId": PATIENT_ID},
        "prefetch": {"patient": patient},
        "fhirServer": fake.base,
        "fhirAuthorization": {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "us",
        },
    }


@pytest.mark.spec("JW15", "X13", "FA8", "CH3", "ER3", "K-02")
def test_JW15_X13_CH3_no_token_and_no_name_reaches_logs_disk_or_answers(
    ehr: Any, fake: FakeEhr, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = ehr.token(f"https://cds.example.org{URL}")
    forged = ehr.token(f"https://cds.example.org{URL}", key=ECKey.generate_key("P-384", {"kid": "ehr-key-1"}))
    answers = []
    for token in (good, good, forged, f"{good}x", "eyJhbGciOiJub25lIn0.e30."):
        sent = {"Authorization": f"Bearer {token}"}
        answers.append(ehr.client.post(URL, json=hook(fake), headers=sent))
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 401]
    card = answers[0].json["cards"][0]["uuid"]
    item = {
        "card": card,
        "outcome": "overridden",
        "outcomeTimestamp": "2026-05-15T08:00:00Z",
        "overrideReason": {"userComment": COMMENT},
    }
    assert ehr.post(f"{URL}/feedback", {"feedback": [item]}).status_code == 200
    assert any(seen.headers["Authorization"] == f"Bearer {ACCESS_TOKEN}" for seen in fake.seen)

    printed = "".join(capfd.readouterr())
    told = "".join(answer.get_data(as_text=True) + str(answer.headers) for answer in answers)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert card.encode() in kept, "the scan looks at the right files"
    assert "jwt.sig" in printed, "the scan looks at the right log"
    for secret in (good, forged, good.rpartition(".")[2], ACCESS_TOKEN, FAMILY, COMMENT):
        assert secret not in printed
        assert secret not in told
        assert secret.encode() not in kept
    assert PATIENT_ID not in printed.replace(fake.base, "")
    assert f"Patient/{PATIENT_ID}".encode() not in kept


LEAKS = {
    "a name": 'print("family Canaryfamily")',
    "a birth date": 'print("born 1966-02-03", file=sys.stderr)',
    "a bearer token": 'logging.warning("sent %s", "Bearer abc.def")',
    "a signed token": 'os.system("echo eyJhbGciOiJub25lIn0.e30.c2ln")',
    "a patient": 'structlog.get_logger().info("read", at="Patient/p1")',
}


@pytest.mark.spec("K-02")
def test_K02_any_test_that_prints_or_logs_a_secret_fails_and_names_it(tmp_path: Path) -> None:
    lines = [
        "import logging, os, sys, structlog",
        "def test_quiet():",
        '    logging.warning("of 2026-05-15")',
    ]
    for number, leak in enumerate(LEAKS.values()):
        lines += [f"def test_{number}():", f"    {leak}"]
    (tmp_path / "test_leaky.py").write_text("\n".join(lines))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "canaries",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    paths = {"PYTHONPATH": str(Path(__file__).parent), "PYTEST_ADDOPTS": ""}
    ran = subprocess.run(
        command, check=False, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True
    )
    assert f"{len(LEAKS)} failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_what_logs_do_hold_is_taken_for_no_secret() -> None:
    assert leaks('{"event": "hook.answered", "timestamp": "2026-05-15T08:00:00Z", "reason": "jwt.sig"}') == []
