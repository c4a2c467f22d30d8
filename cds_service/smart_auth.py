"""Our tokens for the EHR: the one a hook call brought, and SMART Backend Services' own.

Gives `fhir_client` its Authorization header; a token is never stored, logged or shown by `repr`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HookToken:
    """The access token of one hook call; it dies with the call (FA7 to FA9)."""

    value: str = field(repr=False)
    expires_ms: int
    scope: str

    def usable(self, now_ms: int) -> bool:
        """Whether it may still be sent."""
        raise NotImplementedError
