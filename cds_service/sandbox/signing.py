"""The sandbox's signing key, and the JWTs of its hook calls as CDS Hooks 2.0.1 asks for them.

The key lives in the sandbox's state folder and never leaves it; the CDS service gets the public half.
"""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

TOKEN_LIFETIME_S: Final = 300
ALGORITHM: Final = "ES384"


class Signer:
    """Signs for one issuer with one ES384 key."""

    def __init__(self, key: ECKey, issuer: str) -> None:
        self._key = key
        self.issuer = issuer
        self.key_id: str = key.thumbprint()

    @classmethod
    def at(cls, path: Path, issuer: str) -> "Signer":
        """The signer whose private key is in this file; makes both where the file is absent."""
        if not path.exists():
            write_secret(path, ECKey.generate_key("P-384").as_pem(private=True))
        return cls(ECKey.import_key(path.read_bytes()), issuer)

    def key_set(self) -> dict[str, Any]:
        """The public keys, for the JWKS address and for the CDS service's registration."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.key_id, "alg": ALGORITHM, "use": "sig"}]}

    def token(self, audience: str, now_ms: int) -> str:
        """A JWT for one call of the address `audience`."""
        return self._signed({"iss": self.issuer, "aud": audience, "jti": str(uuid.uuid4())}, now_ms)

    def id_token(self, claims: Mapping[str, str], now_ms: int) -> str:
        """Who logged in, for one client: `claims` has `iss`, `aud`, `sub`, `nonce` and `fhirUser`."""
        return self._signed(dict(claims), now_ms)

    def _signed(self, claims: dict[str, Any], now_ms: int) -> str:
        issued_s = now_ms // 1000
        header = {"alg": ALGORITHM, "kid": self.key_id, "typ": "JWT"}
        times = {"iat": issued_s, "exp": issued_s + TOKEN_LIFETIME_S}
        return jwt.encode(header, claims | times, self._key, algorithms=[ALGORITHM])


def write_secret(path: Path, secret: bytes) -> None:
    """Writes a file that only its owner reads, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
