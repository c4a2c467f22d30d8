"""Who opened the app: the user's reference from the id_token that an EHR gives beside the access token (SM9).

Under `launch`. Only an EHR whose OpenID keys are registered is asked; the name of the user is never read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from cds_service.calls import CallFailed, Server
from cds_service.jwks import UnusableKeys, read_key_set
from cds_service.smart_app.token_exchange import TokenCall

SCOPES: Final = ("openid", "fhirUser")
ALGORITHMS: Final = ["RS256", "RS384", "ES256", "ES384"]
"""What OpenID Connect and SMART App Launch 2.2 have EHRs sign with; never `none`, never a shared secret."""

LEEWAY_S: Final = 60
_USER: Final = re.compile(
    r"(?:https?://[^\s?#]+/)?((?:Practitioner|PractitionerRole|RelatedPerson|Patient|Person)/[A-Za-z0-9\-.]{1,64})"
)

log = structlog.get_logger()


class UntrustedIdentity(ValueError):
    """The id_token is not one that this EHR made for this launch; the message is a word for the log."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Of whom and for which launch an id_token must be."""

    issuer: str
    client_id: str
    nonce: str
    now_s: int


def user_of(call: TokenCall, id_token: object, issuer: str, nonce: str) -> str | None:
    """The user as `Practitioner/id`; None where the EHR tells none, or its keys cannot be had.

    Raises UntrustedIdentity where the token is there and wrong.
    """
    address = call.app.openid_keys_url
    if address is None or id_token is None:
        return None
    if not isinstance(id_token, str):
        raise UntrustedIdentity("format")
    server = Server(address, call.app.allow_private, call.tenant.ca_file)
    try:
        keys, _ = read_key_set(call.egress, server, call.deadline)
    except (CallFailed, UnusableKeys) as failure:
        log.warning("launch.openid_keys_unavailable", tenant=call.tenant.id, reason=str(failure))
        return None
    expected = Expected(issuer, call.app.client_id, nonce, call.now_ms // 1000)
    return verified_user(id_token, keys, expected)


def verified_user(id_token: str, keys: Mapping[str, Key], expected: Expected) -> str | None:
    """`fhirUser` of a token whose signature, issuer, audience, times and nonce hold (OpenID Connect 3.1.3.7).

    Raises UntrustedIdentity. None where the claim is absent or no reference to a person.
    """
    claims = _signed_claims(id_token, keys)
    if claims.get("iss") != expected.issuer:
        raise UntrustedIdentity("iss")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in audiences or claims.get("azp", expected.client_id) != expected.client_id:
        raise UntrustedIdentity("aud")
    if len(audiences) > 1 and "azp" not in claims:
        raise UntrustedIdentity("azp")
    expires, issued = (claims.get(name) for name in ("exp", "iat"))
    if not isinstance(expires, int) or expires + LEEWAY_S <= expected.now_s:
        raise UntrustedIdentity("exp")
    if not isinstance(issued, int) or issued - LEEWAY_S > expected.now_s:
        raise UntrustedIdentity("iat")
    if claims.get("nonce") != expected.nonce:
        raise UntrustedIdentity("nonce")
    stated = claims.get("fhirUser")
    found = _USER.fullmatch(stated) if isinstance(stated, str) else None
    return found[1] if found else None


def _signed_claims(id_token: str, keys: Mapping[str, Key]) -> dict[str, Any]:
    try:
        return dict(jwt.decode(id_token, lambda token: _key(token, keys), algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError) as error:
        raise UntrustedIdentity("signature") from error


def _key(token: Any, keys: Mapping[str, Key]) -> Key:
    """The key that the token names; an issuer with one key need not name it."""
    key_id = token.headers().get("kid")
    named = next(iter(keys.values())) if key_id is None and len(keys) == 1 else keys.get(str(key_id))
    if named is None:
        raise ValueError("no such key")
    return named
