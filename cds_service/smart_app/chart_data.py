"""Reads what one page of the app shows, with the session's own token, through the same door as a hook call.

Between `routes` and the pages; nothing is kept between two pages, so that what is shown is what is there.
"""

import json
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from cds_service import pipeline
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient
from cds_service.pipeline import Gathered, Moment, Place
from cds_service.places import practice_of
from cds_service.shell import Shell
from cds_service.smart_app.sessions import Opened
from cds_service.smart_auth import hook_token
from cds_service.tenants import Tenant
from fhir_mappers.site import Site
from hooks import needs
from hooks.prefetch import DataNeed
from hooks.protocol import Context, HookRequest
from hooks.service import Question
from models.patient_record import Completeness, PatientRecord

READ_WITHIN_S: Final = 15.0
MAX_BYTES: Final = 64 * 1024 * 1024
"""Ninety days of a five-minute sensor are some 26 MB."""

SITE_WIDE: Final = ""
"""No service: a page that shows data takes only units and zone from the registration."""

BASE_NEEDS: Final = (needs.PATIENT, needs.CONDITIONS)


@dataclass(frozen=True, slots=True)
class Banner:
    """Whose data these are, as the record says it; text from outside, to be escaped."""

    name: str
    born: date | None
    sex: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """What was read for one page: the patient's record, how complete it is, and the bytes behind it."""

    question: Question
    gathered: Gathered
    site: Site
    banner: Banner

    @property
    def record(self) -> PatientRecord:
        """The patient as the models see them."""
        return self.question.record

    @property
    def as_of_ms(self) -> int:
        """When the page was asked for."""
        return self.question.as_of_ms

    @property
    def zone(self) -> str | None:
        """The clock of all times on the page; UTC where it is None."""
        return self.question.zone

    def unread(self) -> list[tuple[str, str]]:
        """Which data could not be read whole, and how much of them is there."""
        states = sorted(self.record.completeness.items())
        return [(key, _STATES[state]) for key, state in states if state in _STATES]


_STATES: Final = {
    Completeness.PARTIAL: "only part of it could be read",
    Completeness.FAILED: "could not be read",
    Completeness.NOT_ASKED: "was not asked for: the authorization does not cover it",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """What a page may read with: the session's own token, at this moment."""

    known: Shell
    tenant: Tenant
    held: Opened
    as_of_ms: int

    def read(self, *wanted: DataNeed) -> Chart:
        """The data of one page; what cannot be read is said on it.

        Raises DataUnobtainable where the patient cannot be read or another patient's data came.
        """
        asked_for = (*BASE_NEEDS, *(replace(need, required=False) for need in wanted))
        turns, deadline = self.known.computing, Deadline.after(READ_WITHIN_S)
        moment = Moment(self.as_of_ms, deadline, uuid.uuid4(), turns.give_way)
        asked = HookRequest("patient-view", str(moment.response_id), Context(self.held.patient_id), {})
        with self.known.bulkheads.place(self.tenant):
            gathered = pipeline.gather(asked_for, asked, moment, self._client())
        practice = practice_of(self.known, self.tenant, SITE_WIDE)
        with turns.turn(moment.last_thought):
            record = pipeline.to_record(asked.context, gathered, moment, Place(self._site(), practice))
        question = Question(record, asked.context, self.as_of_ms, moment.response_id, practice)
        return Chart(question, gathered, self._site(), _banner(gathered, record))

    @property
    def turn(self) -> AbstractContextManager[None]:
        """Our turn to compute with what was read."""
        return self.known.computing.turn(Deadline.after(READ_WITHIN_S))

    def _client(self) -> FhirClient:
        held = self.held
        token = hook_token(held.access_token, (held.until_ms - self.as_of_ms) / 1000, held.scope)
        return FhirClient(self.known.egress, self.tenant.fhir_base(held.iss), token, self.tenant, MAX_BYTES)

    def _site(self) -> Site:
        site = self.known.sites.get(self.tenant.id, Site(zone=self.tenant.zone))
        return replace(site, base_url=self.held.iss)


def _banner(gathered: Gathered, record: PatientRecord) -> Banner:
    bodies = gathered.pages.get("patient") or [b"{}"]
    return Banner(_name(json.loads(bodies[0])), record.birth_date, record.sex)


def _name(patient: dict[str, Any]) -> str:
    """The official or first name; the patient's id where there is none that can be read."""
    names = [name for name in _list(patient.get("name")) if isinstance(name, dict)]
    chosen = next((name for name in names if name.get("use") == "official"), names[0] if names else {})
    if isinstance(chosen.get("text"), str) and chosen["text"].strip():
        return str(chosen["text"])
    words = [*_list(chosen.get("given")), chosen.get("family")]
    said = " ".join(word for word in words if isinstance(word, str))
    return said or f"Patient {patient.get('id', 'without a name')}"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
