"""The `appContext` of a card: signed, opaque, short-lived; which card led here, never who the patient is.

Made when a card's link is made (`places`), read when the app is launched (`launch`); rows LK2, LK3.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.fernet import InvalidToken

from cds_service.store.derived_keys import cipher, derive, pseudonym

LIFE_S: Final = 8 * 3600
"""A card is looked at on the day it was given."""

_PURPOSE: Final = "app context"


class AppContext(msgspec.Struct, frozen=True):
    """Which tenant's card of which service led here; `patient` is a pseudonym that only we can compare."""

    tenant: str
    service: str
    patient: str


def context_for(secret_key: bytes, tenant: str, service: str, patient_id: str) -> AppContext:
    """The context of a card of this service about this patient."""
    key = derive(secret_key, f"{_PURPOSE} patients")
    return AppContext(tenant, service, pseudonym(key, f"{tenant} {patient_id}"))


def seal(secret_key: bytes, context: AppContext, now_ms: int) -> str:
    """The text that goes on a card."""
    content = msgspec.json.encode(context)
    return cipher(secret_key, _PURPOSE).encrypt_at_time(content, now_ms // 1000).decode("ascii")


def open_sealed(secret_key: bytes, sealed: str, now_ms: int) -> AppContext | None:
    """The context in a text of ours; None where it is not ours, was changed, or is too old."""
    try:
        content = cipher(secret_key, _PURPOSE).decrypt_at_time(sealed.encode(), LIFE_S, now_ms // 1000)
        return msgspec.json.decode(content, type=AppContext)
    except (InvalidToken, msgspec.DecodeError):
        return None


PAGES: Final[Mapping[str, str]] = {
    "glucose-review": "glucose",
    "insulin-adjustment": "insulin",
    "setting-adjustment": "insulin",
    "insulin-order-check": "insulin",
    "vital-signs-review": "vital-signs",
}
"""The page that a card of each service leads to."""
