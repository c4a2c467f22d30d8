"""What trust costs, and how long a hook takes while the EHR fails. Run: python tests/benchmarks/trust.py"""

import json
import logging
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_ehr import BEHAVIOURS, FakeEhr, running

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.client_auth import Verifier
from cds_service.egress import Egress
from cds_service.jwks import KeySets
from cds_service.settings import Settings
from cds_service.store.audit import Audit, Event
from cds_service.store.database import open_database
from cds_service.store.decisions import DecisionRecord, Decisions
from cds_service.store.feedback import Feedback, FeedbackItem, GivenCard
from cds_service.store.replay import SqlUsedTokens
from cds_service.tenants import FhirBase, Tenant

KEY = b"k" * 44
BASE_URL = "https://cds.example.org"
HOOK = f"{BASE_URL}/cds-services/glucose-review"
EVENT = Event(
    1, "hook.call", "answered", "issuer", "Practitioner/7", "patient", "service", "hook", "instance"
)
ROUNDS = 300


def spread_ms(call: Callable[[], object], rounds: int = ROUNDS) -> dict[str, float]:
    """Median and 99th percentile of the rounds after a warm-up."""
    call()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return {"p50_ms": round(times[rounds // 2], 3), "p99_ms": round(times[int(rounds * 0.99)], 3)}


class _Anyone:
    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        return True


def token(key: Key, algorithm: str, audience: str) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "ehr",
        "aud": audience,
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode({"alg": algorithm, "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=[algorithm])


def verification(key: Key, algorithm: str) -> dict[str, float]:
    tenants = [Tenant("north", "ehr", jwks={"keys": [key.as_dict(private=False)]})]
    verifier = Verifier(tenants, KeySets(tenants, Egress()), _Anyone())
    header = [f"Bearer {token(key, algorithm, HOOK)}"]
    return spread_ms(lambda: verifier.verify(header, {HOOK}, time.time_ns() // 1_000_000))


def storage(folder: str) -> dict[str, dict[str, float]]:
    engine = open_database(f"sqlite:///{folder}/store.db")
    used, audit = SqlUsedTokens(engine), Audit(engine, KEY)
    decisions, feedback = Decisions(engine, audit, KEY), Feedback(engine, KEY)

    def decide() -> None:
        made = DecisionRecord(str(uuid.uuid4()), "s", "i", 1, "o", "0" * 64, {"model": "1"}, b"x" * 8000)
        cards = [GivenCard(str(uuid.uuid4()), "s", "i", 1) for _ in range(3)]
        decisions.record("north", made, cards, EVENT)

    return {
        "used_token": spread_ms(lambda: used.first_use("ehr", uuid.uuid4().hex, 10**13, 0)),
        "decision_with_cards_and_audit_line": spread_ms(decide),
        "feedback": spread_ms(
            lambda: feedback.record("north", "s", [FeedbackItem(str(uuid.uuid4()), "accepted", 1)], 1)
        ),
    }


def fault(fake: FakeEhr, patient: str, key: ECKey) -> dict[str, Any]:
    """One hook call, without prefetched glucose, at an EHR that behaves as the patient's name says."""
    with tempfile.TemporaryDirectory() as folder:
        base = FhirBase(parse_base(fake.base, loopback=True), allow_private=True)
        tenant = Tenant("north", "ehr", jwks={"keys": [key.as_dict(private=False)]}, fhir_bases=(base,))
        secret = urlsafe_b64encode(b"k" * 32)
        database = f"sqlite:///{folder}/store.db"
        app = create_app(Settings(parse_base(BASE_URL), database, secret, (tenant,)))
        sent = {"Authorization": f"Bearer {token(key, 'ES384', HOOK)}"}
        with app.test_client() as client:
            started = time.perf_counter()
            answer = client.post("/cds-services/glucose-review", json=hook(fake, patient), headers=sent)
            took_ms = (time.perf_counter() - started) * 1000
        app.extensions["wearable_cds"].egress.close()
    cards = [card["summary"] for card in answer.json.get("cards", [])]
    return {"status": answer.status_code, "ms": round(took_ms), "cards": cards}


def hook(fake: FakeEhr, patient: str) -> dict[str, Any]:
    access = {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "us",
    }
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": patient},
        "prefetch": {"patient": {"resourceType": "Patient", "id": patient, "birthDate": "1980-02-11"}},
        "fhirServer": fake.base,
        "fhirAuthorization": access,
    }


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    ec, rsa = ECKey.generate_key("P-384", {"kid": "e"}), RSAKey.generate_key(2048, {"kid": "r"})
    with tempfile.TemporaryDirectory() as folder:
        measured: dict[str, Any] = storage(folder)
    measured |= {"verify_es384": verification(ec, "ES384"), "verify_rs384": verification(rsa, "RS384")}
    measured["faults"] = {}
    for patient in sorted(BEHAVIOURS):
        with running() as fake:
            measured["faults"][patient] = fault(fake, patient, ec)
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
