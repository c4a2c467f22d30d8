"""Keys for one purpose each, derived from the service's secret key, and pseudonyms made with them.

Used by `feedback` and `decisions`; the secret itself comes from `settings`.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet


def derive(secret_key: bytes, purpose: str) -> bytes:
    """32 bytes that tell nothing of the secret or of the keys for other purposes."""
    return hmac.digest(secret_key, purpose.encode(), hashlib.sha256)


def cipher(secret_key: bytes, purpose: str) -> Fernet:
    """Authenticated encryption for what may be read again."""
    return Fernet(urlsafe_b64encode(derive(secret_key, purpose)))


def pseudonym(key: bytes, text: str) -> str:
    """A name that stands for the text and cannot be led back to it without the key, in hex."""
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
