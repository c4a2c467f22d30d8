"""What one browser's cookie stands for: a launch that is under way, or one patient's open app.

Between `routes` and `store.app_sessions`. Every launch has a handle of its own, in the address and in the
name of its cookie: two patients in two tabs are two sessions, and neither tab ever shows the other's.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from flask import Request
from werkzeug.wrappers import Response

from cds_service.settings import Settings
from cds_service.store.app_sessions import AppSessions
from cds_service.tenants import Tenant

FIRST_PAGE: Final = "glucose"
LAUNCH_LIFE_S: Final = 600
"""How long a person may take to log in (E-06)."""

_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{16}")


class Pending(msgspec.Struct, frozen=True, tag=True):
    """A launch that waits for the EHR's answer. `issuer` is the EHR's name in `iss` of a callback."""

    tenant: str
    iss: str
    issuer: str
    state: str
    verifier: str
    nonce: str = ""


class Opened(msgspec.Struct, frozen=True, tag=True):
    """One patient's open app. `context` is the service whose card led here, `none`, or `unusable`; `user` is
    who opened it, as the EHR says (`Practitioner/id`), None where it does not.
    """

    tenant: str
    iss: str
    patient_id: str
    access_token: str
    scope: str
    until_ms: int
    show_banner: bool
    page: str
    context: str
    user: str | None = None


def new_handle() -> str:
    """A name for a session that may be seen; the secret is in the cookie."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions in the store and their cookies in the browser."""

    store: AppSessions
    settings: Settings

    def begin(self, response: Response, handle: str, held: Pending | Opened, now_ms: int) -> None:
        """Keep a session under a new secret, which only this browser gets. Raises Unavailable (503)."""
        secret = secrets.token_urlsafe(32)
        until_ms = held.until_ms if isinstance(held, Opened) else now_ms + LAUNCH_LIFE_S * 1000
        self.store.keep(secret, held.tenant, msgspec.json.encode(held), until_ms, now_ms)
        seconds = (until_ms - now_ms) // 1000
        response.set_cookie(self._name(handle), secret, max_age=seconds, **self._manner(held.tenant))

    def opened(self, request: Request, handle: str, now_ms: int) -> Opened | None:
        """The open app of this browser and address, if it lasts. Raises Unavailable."""
        secret = self._secret(request, handle)
        content = self.store.find(secret, now_ms) if secret else None
        held = _read(content)
        return held if isinstance(held, Opened) else None

    def take(self, request: Request, handle: str, now_ms: int) -> Pending | Opened | None:
        """What this browser's cookie stands for, once: the session ends with it. Raises Unavailable."""
        secret = self._secret(request, handle)
        return _read(self.store.take(secret, now_ms)) if secret else None

    def forget_cookie(self, response: Response, handle: str, tenant: str) -> None:
        """Tell the browser to drop the cookie of a session that is over."""
        response.set_cookie(self._name(handle), "", max_age=0, **self._manner(tenant))

    def _secret(self, request: Request, handle: str) -> str | None:
        return request.cookies.get(self._name(handle)) if _HANDLE.fullmatch(handle) else None

    def _name(self, handle: str) -> str:
        return f"{'__Secure-' if self._encrypted else ''}wearable-cds-{handle}"

    @property
    def _encrypted(self) -> bool:
        return self.settings.public_base_url.scheme == "https"

    def _manner(self, tenant_id: str) -> dict[str, Any]:
        """`None` is needed in a frame of another site, where the cookie is the frame's own (Partitioned)."""
        tenant = next((each for each in self.settings.tenants if each.id == tenant_id), None)
        framed = self._encrypted and bool(tenant and is_framed(tenant))
        return {
            "path": f"{self.settings.public_base_url.path}/smart",
            "secure": self._encrypted,
            "httponly": True,
            "samesite": "None" if framed else "Lax",
            "partitioned": framed,
        }


def is_framed(tenant: Tenant) -> bool:
    """Whether this tenant's EHR may show the app in a frame."""
    return bool(tenant.app and tenant.app.frame_ancestors)


def _read(content: bytes | None) -> Pending | Opened | None:
    return None if content is None else msgspec.json.decode(content, type=Pending | Opened)
