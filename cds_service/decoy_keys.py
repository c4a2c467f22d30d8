"""Keys with which nobody signs: a token that names no issuer or key of ours is checked against one of them.

Beside `client_auth`: to find no key takes as long as to find a wrong signature, so that the time of a refusal
does not tell strangers who is registered here (A-22).
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Final

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

RSA_BITS: Final = 2048


def _rsa_key() -> Key:
    """An odd number of the right size for a modulus: it is checked as slowly, and made at once."""
    modulus = 1 << (RSA_BITS - 1) | secrets.randbits(RSA_BITS - 1) | 1
    octets = urlsafe_b64encode(modulus.to_bytes(RSA_BITS // 8, "big")).rstrip(b"=")
    return RSAKey.import_key({"kty": "RSA", "n": octets.decode("ascii"), "e": "AQAB"})


_NEW: Final[Mapping[str, Callable[[], Key]]] = {
    "ES384": lambda: ECKey.generate_key("P-384"),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "RS384": _rsa_key,
    "RS256": _rsa_key,
    "PS384": _rsa_key,
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
}


def decoy_keys() -> dict[str, Key]:
    """A new decoy for each algorithm of `tenants.ALGORITHMS`, by its name."""
    return {algorithm: new() for algorithm, new in _NEW.items()}
