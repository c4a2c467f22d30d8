"""Reads and searches an EHR's FHIR server, follows its pages, and says what is missing.

Between `pipeline` (which queries) and `fhir_exchange` (which calls); bodies stay bytes for the mappers.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

import structlog

from cds_service.addresses import Address, UnacceptableAddress, resolve_under
from cds_service.calls import CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.fhir_exchange import MAX_TOTAL_BYTES, Access, ByteBudget, Exchange
from cds_service.fhir_page import Page, body_of, check_resource, parse_page
from cds_service.scopes import Permission, granted
from cds_service.smart_auth import AccessToken
from cds_service.tenants import FhirBase, Tenant
from models.patient_record import Completeness

MAX_PAGES: Final = 200
MAX_ENTRIES: Final = 50_000
PARALLEL: Final = 4
RETURNING_S: Final = 0.2
"""So much sooner does a call give up than we stop waiting for its query: else nobody would be there to take
the pages that came before it."""

NO_POST_SEARCH: Final = frozenset({404, 405, 501})

log = structlog.get_logger()


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
    """One EHR during one hook call, or one page of the app; `total_bytes` is the most that all pages take."""

    def __init__(
        self,
        egress: Egress,
        base: FhirBase,
        token: AccessToken | None,
        tenant: Tenant,
        total_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        self._base = base.address
        self._token = token
        self._method = tenant.search_method
        server = Server(base.address, base.allow_private, tenant.ca_file)
        self._access = Access(egress, server, token, ByteBudget(total_bytes))

    def gather(self, queries: Mapping[str, Query], deadline: Deadline) -> dict[str, Pages]:
        """Answers to all queries, asked in parallel; never raises for what the server did."""
        if not queries:
            return {}
        pool = ThreadPoolExecutor(min(PARALLEL, len(queries)), thread_name_prefix="fhir")
        calls_end = deadline.earlier(RETURNING_S)
        futures = {key: pool.submit(self.ask, query, calls_end) for key, query in queries.items()}
        done, _ = wait(futures.values(), timeout=deadline.remaining_s())
        pool.shutdown(wait=False, cancel_futures=True)  # a straggler ends by itself
        late = Pages((), Completeness.FAILED, "timeout")
        found = {key: future.result() if future in done else late for key, future in futures.items()}
        for key, pages in found.items():
            if pages.why:
                log.warning("fhir.incomplete", key=key, reason=pages.why, completeness=pages.completeness)
        return found

    def ask(self, query: Query, deadline: Deadline) -> Pages:
        """The answer to one query; never raises for what the server did."""
        if not self._may_ask(query):
            return Pages((), Completeness.NOT_ASKED, "scope")
        exchange = Exchange(self._access, deadline)
        try:
            if query.id is not None:
                return self._read(exchange, query.resource_type, query.id)
            first = self._search(exchange, query)
        except CallFailed as failure:
            return Pages((), Completeness.FAILED, failure.why)
        return self._follow(exchange, first, {_identity(self._search_address(query))})

    def follow(self, first_page: bytes, deadline: Deadline) -> Pages:
        """The first page (as prefetch gave it) and the pages that its `next` links lead to."""
        return self._follow(Exchange(self._access, deadline), first_page, set())

    def _may_ask(self, query: Query) -> bool:
        """Whether the token was granted this (FA5); an open server asks for no token."""
        permission: Permission = "s" if query.id is None else "r"
        token = self._token
        return token is None or granted(token.scopes, permission, query.resource_type, query.parameters)

    def _read(self, exchange: Exchange, resource_type: str, resource_id: str) -> Pages:
        body = body_of(exchange.get(self._base.under(resource_type, resource_id)))
        check_resource(body, resource_type)
        return Pages((body,), Completeness.COMPLETE)

    def _search(self, exchange: Exchange, query: Query) -> bytes:
        """The first page. By POST, which keeps the patient's id out of the EHR's access logs (K-03)."""
        if self._method != "get":
            form = urlencode(query.parameters).encode("ascii")
            answer = exchange.post_form(self._base.under(query.resource_type, "_search"), form)
            if self._method == "post" or answer.status not in NO_POST_SEARCH:
                return body_of(answer)
        return body_of(exchange.get(self._search_address(query)))

    def _search_address(self, query: Query) -> Address:
        return self._base.under(query.resource_type).asking(urlencode(query.parameters))

    def _follow(self, exchange: Exchange, first: bytes, visited: set[object]) -> Pages:
        """What came before a failure is kept, and never called complete."""
        bodies: list[bytes] = []
        pages: list[Page] = []
        try:
            for body, page in self._walk(exchange, first, visited):
                bodies.append(body)
                pages.append(page)
        except CallFailed as failure:
            return Pages(tuple(bodies), Completeness.PARTIAL if bodies else Completeness.FAILED, failure.why)
        return Pages(tuple(bodies), *_judge(pages))

    def _walk(self, exchange: Exchange, first: bytes, visited: set[object]) -> Iterator[tuple[bytes, Page]]:
        """Page after page. Raises CallFailed where the last cannot be reached."""
        body, page = first, parse_page(first)
        count = 0
        for _ in range(MAX_PAGES):
            yield body, page
            count += page.matches()
            address = self._next(page)
            if address is None:
                return
            if _identity(address) in visited:
                raise CallFailed("paging.loop")
            if count >= MAX_ENTRIES:
                break
            visited.add(_identity(address))
            body = body_of(exchange.get(address))
            page = parse_page(body)
        raise CallFailed("paging.limit")

    def _next(self, page: Page) -> Address | None:
        """Where the next page is; the token goes nowhere outside the registered base (C-05, FA6)."""
        link = page.linked("next")
        try:
            return None if link is None else resolve_under(self._base, link)
        except UnacceptableAddress as error:
            raise CallFailed("paging.denied") from error


def _judge(pages: Sequence[Page]) -> tuple[Completeness, str | None]:
    """All pages came; the server's own count or its warnings may still say that this is not all (F-06)."""
    count, total = sum(page.matches() for page in pages), pages[-1].total
    if total is not None and count < total:
        return Completeness.PARTIAL, "total"
    if any(page.is_qualified() for page in pages):
        return Completeness.PARTIAL, "warning"
    return Completeness.COMPLETE if count else Completeness.EMPTY, None


def _identity(address: Address) -> object:
    """What makes two addresses the same page, however their queries are escaped."""
    return address.origin, address.path, tuple(parse_qsl(address.query, keep_blank_values=True))
