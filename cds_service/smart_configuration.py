"""What an EHR says of its SMART endpoints, and what of it contradicts our registration (SM1, C-08).

Read by `doctor` and at each launch; nothing that this document says is called unless it is registered too.
"""

from collections.abc import Iterator

import msgspec

from cds_service.addresses import UnacceptableAddress, parse_address, resolve_under
from cds_service.calls import Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.tenants import App, Tenant

MAX_BYTES = 262_144


class SmartConfiguration(msgspec.Struct):
    """The members of `.well-known/smart-configuration` that matter here."""

    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    grant_types_supported: list[str] = []
    capabilities: list[str] = []
    code_challenge_methods_supported: list[str] = []
    token_endpoint_auth_methods_supported: list[str] = []
    token_endpoint_auth_signing_alg_values_supported: list[str] = []


def read_smart_configuration(egress: Egress, server: Server, deadline: Deadline) -> SmartConfiguration:
    """The document of a FHIR server. Raises CallFailed."""
    address = server.address.under(".well-known", "smart-configuration")
    call = Call(address, headers={"Accept": "application/json"}, max_bytes=MAX_BYTES)
    answer = egress.send(server, call, deadline)
    if answer.status != 200:
        raise CallFailed(f"status_{answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=SmartConfiguration)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CallFailed("not_json") from error


def contradictions(found: SmartConfiguration, server: Server, tenant: Tenant) -> Iterator[str]:
    """What must be mended, here or at the EHR, before its SMART endpoints can be used, in sentences."""
    yield from _pkce(found) if tenant.app is None else launch_contradictions(found, server, tenant.app)
    if tenant.backend is None:
        return
    if _absolute(server, found.token_endpoint) != tenant.backend.token_url.text:
        yield "the EHR names another token endpoint than token_url of the tenants file"
    if found.grant_types_supported and "client_credentials" not in found.grant_types_supported:
        yield "the EHR offers no client_credentials grant"
    if "client-confidential-asymmetric" not in found.capabilities:
        yield "the EHR does not offer clients that sign (client-confidential-asymmetric)"


def launch_contradictions(found: SmartConfiguration, server: Server, app: App) -> Iterator[str]:
    """What must be mended before the app can be launched from this EHR, in sentences."""
    yield from _pkce(found)
    if _absolute(server, found.authorization_endpoint) != app.authorize_url.text:
        yield "the EHR names another authorization endpoint than authorize_url of the app in the tenants file"
    if _absolute(server, found.token_endpoint) != app.token_url.text:
        yield "the EHR names another token endpoint than token_url of the app in the tenants file"


def _pkce(found: SmartConfiguration) -> Iterator[str]:
    methods = found.code_challenge_methods_supported
    if "S256" not in methods or "plain" in methods:
        yield "the EHR must offer PKCE with S256 and without plain"


def _absolute(server: Server, endpoint: str) -> str | None:
    """The endpoint's address; older servers give it relative to the FHIR base."""
    try:
        found = parse_address(endpoint) if "://" in endpoint else resolve_under(server.address, endpoint)
    except UnacceptableAddress:
        return None
    return found.text
