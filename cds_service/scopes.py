"""SMART scopes, versions 1 and 2: which reads and searches a token was granted (SC1 to SC3, FA5).

Asked by `fhir_client` before it sends a query.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl

Permission = Literal["r", "s"]
"""To read a resource by its id, to search for resources."""

Parameters = Sequence[tuple[str, str]]

_GRAMMAR: Final = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]{1,63})"
    r"\.(?P<verbs>read|write|\*|(?=[cruds])c?r?u?d?s?)(?:\?(?P<query>[^?]+))?"
)
_VERSION_1: Final = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """One clinical scope. `only`: parameters that a search must carry to be covered."""

    level: str
    resource_type: str
    permissions: frozenset[str]
    only: tuple[tuple[str, str], ...] = ()

    def grants(self, permission: Permission, resource_type: str, parameters: Parameters) -> bool:
        """Whether it covers this read or search; a limited scope covers no read, since nothing limits one."""
        if permission not in self.permissions or self.resource_type not in ("*", resource_type):
            return False
        return not self.only or (permission == "s" and all(_within(p, parameters) for p in self.only))


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """The clinical scopes of a `scope` value; others, and those with letters out of order, grant nothing."""
    return tuple(_scope(match) for word in text.split() if (match := _GRAMMAR.fullmatch(word)))


def granted(
    scopes: Sequence[Scope], permission: Permission, resource_type: str, parameters: Parameters
) -> bool:
    """Whether any of the scopes covers it."""
    return any(scope.grants(permission, resource_type, parameters) for scope in scopes)


def _scope(match: re.Match[str]) -> Scope:
    verbs, query = match["verbs"], match["query"]
    permissions = frozenset(_VERSION_1.get(verbs, verbs))
    only = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
    if query and not only:
        permissions = frozenset()
    return Scope(match["level"], match["type"], permissions, only)


def _within(limit: tuple[str, str], parameters: Parameters) -> bool:
    """Whether a parameter of the search has only alternatives that the limit has too."""
    name, allowed = limit[0], set(limit[1].split(","))
    return any(set(value.split(",")) <= allowed for key, value in parameters if key == name)
