"""What a service asks the EHR to send along, and what the EHR did send: the nine states of an entry.

Templates and FHIR searches come from the same `DataNeed`, so that both ways bring the same resources (PF6).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import msgspec

from hooks.errors import BadRequest
from hooks.large_json import Outline

Dialect = Literal["core", "relative-date"]

DAY_MS: Final = 86_400_000

OVERLAP_DAYS: Final = 1
"""`today()` is the client's local day: ask for one day more and cut by instant (PT14)."""


@dataclass(frozen=True, slots=True)
class DataNeed:
    """One prefetch key: which resources, how far back, and what for (PT13).

    `search` holds the parameters besides patient, date, sort and count; a need without them and without
    a window is an instance read of the patient.
    """

    key: str
    resource_type: str
    purpose: str
    search: tuple[tuple[str, str], ...] = ()
    days: int | None = None
    date_parameter: str = "date"
    count: int | None = None
    required: bool = False

    @property
    def is_read(self) -> bool:
        """True for the patient itself, read by its id."""
        return self.resource_type == "Patient"


def template(need: DataNeed, dialect: Dialect) -> str:
    """The prefetch template: plain tokens for 2.0 clients, `today()` for those that can (X2, PT1 to PT15)."""
    if need.is_read:
        return "Patient/{{context.patientId}}"
    since = f"ge{{{{today() - {need.days + OVERLAP_DAYS} days}}}}" if need.days else ""
    parameters = _parameters(need, "{{context.patientId}}", since if dialect == "relative-date" else "")
    return f"{need.resource_type}?" + "&".join(f"{name}={value}" for name, value in parameters)


def search_parameters(need: DataNeed, patient_id: str, as_of_ms: int) -> tuple[tuple[str, str], ...]:
    """The FHIR search that brings what the template asks for, with its window made absolute."""
    since = ""
    if need.days:
        start = datetime.fromtimestamp(as_of_ms / 1000, UTC) - timedelta(days=need.days + OVERLAP_DAYS)
        since = f"ge{start:%Y-%m-%dT%H:%M:%SZ}"
    return tuple(_parameters(need, patient_id, since))


def _parameters(need: DataNeed, patient: str, since: str) -> list[tuple[str, str]]:
    parameters = [("patient", patient), *need.search]
    if since:
        parameters.append((need.date_parameter, since))
    if need.days and need.resource_type == "Observation":
        parameters.append(("_sort", "-date"))
    if need.count:
        parameters.append(("_count", str(need.count)))
    return parameters


class EntryState(StrEnum):
    """What one prefetch key holds (PF1)."""

    ABSENT = "absent"
    NULL = "null"
    OPERATION_OUTCOME = "operation_outcome"
    RESOURCE = "resource"
    EMPTY_BUNDLE = "empty_bundle"
    BUNDLE = "bundle"
    TRUNCATED_BUNDLE = "truncated_bundle"
    WRAPPED = "wrapped"
    WRONG_TYPE = "wrong_type"


@dataclass(frozen=True, slots=True)
class Entry:
    """One prefetch entry: its state, its JSON, and the address of the next page if it has one."""

    state: EntryState
    body: bytes = b""
    next_url: str | None = None


ABSENT: Final = Entry(EntryState.ABSENT)
NO_OUTLINES: Final[Mapping[str, Outline]] = {}


_NONE: Final = re.compile(rb"0?\s*|null")

_SEARCH_ANSWERS: Final = frozenset({"searchset", "collection", ""})
"""Bundle types that may answer a search; the type may be missing. A batch-response tells of failures."""


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Shape(msgspec.Struct, rename="camel"):
    """Just enough of an entry to tell its state, without reading the resources in it."""

    resource_type: str = ""
    type: str = ""
    total: msgspec.Raw = msgspec.Raw(b"")
    link: list[_Link] = []
    entry: list[msgspec.Raw] | None = None
    response: msgspec.Raw = msgspec.Raw(b"")
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Kind(msgspec.Struct, rename="camel"):
    resource_type: str = ""


class _EntryShape(msgspec.Struct):
    resource: _Kind | None = None


SHORT_BUNDLE: Final = 200

MAX_ENTRIES: Final = 50_000
"""B-07; fourteen days of a five-minute sensor have 4,032."""


MOST_COMMAS: Final = 60 * MAX_ENTRIES
"""Large Observations have some forty members."""


def read_entries(
    needs: tuple[DataNeed, ...],
    prefetch: Mapping[str, bytes],
    outlines: Mapping[str, Outline] = NO_OUTLINES,
) -> dict[str, Entry]:
    """The state of every advertised key; keys nobody advertised are ignored (PF3).

    `outlines` save reading every entry of what is known to be JSON.
    """
    return {
        need.key: _read(need, prefetch[need.key], outlines.get(need.key)) if need.key in prefetch else ABSENT
        for need in needs
    }


def _read(need: DataNeed, body: bytes, outline: Outline | None) -> Entry:
    if body == b"null":
        return Entry(EntryState.NULL)
    _refuse_flood(body)
    try:
        shape, left_out = _shape(body, outline)
    except (msgspec.MsgspecError, RecursionError):
        return Entry(EntryState.WRONG_TYPE)
    state = _state(need, shape, left_out)
    next_url = next((link.url for link in shape.link if link.relation == "next"), None)
    if next_url is not None and state in (EntryState.BUNDLE, EntryState.EMPTY_BUNDLE):
        return Entry(EntryState.TRUNCATED_BUNDLE, body, next_url)
    keeps_body = state in (EntryState.RESOURCE, EntryState.BUNDLE)
    return Entry(state, body if keeps_body else b"")


def _shape(body: bytes, outline: Outline | None) -> tuple[_Shape, int]:
    """The shape of an entry, and how many resources are left out of it; none where it is short."""
    if outline is not None:
        shape = msgspec.json.decode(outline.text, type=_Shape)
        left_out = outline.left_out_of(shape.entry or ())
        if left_out > SHORT_BUNDLE:
            return shape, left_out
    return msgspec.json.decode(body, type=_Shape), 0


def _state(need: DataNeed, shape: _Shape, left_out: int) -> EntryState:
    if not shape.resource_type and bytes(shape.response) and bytes(shape.resource):
        return EntryState.WRAPPED
    if shape.resource_type == "OperationOutcome":
        return EntryState.OPERATION_OUTCOME
    if need.is_read:
        return EntryState.RESOURCE if shape.resource_type == need.resource_type else EntryState.WRONG_TYPE
    if shape.resource_type != "Bundle" or shape.type not in _SEARCH_ANSWERS:
        return EntryState.WRONG_TYPE
    if shape.entry:
        return _entries_state(need, shape.entry, left_out)
    return EntryState.EMPTY_BUNDLE if _NONE.fullmatch(bytes(shape.total)) else EntryState.WRONG_TYPE


def _refuse_flood(body: bytes) -> None:
    """B-07, before a list of millions is made; shorter ones are counted when they are read."""
    if len(body) > 2 * MOST_COMMAS and body.count(b",") > MOST_COMMAS:
        raise _too_many()


def _too_many() -> BadRequest:
    return BadRequest("A prefetch entry holds too many resources.", reason="too_many_entries")


def _entries_state(need: DataNeed, entries: list[msgspec.Raw], left_out: int) -> EntryState:
    """Whether the entries are an answer: each holds a resource, and one is of the kind asked for.

    Only short Bundles are looked through; what a long one holds, the mapper counts.
    """
    count = len(entries) + left_out
    if count > MAX_ENTRIES:
        raise _too_many()
    if count > SHORT_BUNDLE:
        return EntryState.BUNDLE
    try:
        shapes = [msgspec.json.decode(entry, type=_EntryShape) for entry in entries]
    except (msgspec.MsgspecError, RecursionError):
        return EntryState.WRONG_TYPE
    kinds = {shape.resource.resource_type for shape in shapes if shape.resource}
    whole = all(shape.resource is not None for shape in shapes)
    answers = whole and bool(kinds & {need.resource_type, "OperationOutcome"})
    return EntryState.BUNDLE if answers else EntryState.WRONG_TYPE
