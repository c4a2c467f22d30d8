"""Our tokens for the EHR: the one a hook call brought, and SMART Backend Services' own.

Gives `fhir_client` its Authorization header; a token is never stored, logged or shown by `repr`.
"""

from dataclasses import dataclass, field
from typing import Final

from cds_service.deadline import Deadline
from cds_service.scopes import Scope, parse_scopes

EXPIRY_MARGIN_S: Final = 2.0
"""A token is not sent when it would expire on the way (FA7)."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token, what it grants, and until when it may be sent."""

    value: str = field(repr=False)
    until: Deadline
    scopes: tuple[Scope, ...]

    @property
    def is_usable(self) -> bool:
        """Whether it may still be sent."""
        return self.until.remaining_s() > 0

    @property
    def header(self) -> dict[str, str]:
        """The only form in which it leaves the process."""
        return {"Authorization": f"Bearer {self.value}"}


def hook_token(value: str, expires_in_s: float, scope: str) -> AccessToken:
    """The token of a hook call that was received now; it dies with the call (FA7 to FA9)."""
    return AccessToken(value, Deadline.after(expires_in_s - EXPIRY_MARGIN_S), parse_scopes(scope))
