"""Reads of a FHIR answer only what paging needs: is it whole, what links, how many matches, what warnings.

Under `fhir_client`; the bytes go on untouched to the mappers, which read the resources.
"""

from typing import Any, Final

import msgspec

from cds_service.calls import Answer, CallFailed
from fhir_mappers.decode import NotFhir, as_utf8

_JSON_TYPES: Final = frozenset({"application/fhir+json", "application/json", "application/json+fhir", ""})
_TELLING: Final = frozenset({"warning", "error", "fatal"})
"""Severities with which a server says that the answer is not the whole answer (FA13)."""


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Search(msgspec.Struct):
    mode: str = "match"


class _Entry(msgspec.Struct):
    search: _Search | None = None
    resource: msgspec.Raw = msgspec.Raw(b"null")


class _Resource(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")


class Page(_Resource):
    """A searchset Bundle as far as paging reads it."""

    link: list[_Link] | None = None
    total: int | None = None
    entry: list[_Entry] | None = None

    def linked(self, relation: str) -> str | None:
        """The address of a link, if the page has one."""
        return next((link.url for link in self.link or () if link.relation == relation and link.url), None)

    def matches(self) -> int:
        """Entries that the search found; included resources and outcomes are none."""
        return sum(entry.search is None or entry.search.mode == "match" for entry in self.entry or ())

    def is_qualified(self) -> bool:
        """Whether the server says in an outcome entry that something was left out or went wrong."""
        outcomes = (e.resource for e in self.entry or () if e.search and e.search.mode == "outcome")
        return any(_severities(outcome) & _TELLING for outcome in outcomes)


class _Issue(msgspec.Struct):
    severity: str = "error"


class _Outcome(msgspec.Struct):
    issue: list[_Issue] = []


_page: Final = msgspec.json.Decoder(Page)
_resource: Final = msgspec.json.Decoder(_Resource)
_outcome: Final = msgspec.json.Decoder(_Outcome)


def parse_page(body: bytes) -> Page:
    """The page in a body. Raises CallFailed for what is no whole searchset Bundle."""
    page: Page = _decode(_page, body)
    if page.resource_type != "Bundle":
        raise CallFailed("operation_outcome" if page.resource_type == "OperationOutcome" else "not_a_bundle")
    return page


def check_resource(body: bytes, resource_type: str) -> None:
    """Raises CallFailed where a body is not a whole resource of this type."""
    found: _Resource = _decode(_resource, body)
    if found.resource_type != resource_type:
        raise CallFailed("operation_outcome" if found.resource_type == "OperationOutcome" else "wrong_type")


def body_of(answer: Answer) -> bytes:
    """The FHIR JSON of a successful answer. Raises CallFailed with the status, for a login page, and for what
    is not UTF-8: it would end the mapping of all other answers.
    """
    if answer.status != 200:
        raise CallFailed(f"status_{answer.status}")
    if answer.media_type not in _JSON_TYPES:
        raise CallFailed("not_json")
    try:
        return as_utf8(answer.body)
    except NotFhir as error:
        raise CallFailed("not_fhir") from error


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CallFailed("not_fhir") from error


def _severities(outcome: msgspec.Raw) -> set[str]:
    try:
        return {issue.severity for issue in _decode(_outcome, outcome).issue}
    except CallFailed:
        return {"error"}
