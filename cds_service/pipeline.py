"""Gather, map, decide: one hook request under one deadline, from entries to a decision.

Between `routes.cds_hooks` (who calls, what is asked) and the services of `hooks` (what is answered).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Final, Protocol
from uuid import UUID

from cds_service.deadline import Deadline
from cds_service.fhir_client import Pages, Query
from fhir_mappers.admission import Admission
from fhir_mappers.decode import NotFhir
from fhir_mappers.pace import Pace, never_stop
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import map_pages, record_of
from hooks.card import linked
from hooks.errors import DataUnobtainable
from hooks.prefetch import DataNeed, Entry, EntryState, read_entries, search_parameters
from hooks.protocol import Context, HookRequest
from hooks.service import Decision, Practice, Question, Service
from models.patient_record import Completeness, PatientRecord

DECIDING_S: Final = 0.9
"""Of the deadline, what is kept back after the last page: the budget of answer policy 4.1 has 0.3 s for the
models, 0.3 s for audit and store, 0.3 s in reserve. What a slow EHR sent by then is worth no 503."""

SENDING_S: Final = 0.1
"""Of these, what is kept back to record the answer and send it; computing may use all the rest."""

FOREIGN_RESOURCE: Final = "wrong_patient"
"""The mapper's drop reason for a resource of another patient: nothing may be computed beside one."""

_KNOWN: Final = {
    EntryState.NULL: Completeness.EMPTY,
    EntryState.EMPTY_BUNDLE: Completeness.EMPTY,
    EntryState.RESOURCE: Completeness.COMPLETE,
    EntryState.BUNDLE: Completeness.COMPLETE,
    EntryState.OPERATION_OUTCOME: Completeness.FAILED,
    EntryState.WRAPPED: Completeness.FAILED,
    EntryState.WRONG_TYPE: Completeness.FAILED,
}


AT_ONCE: Final = nullcontext()


class Reader(Protocol):
    """Whoever can fetch what the EHR did not send: `fhir_client.FhirClient`."""

    def gather(self, queries: Mapping[str, Query], deadline: Deadline) -> dict[str, Pages]: ...

    def follow(self, first_page: bytes, deadline: Deadline) -> Pages: ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """Raw resources by prefetch key, and how complete each key is."""

    pages: Mapping[str, Sequence[bytes]]
    completeness: Mapping[str, Completeness]
    fetched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """When the question is asked, when the answer must be out, and the id that its cards derive from.

    `give_way` is called between two pieces of long work, so that short work of others can go first.
    """

    as_of_ms: int
    deadline: Deadline
    response_id: UUID
    give_way: Callable[[], object] = never_stop

    @property
    def last_page(self) -> Deadline:
        """When reading the EHR ends."""
        return self.deadline.earlier(DECIDING_S)

    @property
    def last_thought(self) -> Deadline:
        """When computing ends."""
        return self.deadline.earlier(SENDING_S)

    def checkpoint(self) -> None:
        """Between two pieces of work. Raises Unavailable where there is no time left."""
        self.give_way()
        self.last_thought.check()


@dataclass(frozen=True, slots=True)
class Place:
    """What the organisation registered about its data and its wishes, and how we may read its EHR."""

    site: Site = field(default_factory=Site)
    practice: Practice = field(default_factory=Practice)
    reader: Reader | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A decision, and what it was made from: enough to say later what was known.

    `shown_ms`: of the cards that were folded, when each was last shown whole, by id; `findings`: the keys by
    which those that may be folded later are remembered.
    """

    decision: Decision
    completeness: Mapping[str, Completeness]
    gathered: Gathered
    input_sha256: str
    shown_ms: Mapping[str, int] = field(default_factory=dict)
    findings: Mapping[str, str] = field(default_factory=dict)


def decide(
    service: Service,
    request: HookRequest,
    moment: Moment,
    place: Place,
    computing: AbstractContextManager[object] = AT_ONCE,
) -> Answered:
    """The service's answer. Raises DataUnobtainable where required data are not to be had (412), and
    Unavailable (503) where there is no time left to answer.

    `computing` is entered where work is done rather than waited for.
    """
    refuse_foreign_drafts(request, place.site)
    gathered = gather(service.needs, request, moment, place.reader)
    with computing:
        return decide_from(service, request.context, gathered, moment, place)


def decide_from(
    service: Service, context: Context, gathered: Gathered, moment: Moment, place: Place
) -> Answered:
    """The service's answer from what was gathered, now or when a recorded decision is made again."""
    record = to_record(context, gathered, moment, place)
    moment.checkpoint()
    practice = place.practice
    decision = service.decide(Question(record, context, moment.as_of_ms, moment.response_id, practice))
    decision = replace(decision, cards=linked(decision.cards, practice.chart_link))
    return Answered(decision, record.completeness, gathered, digest(context, gathered))


def refuse_foreign_drafts(request: HookRequest, site: Site) -> None:
    """CX11: raises DataUnobtainable where a draft is for another patient; a draft may name none (X11)."""
    admission = Admission(request.context.patient_id, site)
    if any(admission.about(draft) == FOREIGN_RESOURCE for draft in request.context.draft_orders):
        raise DataUnobtainable("A draft order is for another patient.", reason="foreign_draft")


def gather(
    needs: Sequence[DataNeed], request: HookRequest, moment: Moment, reader: Reader | None
) -> Gathered:
    """Prefetch where it came, FHIR searches where it did not; each key judged alone (PF1)."""
    entries = read_entries(tuple(needs), request.prefetch, request.outlines)
    pages = {key: _bodies(entry) for key, entry in entries.items()}
    known = {key: _KNOWN[entry.state] for key, entry in entries.items() if entry.state in _KNOWN}
    fetched = _fetch(needs, request, entries, moment, reader) if reader else {}
    pages |= {key: list(found.bodies) for key, found in fetched.items()}
    known |= {key: found.completeness for key, found in fetched.items()}
    for key, entry in entries.items():
        truncated = entry.state is EntryState.TRUNCATED_BUNDLE
        known.setdefault(key, Completeness.PARTIAL if truncated else Completeness.NOT_ASKED)
    _require(needs, known)
    return Gathered(pages, known, tuple(sorted(fetched)))


def to_record(context: Context, gathered: Gathered, moment: Moment, place: Place) -> PatientRecord:
    """The patient as the models see them.

    Raises DataUnobtainable where the data cannot be read, beside another's resource and for a record that was
    merged into another (F-14); Unavailable where there are so many odd ones that the deadline passes.
    """
    pace = Pace(checkpoint=moment.checkpoint)
    try:
        mapped = map_pages(context.patient_id, gathered.pages, place.site, moment.as_of_ms, pace)
        record = record_of(mapped, gathered.completeness)
    except NotFhir:
        raise DataUnobtainable("The data could not be read as FHIR.", reason="not_fhir") from None
    if mapped.facts and mapped.facts.replaced_by:
        raise DataUnobtainable("The patient's record was merged into another one.", reason="merged_patient")
    if FOREIGN_RESOURCE in record.rejected:
        raise DataUnobtainable("The data held a resource of another patient.", reason="foreign_patient")
    return record


def digest(context: Context, gathered: Gathered) -> str:
    """SHA-256 of the context and every body that was read, in a fixed order."""
    found = hashlib.sha256(repr(context).encode())
    for key, bodies in sorted(gathered.pages.items()):
        for body in bodies:
            found.update(f"{key} {len(body)}\n".encode())
            found.update(body)
    return found.hexdigest()


def _bodies(entry: Entry) -> list[bytes]:
    return [entry.body] if entry.body else []


def _fetch(
    needs: Sequence[DataNeed],
    request: HookRequest,
    entries: Mapping[str, Entry],
    moment: Moment,
    reader: Reader,
) -> dict[str, Pages]:
    """Only what is missing is asked for (PE3), and only what the EHR did not itself fail to find."""
    by_key = {need.key: need for need in needs}
    patient_id = request.context.patient_id
    absent = [key for key, entry in entries.items() if entry.state is EntryState.ABSENT]
    found = reader.gather(
        {key: _query(by_key[key], patient_id, moment.as_of_ms) for key in absent}, moment.last_page
    )
    for key, entry in entries.items():
        if entry.state is EntryState.TRUNCATED_BUNDLE:
            found[key] = reader.follow(entry.body, moment.last_page)
    return found


def _query(need: DataNeed, patient_id: str, as_of_ms: int) -> Query:
    if need.is_read:
        return Query(need.resource_type, id=patient_id)
    return Query(need.resource_type, search_parameters(need, patient_id, as_of_ms))


def _require(needs: Sequence[DataNeed], known: Mapping[str, Completeness]) -> None:
    """PF4: 412 names the keys; a patient that is known to be absent is not a patient we can answer for."""
    unobtainable = [
        need.key
        for need in needs
        if need.required
        and (
            known[need.key] in (Completeness.FAILED, Completeness.NOT_ASKED)
            or (need.is_read and known[need.key] is not Completeness.COMPLETE)
        )
    ]
    if unobtainable:
        raise DataUnobtainable(
            f"Neither prefetch nor the FHIR server gave required data: {', '.join(unobtainable)}.",
            reason="data_unobtainable",
            expression=[f"prefetch.{key}" for key in unobtainable],
        )
