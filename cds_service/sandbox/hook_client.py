"""The calling side of CDS Hooks: discovery, hook calls and feedback, signed as the specification asks.

Used by the pages and by tests; the CDS service on the other side is reached over HTTP like any other.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import requests

from cds_service.sandbox.access import TOKEN_LIFETIME_S
from cds_service.sandbox.fhir_server import FhirServer
from cds_service.sandbox.prefetch_fill import Behaviour, fill
from cds_service.sandbox.signing import Signer
from fhir_mappers.references import objects

Json = dict[str, Any]

TIMEOUT_S: Final = 15.0
SCOPE: Final = " ".join(
    f"patient/{name}.rs"
    for name in ("Patient", "Observation", "Condition", "MedicationRequest", "MedicationAdministration")
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as it happened. `status` 0: the service did not answer; `answer` then says why.

    `sent` is the request without its prefetch; `prefetch` has the JSON text of each key.
    """

    service: Json
    url: str
    sent: Json
    prefetch: Mapping[str, bytes]
    status: int
    answer: Any
    gathered_ms: float
    answered_ms: float
    sent_bytes: int

    @property
    def cards(self) -> Sequence[Json]:
        """The cards of a successful answer."""
        cards = self.answer.get("cards") if self.status == 200 and isinstance(self.answer, dict) else None
        return cards if isinstance(cards, list) else []

    @property
    def reason(self) -> str:
        """Why there is no answer, in the words of the service's OperationOutcome; empty without one."""
        issues = objects(self.answer.get("issue")) if isinstance(self.answer, dict) else ()
        return next((str(issue.get("diagnostics", "")) for issue in issues), "")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the service gets its data: by prefetch (some keys perhaps badly), or only by reading FHIR."""

    prefetch: bool = True
    ways: Mapping[str, Behaviour] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HookClient:
    """This EHR as a CDS client. `service_base` has no trailing slash; `client_id` is the service's here."""

    server: FhirServer
    signer: Signer
    service_base: str
    client_id: str

    def discover(self) -> Sequence[Json]:
        """The services on offer. Raises requests.RequestException when the service cannot be reached."""
        url = f"{self.service_base}/cds-services"
        response = requests.get(url, headers=self._headers(url), timeout=TIMEOUT_S)
        response.raise_for_status()
        services: Sequence[Json] = response.json()["services"]
        return services

    def call(self, service: Json, context: Json, reading: Reading) -> Exchange:
        """Fires the service's hook for this context and waits for the cards."""
        url = f"{self.service_base}/cds-services/{service['id']}"
        sent = self._envelope(service["hook"], context)
        started = time.perf_counter()
        templates = service.get("prefetch", {}) if reading.prefetch else {}
        prefetch = self.server.breakage.in_prefetch(fill(self.server, templates, context, reading.ways))
        body = _body(sent, prefetch)
        gathered = time.perf_counter()
        status, answer = self._post(url, body)
        return Exchange(
            service=service,
            url=url,
            sent=sent,
            prefetch=prefetch,
            status=status,
            answer=answer,
            gathered_ms=(gathered - started) * 1000,
            answered_ms=(time.perf_counter() - gathered) * 1000,
            sent_bytes=len(body),
        )

    def feedback(self, service_id: str, items: Sequence[Json]) -> tuple[int, Any]:
        """Tells the service what became of its cards: status and body of its answer."""
        url = f"{self.service_base}/cds-services/{service_id}/feedback"
        return self._post(url, orjson.dumps({"feedback": list(items)}))

    def _envelope(self, hook: str, context: Json) -> Json:
        token = self.server.tokens.issue(SCOPE, self.client_id, context["patientId"])
        return {
            "hook": hook,
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self.server.base,
            "fhirAuthorization": {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFETIME_S,
                "scope": SCOPE,
                "subject": self.client_id,
                "patient": context["patientId"],
            },
            "context": context,
        }

    def _headers(self, url: str) -> dict[str, str]:
        token = self.signer.token(url, self.server.storage.clock())
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def _post(self, url: str, body: bytes) -> tuple[int, Any]:
        try:
            response = requests.post(url, data=body, headers=self._headers(url), timeout=TIMEOUT_S)
        except requests.RequestException as failure:
            return 0, f"The CDS service did not answer: {type(failure).__name__}"
        try:
            return response.status_code, response.json()
        except ValueError:
            return response.status_code, response.text


def _body(sent: Json, prefetch: Mapping[str, bytes]) -> bytes:
    filled = {key: orjson.Fragment(text) for key, text in prefetch.items()}
    return orjson.dumps(sent | ({"prefetch": filled} if filled else {}))
