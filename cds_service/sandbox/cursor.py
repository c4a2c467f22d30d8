"""Opaque, signed positions in a search: what a `next` link carries.

Signed so that nobody can edit a cursor into another patient's search; the key lives as long as the process.
"""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from hooks.errors import BadRequest


class Cursors:
    """Seals a position as URL-safe text and opens it again."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def seal(self, position: dict[str, Any]) -> str:
        """The position as text of letters, digits, `-` and `_`."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).decode().rstrip("=")

    def open(self, text: str) -> dict[str, Any]:
        """The position that `seal` was given; BadRequest for anything else."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            raise BadRequest("This page link is damaged.", expression=("_cursor",)) from None
        mac, body = raw[:16], raw[16:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise BadRequest("This page link is not ours, or has expired.", expression=("_cursor",))
        position: dict[str, Any] = json.loads(body)
        return position

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)[:16]
