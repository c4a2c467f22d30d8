"""Tenants: the organisations whose EHR may call, with their keys, servers, units and enabled services.

Plain records; `tenants_file` reads them, `client_auth` chooses one per call, everything after asks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from cds_service.addresses import Address, UnacceptableAddress, parse_base
from hooks.errors import Forbidden
from models.dosing.safety_limits import SafetyLimits

GlucoseUnit = Literal["mg/dL", "mmol/L"]
PrefetchDialect = Literal["core", "relative-date"]
SearchMethod = Literal["post", "post-or-get", "get"]
"""POST keeps patients' ids out of access logs; `post-or-get` asks by GET where the server takes no POST."""

ALGORITHMS: Final = ("ES384", "RS384", "ES256", "RS256", "PS384", "EdDSA")
"""All that a tenant may opt into; HMAC and `none` are no choice."""

DEFAULT_ALGORITHMS: Final = ("ES384", "RS384")
MAX_TOKEN_LIFETIME_S: Final = 300
"""CDS Hooks asks for short-lived tokens; the sandbox and the CRD kit use 300 s (X7)."""


APP_SCOPES: Final = (
    "patient/Patient.rs",
    "patient/Observation.rs",
    "patient/Condition.rs",
    "patient/Encounter.rs",
    "patient/MedicationRequest.rs",
    "patient/MedicationAdministration.rs",
)
"""What the pages of the app show; no identity of the user and no access after the session is asked for."""


@dataclass(frozen=True, slots=True)
class FhirBase:
    """A FHIR server registered for a tenant. `open`: reads without a token (development only)."""

    address: Address
    open: bool = False
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class ServiceSetting:
    """What a tenant decided for one service; a dosing service needs the name of who approved it."""

    enabled: bool = True
    approver: str | None = None
    approved_on: date | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """Our registration as a SMART Backend Services client at this tenant's EHR; `own_keys` reads the file."""

    client_id: str
    token_url: Address
    keys_file: Path
    scopes: tuple[str, ...] = ("system/*.rs",)
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class App:
    """Our registration as a SMART app at this tenant's EHR; without `keys_file` we are a public client.

    `scopes` are asked for beside those of the launch. `openid_keys_url` are the keys with which the EHR signs
    who the user is; without them it is not asked. `frame_ancestors` are the origins of the EHR's pages
    that may show the app in a frame; without any, nobody may.
    """

    client_id: str
    authorize_url: Address
    token_url: Address
    keys_file: Path | None = None
    scopes: tuple[str, ...] = APP_SCOPES
    openid_keys_url: Address | None = None
    frame_ancestors: tuple[Address, ...] = ()
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the service one tenant may take."""

    requests_per_minute: int = 600
    concurrent_requests: int = 8
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One registered organisation. `audience` replaces our own address as `aud` in development only.

    `dose_limits` are the limits on insulin doses that it signed, None for those of the software; its pens
    deliver `pen_increment_u`. With `cautious_goal` its patients have the fasting goal of complex health.
    `keep_inputs` keeps what each decision was made from, encrypted, beside it; else only its hash is kept.
    A standing finding is shown whole again to the same user `repeat_after_h` hours after it was (0: always).
    """

    id: str
    issuer: str
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    jwks: Mapping[str, Any] | None = None
    jwks_url: Address | None = None
    jwks_allow_private: bool = False
    fhir_bases: tuple[FhirBase, ...] = ()
    client_id: str | None = None
    audience: str | None = None
    max_token_lifetime_s: int = MAX_TOKEN_LIFETIME_S
    tenant_claims: tuple[str, ...] = ()
    zone: str | None = None
    glucose_unit: GlucoseUnit = "mg/dL"
    services: Mapping[str, ServiceSetting] = field(default_factory=dict)
    titration_table: str | None = None
    dose_limits: SafetyLimits | None = None
    pen_increment_u: float = 1.0
    cautious_goal: bool = False
    prefetch_dialect: PrefetchDialect = "core"
    search_method: SearchMethod = "post-or-get"
    backend: Backend | None = None
    app: App | None = None
    aliases_file: Path | None = None
    ca_file: Path | None = None
    limits: Limits = Limits()
    keep_inputs: bool = False
    repeat_after_h: float = 0.0

    def offers(self, service: str, *, dosing: bool) -> bool:
        """Whether the service answers this tenant: dosing only when enabled by name and approved."""
        setting = self.services.get(service)
        if dosing:
            return setting is not None and setting.enabled and bool(setting.approver)
        return setting is None or setting.enabled

    def accepts_claim(self, claim: object) -> bool:
        """Whether the token's `tenant` claim is one registered here; none registered means none may come."""
        return claim in self.tenant_claims if self.tenant_claims else claim is None

    def fhir_base(self, fhir_server: str) -> FhirBase:
        """The registered server that a request's `fhirServer` names exactly.

        Raises Forbidden with reason `egress.denied`; a trailing slash and the case of the host do not matter.
        """
        try:
            asked = parse_base(fhir_server, loopback=True)
        except UnacceptableAddress as error:
            raise Forbidden(reason="egress.denied") from error
        for base in self.fhir_bases:
            if base.address == asked:
                return base
        raise Forbidden(reason="egress.denied")
