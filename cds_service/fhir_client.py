"""Reads and searches an EHR's FHIR server: pages, retries within the deadline, and says what is missing.

Between `pipeline` (which queries) and `egress` (which connection); bodies stay bytes for the mappers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cds_service.deadline import Deadline
from models.patient_record import Completeness


@dataclass(frozen=True, slots=True)
class Query:
    """A type-level search, or with `id` a read of one resource."""

    resource_type: str
    parameters: tuple[tuple[str, str], ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Pages:
    """The bodies of one query in order of arrival, how complete they are, and why they are not."""

    bodies: tuple[bytes, ...]
    completeness: Completeness
    why: str | None = None


class FhirClient:
    """One EHR with one token: `FhirClient(egress, access)`."""

    def gather(self, queries: Mapping[str, Query], deadline: Deadline) -> dict[str, Pages]:
        """Answers to all queries, asked in parallel; never raises for what the server did."""
        raise NotImplementedError

    def follow(self, first_page: bytes, deadline: Deadline) -> Pages:
        """The first page (as prefetch gave it) and the pages that its `next` links lead to."""
        raise NotImplementedError
