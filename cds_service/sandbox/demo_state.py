"""What the demonstration keeps in its folder: keys, the tenant registration, and the service's environment.

Written by `demo` before the two processes start; everything secret is readable by its owner alone.
"""

import os
import secrets
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from cds_service.own_keys import new_key, read_own_keys
from cds_service.sandbox.app import APP_CLIENT_ID, CLIENT_ID, SandboxSettings
from cds_service.sandbox.patients import simulated_patients
from cds_service.sandbox.personas import PERSONAS
from cds_service.sandbox.signing import Signer, write_secret
from cds_service.sandbox.storage import Storage

TITRATION_TABLE: Final = "ada-basal"

_TENANT: Final = """\
# The demonstration EHR, as the CDS service knows it. Written anew at each start.
[[tenant]]
id = "demonstration"
issuer = "{origin}"
client_id = "{client_id}"
jwks_file = "ehr-jwks.json"
prefetch_dialect = "relative-date"
titration_table = "{table}"

[[tenant.fhir_bases]]
url = "{origin}/fhir"
allow_private = true

[tenant.services.insulin-adjustment]
enabled = true
approver = "Demonstration"
approved_on = {today}

[tenant.services.insulin-order-check]
enabled = true
approver = "Demonstration"
approved_on = {today}

[tenant.services.setting-adjustment]
enabled = true
approver = "Demonstration"
approved_on = {today}

[tenant.backend]
client_id = "{client_id}"
token_url = "{origin}/auth/token"
keys_file = "backend-keys.json"
scopes = ["system/*.rs"]
allow_private = true

[tenant.app]
client_id = "{app_client_id}"
authorize_url = "{origin}/auth/authorize"
token_url = "{origin}/auth/token"
keys_file = "backend-keys.json"
openid_keys_url = "{origin}/.well-known/jwks.json"
frame_ancestors = ["{origin}"]
allow_private = true
"""


@dataclass(frozen=True, slots=True)
class DemoState:
    """The folder of one demonstration, and the addresses of its two processes."""

    folder: Path
    service_base: str
    sandbox_origin: str

    @property
    def sandbox(self) -> SandboxSettings:
        """How the sandbox is started."""
        return SandboxSettings(self.sandbox_origin, self.service_base, self.folder, self._backend_keys())

    def prepare(self) -> dict[str, str]:
        """Writes keys and registration; gives the environment for the CDS service."""
        self.folder.mkdir(parents=True, exist_ok=True)
        signer = Signer.at(self.folder / "ehr-signing-key.pem", self.sandbox_origin)
        self._backend_keys()
        (self.folder / "ehr-jwks.json").write_bytes(orjson.dumps(signer.key_set()))
        (self.folder / "tenants.toml").write_text(self._registration(), "utf-8")
        secret = self.folder / "service-secret"
        if not secret.exists():
            write_secret(secret, urlsafe_b64encode(secrets.token_bytes(32)))
        return dict(os.environ) | {
            "WEARABLE_CDS_DEVELOPMENT": "true",
            "WEARABLE_CDS_PUBLIC_BASE_URL": self.service_base,
            "WEARABLE_CDS_DATABASE_URL": f"sqlite:///{(self.folder / 'service.sqlite').resolve()}",
            "WEARABLE_CDS_SECRET_KEY_FILE": str(secret.resolve()),
            "WEARABLE_CDS_TENANTS_FILE": str((self.folder / "tenants.toml").resolve()),
        }

    def _registration(self) -> str:
        return _TENANT.format(
            origin=self.sandbox_origin,
            client_id=CLIENT_ID,
            app_client_id=APP_CLIENT_ID,
            table=TITRATION_TABLE,
            today=datetime.now(UTC).date(),
        )

    def _backend_keys(self) -> dict[str, Any]:
        """The CDS service's public keys as a Backend Services client of the sandbox."""
        path = self.folder / "backend-keys.json"
        if not path.exists():
            write_secret(path, orjson.dumps({"keys": [new_key("ES384", uuid.uuid4().hex)]}))
        return {"keys": list(read_own_keys(path).public)}


def refill(storage: Storage) -> int:
    """Simulates the patients anew, up to now; other patients stay. Gives the number of resources."""
    with storage.atomic():
        for persona in PERSONAS:
            storage.forget_patient(persona.id)
        return storage.put_all(simulated_patients(storage.clock()))
