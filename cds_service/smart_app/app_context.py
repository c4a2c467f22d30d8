"""The `appContext` of a card: signed, opaque, short-lived; which card led here, never who the patient is.

Made when a card's link is made (`places`), read when the app is launched (`launch`); rows LK2, LK3. Sealed by
AES-SIV (RFC 5297), which needs no random number: the same call at the same moment gives the same card (CA12).
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cds_service.store.derived_keys import derive, pseudonym

LIFE_MS: Final = 8 * 3_600_000
"""A card is looked at on the day it was given."""

_PURPOSE: Final = "app context"


class AppContext(msgspec.Struct, frozen=True):
    """Which tenant's card of which service led here; `patient` is a pseudonym that only we can compare."""

    tenant: str
    service: str
    patient: str


class _Sealed(msgspec.Struct, array_like=True):
    sealed_ms: int
    context: AppContext


def context_for(secret_key: bytes, tenant: str, service: str, patient_id: str) -> AppContext:
    """The context of a card of this service about this patient."""
    key = derive(secret_key, f"{_PURPOSE} patients")
    return AppContext(tenant, service, pseudonym(key, f"{tenant} {patient_id}"))


def seal(secret_key: bytes, context: AppContext, now_ms: int) -> str:
    """The text that goes on a card."""
    content = msgspec.json.encode(_Sealed(now_ms, context))
    return urlsafe_b64encode(_cipher(secret_key).encrypt(content, None)).decode("ascii")


def open_sealed(secret_key: bytes, sealed: str, now_ms: int) -> AppContext | None:
    """The context in a text of ours; None where it is not ours, was changed, or is too old."""
    try:
        content = _cipher(secret_key).decrypt(urlsafe_b64decode(sealed.encode()), None)
    except (InvalidTag, binascii.Error, ValueError):
        return None
    found = msgspec.json.decode(content, type=_Sealed)
    return found.context if now_ms - LIFE_MS <= found.sealed_ms <= now_ms + CLOCKS_APART_MS else None


CLOCKS_APART_MS: Final = 60_000
"""How far the clocks of two hosts of ours may differ."""


def _cipher(secret_key: bytes) -> AESSIV:
    return AESSIV(derive(secret_key, _PURPOSE))


PAGES: Final[Mapping[str, str]] = {
    "glucose-review": "glucose",
    "insulin-adjustment": "insulin",
    "setting-adjustment": "insulin",
    "insulin-order-check": "insulin",
    "vital-signs-review": "vital-signs",
}
"""The page that a card of each service leads to."""
