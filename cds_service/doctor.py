"""Walks the connection to one tenant's EHR, step by step, and says what to mend.

Behind `wearable-cds doctor`; uses the very parts that serve hook calls, so that what passes here works there.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from joserfc import jwt

from cds_service.addresses import Address
from cds_service.backend_tokens import BackendTokens
from cds_service.calls import Answer, Call, CallFailed, Server
from cds_service.clock_skew import MAX_SKEW_S
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.fhir_client import FhirClient, Query
from cds_service.jwks import KeySets
from cds_service.own_keys import OwnKeys
from cds_service.smart_configuration import contradictions, read_smart_configuration
from cds_service.tenants import FhirBase, Tenant
from models.patient_record import Completeness

STEP_S: Final = 5.0
KNOCK_LIFE_S: Final = 60
FHIR_VERSIONS: Final = ("4.0", "4.3", "5.0")
_REMEDIES: Final = {
    "unresolved": "the host's name does not resolve: check the address and this machine's DNS",
    "connect": "nothing answers at this address: check host, port and firewall",
    "timeout": "no answer in time: check the firewall and the EHR's load",
    "tls": "the certificate is not trusted: check its name and date, or set ca_file for a private authority",
    "redirect": "the server redirects, which is never followed: register the final address",
    "encoded": "the server compresses although asked not to: mend its proxy",
    "egress.private_address": "the address is in a private network: set allow_private = true if so meant",
    "not_json": "the answer is no JSON: this may be a sign-in page; check the address",
    "not_fhir": "the answer is no FHIR JSON: check the address",
    "auth.refused": "the EHR refuses our assertion: register our client_id and public keys there",
    "status_401": "the EHR wants a token for this",
    "status_403": "the EHR forbids this: check the scopes it grants us",
    "status_404": "there is nothing at this address: check it",
    "scope": "the EHR granted no scope for this",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One step: what was examined, whether it is well, and what was found or is to be mended."""

    step: str
    ok: bool
    text: str


class _Capabilities(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")
    fhir_version: str = msgspec.field(name="fhirVersion", default="")


def examine(tenant: Tenant, egress: Egress, now_ms: int) -> Iterator[Finding]:
    """All findings in the order of the connection; a step whose ground is missing is left out."""
    yield _examine_keys(tenant, egress, now_ms)
    if not tenant.fhir_bases:
        yield Finding("FHIR server", False, "none is registered: only prefetched data can be used")
    for base in tenant.fhir_bases:
        yield from _examine_server(tenant, base, egress, now_ms)


def wanted_token(base: Address, tenant: Tenant, egress: Egress, now_ms: int) -> Finding:
    """What the EHR must send with a call, for whoever sets it up; nothing is examined."""
    keys = KeySets([tenant], egress).known_ids(tenant, now_ms)
    key_id = " or ".join(sorted(keys)) or "of a key that is registered"
    audience = tenant.audience or base.under("cds-services").text + "/ID of the service called"
    return Finding(
        "what the EHR sends",
        True,
        f"Authorization: Bearer and a JWT with alg {' or '.join(tenant.algorithms)}, kid {key_id}, typ JWT, "
        f"iss {tenant.issuer}, aud {audience}, iat and exp at most {tenant.max_token_lifetime_s} s apart, "
        "and a new jti for each call",
    )


def knock(base: Address, tenant: Tenant, keys: OwnKeys, egress: Egress, now_ms: int) -> Finding:
    """Asks the running service, with a token as this tenant's EHR would sign it, what is offered to it.

    `base` is the service's own address, `keys` are private keys of the EHR, as in development. The question
    is discovery: it needs no patient and leaves no decision.
    """
    step, address = f"{base.text} called as the EHR", base.under("cds-services")
    header = {"alg": keys.algorithm, "kid": keys.key_id, "typ": "JWT"}
    claims = {
        "iss": tenant.issuer,
        "aud": tenant.audience or address.text,
        "iat": now_ms // 1000,
        "exp": now_ms // 1000 + KNOCK_LIFE_S,
        "jti": str(uuid.uuid4()),
    } | ({"tenant": tenant.tenant_claims[0]} if tenant.tenant_claims else {})
    token = jwt.encode(header, claims, keys.signing, algorithms=[keys.algorithm])
    call = Call(address, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
    try:
        answer = egress.send(Server(address, allow_private=True), call, Deadline.after(STEP_S))
    except CallFailed as failure:
        return _failed(step, failure.why)
    if answer.status == 200:
        offered = [entry["id"] for entry in msgspec.json.decode(answer.body)["services"]]
        return Finding(step, True, f"the token is accepted; offered: {', '.join(offered) or 'nothing'}")
    number = answer.headers.get("x-request-id", "unknown")
    return Finding(step, False, f"answered {answer.status}; its log has the reason, under request {number}")


def _examine_keys(tenant: Tenant, egress: Egress, now_ms: int) -> Finding:
    keys = KeySets([tenant], egress).known_ids(tenant, now_ms)
    if not keys:
        return Finding("the EHR's keys", False, "no usable key: check jwks, jwks_file or jwks_url")
    return Finding("the EHR's keys", True, f"{len(keys)} known")


def _examine_server(tenant: Tenant, base: FhirBase, egress: Egress, now_ms: int) -> Iterator[Finding]:
    server = Server(base.address, base.allow_private, tenant.ca_file)
    name = base.address.text
    try:
        answer = egress.send(server, _metadata(base), Deadline.after(STEP_S))
        yield _judge_version(name, answer)
        yield _judge_clock(name, answer, now_ms)
    except CallFailed as failure:
        yield _failed(name, failure.why)
        return
    yield from _examine_smart(tenant, server, egress)
    if tenant.backend:
        yield from _examine_backend(tenant, base, egress, now_ms)


def _metadata(base: FhirBase) -> Call:
    return Call(base.address.under("metadata"), headers={"Accept": "application/fhir+json"})


def _judge_version(name: str, answer: Answer) -> Finding:
    if answer.status != 200:
        return _failed(f"{name}/metadata", f"status_{answer.status}")
    try:
        found = msgspec.json.decode(answer.body, type=_Capabilities)
    except (msgspec.DecodeError, RecursionError):
        return _failed(f"{name}/metadata", "not_fhir")
    if found.resource_type != "CapabilityStatement" or not found.fhir_version.startswith(FHIR_VERSIONS):
        return Finding(
            f"{name}/metadata", False, "the server speaks no FHIR version that we read (R4, R4B, R5)"
        )
    return Finding(f"{name}/metadata", True, f"FHIR {found.fhir_version}")


def _judge_clock(name: str, answer: Answer, now_ms: int) -> Finding:
    step = f"clock of {name}"
    if answer.date_s is None:
        return Finding(step, False, "the server states no date, so clocks cannot be compared")
    skew_s = answer.date_s - now_ms / 1000
    if abs(skew_s) > MAX_SKEW_S:
        return Finding(step, False, f"is {skew_s:+.0f} s from ours: set both clocks by NTP")
    return Finding(step, True, f"{skew_s:+.0f} s from ours")


def _examine_smart(tenant: Tenant, server: Server, egress: Egress) -> Iterator[Finding]:
    step = "smart-configuration"
    try:
        found = read_smart_configuration(egress, server, Deadline.after(STEP_S))
    except CallFailed as failure:
        yield _failed(step, failure.why)
        return
    problems = list(contradictions(found, server, tenant))
    yield from (Finding(step, False, problem) for problem in problems)
    if not problems:
        yield Finding(step, True, "agrees with the registration")


def _examine_backend(tenant: Tenant, base: FhirBase, egress: Egress, now_ms: int) -> Iterator[Finding]:
    try:
        token = BackendTokens(egress).token(tenant, now_ms, Deadline.after(STEP_S))
    except CallFailed as failure:
        yield _failed("our own token", failure.why)
        return
    yield Finding("our own token", True, f"granted, {len(token.scopes)} clinical scopes")
    client = FhirClient(egress, base, token, tenant)
    pages = client.ask(Query("Patient", (("_count", "1"),)), Deadline.after(STEP_S))
    if pages.completeness in (Completeness.FAILED, Completeness.NOT_ASKED):
        yield _failed("search with our own token", pages.why or "")
    else:
        yield Finding("search with our own token", True, "answered")


def _failed(step: str, why: str) -> Finding:
    return Finding(step, False, _REMEDIES.get(why, f"failed ({why})"))
