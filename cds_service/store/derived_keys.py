"""Keys for one purpose each, derived from the service's secret key, and pseudonyms made with them.

Used by `feedback` and `decisions`; the secret itself comes from `settings`.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final

from cryptography.fernet import Fernet, MultiFernet

SEPARATOR: Final = b","
"""Between the secret key in use and the ones before it, by which older rows can still be read."""


def derive(secret_key: bytes, purpose: str) -> bytes:
    """32 bytes of the key in use that tell nothing of it or of the keys for other purposes."""
    return _derive(secret_key.split(SEPARATOR)[0], purpose)


def cipher(secret_key: bytes, purpose: str) -> MultiFernet:
    """Authenticated encryption for what may be read again: written with the key in use, read with any."""
    keys = [_derive(key, purpose) for key in secret_key.split(SEPARATOR)]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


def pseudonym(key: bytes, text: str) -> str:
    """A name that stands for the text and cannot be led back to it without the key, in hex."""
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
