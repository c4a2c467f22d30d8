"""Asks an EHR for a user's authorization and exchanges the code for a token, by Authlib over our own egress.

Under `launch`. Authlib knows the protocol; `egress` decides where a packet may go, how long and how large.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from cds_service.backend_tokens import client_assertion
from cds_service.calls import Answer, Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.jwks import UnusableKeys
from cds_service.tenants import App, Tenant

MAX_ANSWER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class TokenCall:
    """What the exchange of a code stands on: the way out, the tenant's registration, and the time left."""

    egress: Egress
    tenant: Tenant
    app: App
    deadline: Deadline
    now_ms: int


def authorization_address(app: App, redirect_uri: str, scope: str, parameters: dict[str, str]) -> str:
    """Where the browser asks for authorization; `parameters` hold state, verifier, aud and launch (SM4)."""
    client = OAuth2Client(None, app.client_id, redirect_uri=redirect_uri, code_challenge_method="S256")
    address, _ = client.create_authorization_url(app.authorize_url.text, scope=scope, **parameters)
    return str(address)


def exchange_code(call: TokenCall, redirect_uri: str, code: str, verifier: str) -> dict[str, Any]:
    """The token response to a code. Raises CallFailed with a word for the log."""
    app = call.app
    client = OAuth2Client(
        _Session(call),
        app.client_id,
        token_endpoint_auth_method="private_key_jwt" if app.keys_file else "none",
    )
    client.register_client_auth_method(("private_key_jwt", _Signer(call).prepare))
    try:
        token = client.fetch_token(
            app.token_url.text,
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=verifier,
        )
    except OAuth2Error as error:
        raise CallFailed("token.refused") from error
    except (ValueError, UnusableKeys, OSError) as error:
        raise CallFailed("token.malformed") from error
    return dict(token)


@dataclass(frozen=True, slots=True)
class _Signer:
    """Shows at the token endpoint who we are, by our key (SM6)."""

    call: TokenCall

    def prepare(self, _client: Any, _method: str, uri: str, headers: Any, body: str) -> tuple[Any, ...]:
        app = self.call.app
        if app.keys_file is None:
            raise ValueError("a public client does not sign")
        shown = client_assertion(app.client_id, app.token_url, app.keys_file, self.call.now_ms // 1000)
        return uri, headers, f"{body}&{urlencode(shown)}"


@dataclass(frozen=True, slots=True)
class _Received:
    """An answer as Authlib reads it."""

    answer: Answer

    @property
    def status_code(self) -> int:
        return self.answer.status

    def json(self) -> Any:
        return msgspec.json.decode(self.answer.body)

    def raise_for_status(self) -> None:
        if self.answer.status >= 400:
            raise CallFailed(f"token.status_{self.answer.status}")


@dataclass(frozen=True, slots=True)
class _Session:
    """What Authlib takes for an HTTP session: one POST to the registered token endpoint."""

    call: TokenCall

    def post(self, url: str, *, data: dict[str, str], headers: dict[str, str], auth: Any) -> _Received:
        call, app = self.call, self.call.app
        _, sent_headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        sent = Call(app.token_url, "POST", sent_headers, body.encode("ascii"), MAX_ANSWER_BYTES)
        server = Server(app.token_url, app.allow_private, call.tenant.ca_file)
        return _Received(call.egress.send(server, sent, call.deadline))
