"""The hooks of the HL7 library as data: required and optional context, user types, version of the definition.

`hooks.protocol` checks requests against this table; `hooks.prefetch` knows from it which tokens are legal.
Source: HL7 cds-hooks-library, the metadata table of each hook (not its change log).
"""

from dataclasses import dataclass
from typing import Final

_CLINICIANS: Final = frozenset({"Practitioner", "PractitionerRole"})
_ANYONE: Final = _CLINICIANS | {"Patient", "RelatedPerson"}

IDS: Final = frozenset({"userId", "patientId", "encounterId"})
"""Context members that hold an id, and that prefetch templates may use where the hook has them."""

BUNDLES: Final = frozenset({"draftOrders", "appointments", "conditions", "medications"})
LISTS: Final = frozenset({"selections", "dispatchedOrders", "fulfillmentTasks"})


@dataclass(frozen=True, slots=True)
class HookDefinition:
    """One hook: `version` is its hookVersion, `user_types` the resource types that `userId` may name."""

    version: str
    required: frozenset[str]
    optional: frozenset[str] = frozenset({"encounterId"})
    user_types: frozenset[str] = _CLINICIANS


def _hook(version: str, required: str, user_types: frozenset[str] = _CLINICIANS) -> HookDefinition:
    return HookDefinition(version, frozenset(required.split()), frozenset({"encounterId"}), user_types)


HOOKS: Final = {
    "patient-view": _hook("1.0", "userId patientId", _ANYONE),
    "order-select": _hook("1.0", "userId patientId selections draftOrders"),
    "order-sign": _hook("1.0", "userId patientId draftOrders"),
    "order-dispatch": HookDefinition(
        "1.1", frozenset({"patientId", "dispatchedOrders", "performer"}), frozenset({"fulfillmentTasks"})
    ),
    "encounter-start": _hook("1.0", "userId patientId encounterId"),
    "encounter-discharge": _hook("1.0", "userId patientId encounterId"),
    "appointment-book": _hook("1.0", "userId patientId appointments", _ANYONE),
    "problem-list-item-create": _hook("0.1.0", "userId patientId conditions"),
    "allergyintolerance-create": _hook(
        "0.1.0", "userId patientId allergyIntolerance", frozenset({"Practitioner"})
    ),
    "medication-refill": HookDefinition(
        "0.1.0", frozenset({"patientId", "medications"}), frozenset({"userId", "encounterId"})
    ),
}
