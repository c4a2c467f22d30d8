"""Hook requests of any length for the measurements, and a service in this process that answers them."""

import io
import json
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import payload
from joserfc import jwt
from joserfc.jwk import ECKey

from cds_service.addresses import parse_base
from cds_service.app import create_app
from cds_service.logs import configure_logs
from cds_service.settings import Settings
from cds_service.tenants import Limits, Tenant

BASE = "https://cds.example.org"
ISSUER = "https://ehr.example.org"
PATH = "/cds-services/glucose-review"
NEVER_REACHED = 10_000_000


def end_now(days: int) -> None:
    """Let the readings of the payload end now, on a whole five minutes."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    payload.START = now - timedelta(days=days, minutes=now.minute % 5)


def type_1_diabetes() -> bytes:
    """A problem list for which every risk model answers."""
    status = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": {"coding": [status]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "46635009"}]},
        "subject": {"reference": f"Patient/{payload.PATIENT}"},
    }
    return payload.searchset([condition])


def question(days: int, conditions: bytes = b"null") -> bytes:
    """A patient-view call with everything in prefetch: the patient, CGM, vital signs, no fingersticks, and the
    problem list, which is known to be empty if none is given.
    """
    end_now(days)
    pages = payload.pages(days)
    head = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/dr-1", "patientId": payload.PATIENT},
    }
    prefetch = b",".join(
        [b'"patient":' + pages["patient"][0], b'"cgm":' + pages["glucose"][0], b'"vitals":' + pages["vitals"][0],
         b'"fingersticks":null,"conditions":' + conditions]
    )  # fmt: skip
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"prefetch":{' + prefetch + b"}}"


def sign(key: ECKey, audience: str) -> str:
    """A hook token."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex}
    return jwt.encode({"alg": "ES384", "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=["ES384"])


class Service:
    """The application in this process; `answer` gives it one signed call as gunicorn would."""

    def __init__(self, folder: Path) -> None:
        self.key = ECKey.generate_key("P-384", {"kid": "k", "alg": "ES384", "use": "sig"})
        limits = Limits(requests_per_minute=NEVER_REACHED)
        tenant = Tenant(id="bench", issuer=ISSUER, jwks={"keys": [self.key.as_dict(private=False)]},
                        zone="Europe/Berlin", limits=limits)  # fmt: skip
        self.app = create_app(
            Settings(
                parse_base(BASE), f"sqlite:///{folder / 'bench.sqlite'}", urlsafe_b64encode(b"k" * 32), (tenant,),
                hook_body_limit_bytes=64 * 1024 * 1024, requests_per_minute_per_address=NEVER_REACHED,
            )
        )  # fmt: skip

    def tokens(self, count: int) -> list[str]:
        """Signed beforehand: the EHR's work is not ours."""
        return [sign(self.key, BASE + PATH) for _ in range(count)]

    def answer(self, body: bytes, token: str) -> bytes:
        """The answer's body. Raises AssertionError where it is not 200."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST", "PATH_INFO": PATH, "SCRIPT_NAME": "", "QUERY_STRING": "",
            "SERVER_NAME": "cds", "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_HOST": "cds",
        }  # fmt: skip
        statuses: list[str] = []
        chunks = b"".join(self.app(environ, lambda status, *_: statuses.append(status)))
        assert statuses[0].startswith("200"), chunks
        return chunks


@contextmanager
def service() -> Iterator[Service]:
    """A service with a database in a folder of its own."""
    configure_logs("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        yield Service(Path(folder))
