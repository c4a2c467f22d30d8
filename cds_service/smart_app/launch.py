"""A launch of the app, from the EHR or alone: whose it is, what is asked, and what came back (SM1 to SM8).

Under `routes`, over `token_exchange`. Every refusal is a `LaunchRefused` whose text a clinician may read.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog

from cds_service.addresses import UnacceptableAddress, parse_base
from cds_service.calls import CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.shell import Shell
from cds_service.smart_app import identity
from cds_service.smart_app.app_context import PAGES, context_for, open_sealed
from cds_service.smart_app.sessions import FIRST_PAGE, Opened, Pending
from cds_service.smart_app.token_exchange import TokenCall, authorization_address, exchange_code
from cds_service.smart_configuration import launch_contradictions, read_smart_configuration
from cds_service.tenants import App, FhirBase, Tenant
from hooks.errors import CannotAnswer

LAUNCH_WITHIN_S: Final = 10.0
MAX_SESSION_S: Final = 3600
"""Whatever the EHR grants: a screen left alone shows nothing after an hour."""

DEFAULT_EXPIRES_S: Final = 300
MAX_LAUNCH_CHARS: Final = 2048
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")

log = structlog.get_logger()


class LaunchRefused(CannotAnswer):
    """The app does not open; what the person at the screen may do is in the text."""

    status, issue_code, default_text = 400, "security", "The app could not be opened."


@dataclass(frozen=True, slots=True)
class Asked:
    """A launch as it came: which FHIR server, the EHR's launch token, and a context given in the URL."""

    iss: str
    launch: str | None


class _TokenResponse(msgspec.Struct):
    """The members of a token response that matter here (SM7, SM8)."""

    access_token: str
    token_type: str
    scope: str
    patient: str = ""
    expires_in: int = DEFAULT_EXPIRES_S
    need_patient_banner: bool = True
    appContext: str | None = None  # noqa: N815


def begin(known: Shell, asked: Asked, handle: str) -> tuple[str, Pending]:
    """Where the browser goes to be authorized, and what must come back.

    Raises LaunchRefused, and TooManyRequests: anybody may ask, and each launch asks the EHR.
    """
    tenant, app, base = registered(known, asked.iss)
    if asked.launch is not None and not 0 < len(asked.launch) <= MAX_LAUNCH_CHARS:
        raise LaunchRefused(reason="launch.token")
    known.rates.take(f"{tenant.id} launches", tenant.limits.requests_per_minute)
    issuer = _issuer(known, tenant, app, base)
    state = f"{handle}.{secrets.token_urlsafe(32)}"
    verifier = secrets.token_urlsafe(48)
    parameters = {"state": state, "code_verifier": verifier, "aud": base.address.text}
    scopes = ["launch" if asked.launch else "launch/patient", *app.scopes]
    nonce = secrets.token_urlsafe(32)
    if app.openid_keys_url:
        scopes += identity.SCOPES
        parameters["nonce"] = nonce
    if asked.launch:
        parameters["launch"] = asked.launch
    address = authorization_address(app, redirect_uri(known), " ".join(scopes), parameters)
    return address, Pending(tenant.id, base.address.text, issuer, state, verifier, nonce)


def redirect_uri(known: Shell) -> str:
    """The address to be registered at every EHR; from our settings, never from the request."""
    return f"{known.settings.public_base_url.text}/smart/callback"


def registered(known: Shell, iss: str) -> tuple[Tenant, App, FhirBase]:
    """Whose app is launched from this FHIR server. Raises LaunchRefused where nobody's is (SM3)."""
    try:
        asked = parse_base(iss, loopback=True)
    except UnacceptableAddress:
        raise LaunchRefused(_UNKNOWN, reason="launch.iss") from None
    for tenant in known.settings.tenants:
        for base in tenant.fhir_bases:
            if tenant.app and base.address == asked:
                return tenant, tenant.app, base
    raise LaunchRefused(_UNKNOWN, reason="launch.iss")


_UNKNOWN: Final = "This app is not registered for the record system that opened it."


def _issuer(known: Shell, tenant: Tenant, app: App, base: FhirBase) -> str:
    """The EHR's own name for itself, from a configuration that agrees with what is registered (C-08)."""
    server = Server(base.address, base.allow_private, tenant.ca_file)
    try:
        found = read_smart_configuration(known.egress, server, Deadline.after(LAUNCH_WITHIN_S))
    except CallFailed as failure:
        text = "The record system did not answer. Try again in a minute."
        raise LaunchRefused(text, reason=f"launch.configuration.{failure.why}") from failure
    problems = tuple(launch_contradictions(found, server, app))
    if problems:
        log.warning("launch.contradicts_registration", tenant=tenant.id, problems=problems)
        text = "The record system and this app are not set up for each other. Tell whoever runs them."
        raise LaunchRefused(text, reason="launch.configuration.contradicts")
    return found.issuer


def finish(known: Shell, pending: Pending, came: dict[str, str], now_ms: int) -> Opened:
    """The session that an authorization opens. Raises LaunchRefused for everything that does not fit."""
    if not hmac.compare_digest(came.get("state", ""), pending.state):
        raise LaunchRefused(reason="callback.state")
    if came.get("iss") not in (None, pending.issuer):  # RFC 9207; never taken for a FHIR base (E-06)
        raise LaunchRefused(reason="callback.iss")
    if "error" in came or not came.get("code"):
        text = "The record system did not authorize the app. Open it again from the chart."
        raise LaunchRefused(text, reason="callback.error")
    tenant, app, _ = registered(known, pending.iss)
    call = TokenCall(known.egress, tenant, app, Deadline.after(LAUNCH_WITHIN_S), now_ms)
    try:
        answer = exchange_code(call, redirect_uri(known), came["code"], pending.verifier)
    except CallFailed as failure:
        text = "The record system did not confirm the authorization. Open the app again from the chart."
        raise LaunchRefused(text, reason=f"callback.{failure.why}") from failure
    opened = _opened(known, pending, _token(answer), now_ms)
    try:
        user = identity.user_of(call, answer.get("id_token"), pending.issuer, pending.nonce)
    except identity.UntrustedIdentity as fault:
        raise LaunchRefused(reason=f"callback.id_token.{fault}") from fault
    return msgspec.structs.replace(opened, user=user)


def _token(answer: dict[str, Any]) -> _TokenResponse:
    try:
        token = msgspec.convert(answer, _TokenResponse)
    except msgspec.ValidationError as error:
        raise LaunchRefused(reason="callback.token") from error
    if token.token_type.lower() != "bearer" or not _TOKEN.fullmatch(token.access_token):
        raise LaunchRefused(reason="callback.token")
    if not _FHIR_ID.fullmatch(token.patient):
        text = "The record system named no patient. Open the app from a patient's chart."
        raise LaunchRefused(text, reason="callback.patient")
    return token


def _opened(known: Shell, pending: Pending, token: _TokenResponse, now_ms: int) -> Opened:
    page, context = FIRST_PAGE, "none"
    if token.appContext:
        page, context = _led_here(known, pending.tenant, token, now_ms)
    return Opened(
        tenant=pending.tenant,
        iss=pending.iss,
        patient_id=token.patient,
        access_token=token.access_token,
        scope=token.scope,
        until_ms=now_ms + 1000 * max(0, min(token.expires_in, MAX_SESSION_S)),
        show_banner=token.need_patient_banner,
        page=page,
        context=context,
    )


def _led_here(known: Shell, tenant: str, token: _TokenResponse, now_ms: int) -> tuple[str, str]:
    """The page that the card speaks of; a context that is not for this tenant and patient leads nowhere."""
    secret = known.settings.secret_key
    found = open_sealed(secret, token.appContext or "", now_ms)
    if found is None or found != context_for(secret, tenant, found.service, token.patient):
        log.warning("launch.context_unusable", tenant=tenant)
        return FIRST_PAGE, "unusable"
    return PAGES.get(found.service, FIRST_PAGE), found.service
