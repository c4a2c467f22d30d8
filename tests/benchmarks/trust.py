"""What trust costs, and how long a hook takes while the EHR fails. Run: python -m tests.benchmarks trust"""

import json
import logging
import socket
import sqlite3
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from werkzeug.test import TestResponse

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import noisy_tenant
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


def token(key: Key, algorithm: str, audience: str, **changes: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "ehr",
        "aud": audience,
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
    }
    header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, claims | changes, key, algorithms=[algorithm])


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


@dataclass(frozen=True)
class Caller:
    """A service in this process, and an EHR that calls it."""

    client: FlaskClient
    key: ECKey

    def call(self, body: dict[str, Any]) -> tuple[TestResponse, float]:
        """The answer, and how many milliseconds it took."""
        sent = {"Authorization": f"Bearer {token(self.key, 'ES384', HOOK)}"}
        started = time.perf_counter()
        answer = self.client.post("/cds-services/glucose-review", json=body, headers=sent)
        return answer, (time.perf_counter() - started) * 1000


@contextmanager
def calling(fake: FakeEhr, key: ECKey, folder: str, **settings: Any) -> Iterator[Caller]:
    base = FhirBase(parse_base(fake.base, loopback=True), allow_private=True)
    tenant = Tenant("north", "ehr", jwks={"keys": [key.as_dict(private=False)]}, fhir_bases=(base,))
    secret = urlsafe_b64encode(b"k" * 32)
    database = f"sqlite:///{folder}/store.db"
    app = create_app(Settings(parse_base(BASE_URL), database, secret, (tenant,), **settings))
    with app.test_client() as client:
        yield Caller(client, key)
    app.extensions["wearable_cds"].egress.close()


def row(answer: TestResponse, ms: float) -> dict[str, Any]:
    """One line of the table of faults."""
    cards = [card["summary"] for card in answer.json.get("cards", [])]
    return {"status": answer.status_code, "ms": round(ms), "cards": cards}


def ehr_fault(patient: str, key: ECKey) -> dict[str, Any]:
    """One hook call, without prefetched glucose, at an EHR that behaves as the patient's name says."""
    with running() as fake, tempfile.TemporaryDirectory() as folder, calling(fake, key, folder) as caller:
        return row(*caller.call(hook(fake, patient)))


def own_faults(key: ECKey) -> dict[str, dict[str, Any]]:
    """What depends on us being down: Redis, the database, its disk."""
    found = {}
    with running() as fake, tempfile.TemporaryDirectory() as folder:
        with calling(fake, key, folder, redis_url="redis://127.0.0.1:1") as caller:
            found["redis dead"] = row(*caller.call(hook(fake, "p-none")))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"redis://127.0.0.1:{silent.getsockname()[1]}"
            with calling(fake, key, folder, redis_url=address) as caller:
                found["redis silent"] = row(*caller.call(hook(fake, "p-none")))
        with calling(fake, key, folder) as caller, closing(sqlite3.connect(f"{folder}/store.db")) as holder:
            holder.execute("begin immediate")
            found["database locked"] = row(*caller.call(hook(fake, "p-none")))
            holder.rollback()
            holder.execute("drop table used_token")
            found["database damaged"] = row(*caller.call(hook(fake, "p-none")))
    return found


def refusals(key: ECKey) -> dict[str, dict[str, float]]:
    """How long refusals take by reason: an outsider must not learn the reason from the time (A-22)."""
    with running() as fake, tempfile.TemporaryDirectory() as folder, calling(fake, key, folder) as caller:
        good = token(key, "ES384", HOOK)
        stranger = ECKey.generate_key("P-384", {"kid": "e"})
        reasons = {
            "used": good,
            "malformed": "a.b.c",
            "unknown issuer": token(key, "ES384", HOOK, iss="nobody"),
            "unknown key": token(ECKey.generate_key("P-384", {"kid": "nobody's"}), "ES384", HOOK),
            "algorithm of another": token(ECKey.generate_key("P-256", {"kid": "e"}), "ES256", HOOK),
            "algorithm of another, unknown issuer": token(
                ECKey.generate_key("P-256", {"kid": "e"}), "ES256", HOOK, iss="nobody"
            ),
            "wrong signature": token(stranger, "ES384", HOOK),
            "wrong audience": token(key, "ES384", "https://other.example"),
        }

        def refused(text: str) -> None:
            sent = {"Authorization": f"Bearer {text}"}
            caller.client.post("/cds-services/glucose-review", data=b"{}", headers=sent)

        refused(good)
        return {reason: spread_ms(lambda text=text: refused(text)) for reason, text in reasons.items()}


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


def measure() -> dict[str, Any]:
    """Everything; the table of faults also goes to stderr as it grows."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    ec, rsa = ECKey.generate_key("P-384", {"kid": "e"}), RSAKey.generate_key(2048, {"kid": "r"})
    with tempfile.TemporaryDirectory() as folder:
        measured: dict[str, Any] = storage(folder)
    measured |= {"verify_es384": verification(ec, "ES384"), "verify_rs384": verification(rsa, "RS384")}
    faults = own_faults(ec)
    for patient in sorted(BEHAVIOURS):
        faults[patient] = ehr_fault(patient, ec)
        print(f"{patient:18} {faults[patient]['status']} {faults[patient]['ms']:6} ms", file=sys.stderr)
    times = [fault["ms"] for fault in faults.values()]
    return measured | {
        "refusals": refusals(ec),
        "noisy_tenant": noisy_tenant.measure(),
        "faults": faults,
        "faults_slowest_ms": max(times),
        "faults_with_500": sum(fault["status"] == 500 for fault in faults.values()),
        "faults_silent": sum(fault["status"] == 200 and not fault["cards"] for fault in faults.values()),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
