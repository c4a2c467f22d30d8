"""Our own key pairs, a set for each tenant: the first key signs, all public halves are published (BS3).

Used by `backend_tokens` to sign and by the route of our JWKS; made by `new_key`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from cds_service.jwks import MIN_RSA_BITS, UnusableKeys
from cds_service.tenants import Tenant

Algorithm = Literal["RS384", "ES384"]

NEW_RSA_BITS: Final = 3072
_KINDS: Final = ("EC", "RSA")
_PUBLIC: Final = ("kty", "kid", "crv", "x", "y", "n", "e")


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """A private key to sign with, its algorithm, and the public halves of this and the coming keys."""

    signing: Key = field(repr=False)
    key_id: str
    algorithm: Algorithm
    public: tuple[Mapping[str, str], ...]


def read_own_keys(path: Path) -> OwnKeys:
    """Keys from a file that holds a JWK set with private keys, the current one first.

    Raises UnusableKeys where the file is no such set, OSError where it cannot be read.
    """
    try:
        members = msgspec.json.decode(path.read_bytes(), type=dict[str, list[dict[str, Any]]])["keys"]
        keys = [JWKRegistry.import_key(member) for member in members if member.get("kty") in _KINDS]
    except (msgspec.DecodeError, KeyError, JoseError, ValueError, TypeError) as error:
        raise UnusableKeys("is no JWK set") from error
    if not keys or not all(key.is_private and key.kid for key in keys):
        raise UnusableKeys("needs private keys, each with an id")
    public = tuple(_public_half(key) for key in keys)
    return OwnKeys(keys[0], str(keys[0].kid), _algorithm(keys[0]), public)


def public_key_set(tenants: Iterable[Tenant]) -> dict[str, list[Mapping[str, str]]]:
    """The JWK set that we publish: current and next public keys of every tenant."""
    clients = [client for tenant in tenants for client in (tenant.backend, tenant.app) if client]
    files = {client.keys_file for client in clients if client.keys_file}
    return {"keys": [key for path in sorted(files) for key in read_own_keys(path).public]}


def new_key(algorithm: Algorithm, key_id: str) -> dict[str, Any]:
    """A new private key as a JWK, to be put into a tenant's key file."""
    if algorithm == "ES384":
        return dict(ECKey.generate_key("P-384", {"kid": key_id}).as_dict(private=True))
    return dict(RSAKey.generate_key(NEW_RSA_BITS, {"kid": key_id}).as_dict(private=True))


def _algorithm(key: Key) -> Algorithm:
    if isinstance(key, ECKey) and key.curve_name == "P-384":
        return "ES384"
    if isinstance(key, RSAKey) and key.raw_value.key_size >= MIN_RSA_BITS:
        return "RS384"
    raise UnusableKeys("needs P-384 or RSA keys of at least 2048 bits")


def _public_half(key: Key) -> dict[str, str]:
    members = key.as_dict(private=False)
    half = {name: str(members[name]) for name in _PUBLIC if name in members}
    return half | {"use": "sig", "alg": _algorithm(key)}
