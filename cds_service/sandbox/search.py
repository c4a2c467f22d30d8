"""A FHIR search as a record: parameters checked, turned into SQL conditions, one page at a time.

Between `fhir_server`, which has the query string, and `storage`, which runs the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cds_service.sandbox.fhir_dates import MATCHES, parse_prefixed
from cds_service.sandbox.indexing import PARAMETERS, SearchParameters, relative
from hooks.errors import BadRequest

DEFAULT_COUNT: Final = 100
MAX_COUNT: Final = 5000
"""Larger `_count` values get pages of this size, as hospital servers do."""

Pairs = Sequence[tuple[str, str]]
Condition = tuple[str, tuple[Any, ...]]

BY_DATE: Final = f"ifnull(start_ms, {-(1 << 62)})"
"""SQL of the order by date, what has none before all others; `storage` has an index of just this."""

_NOT_SELECTIVE: Final = frozenset({"_count", "_sort", "_total", "_format"})


@dataclass(frozen=True, slots=True)
class Page:
    """Ids and JSON texts of one page; `after` is the last position when more follows."""

    bodies: tuple[tuple[str, str], ...]
    after: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Query:
    """A checked search. `sort_key` is the SQL of what it is ordered by, `seq` breaking ties."""

    resource_type: str
    conditions: tuple[Condition, ...]
    sort_key: str = "seq"
    descending: bool = False
    count: int = DEFAULT_COUNT
    after: tuple[Any, ...] | None = None

    @property
    def order(self) -> str:
        """SQL after ORDER BY."""
        way = "DESC" if self.descending else "ASC"
        return f"{self.sort_key} {way}, seq {way}"

    def where(self, paged: bool = False) -> Condition:
        """SQL after WHERE with its values; `paged` leaves out what earlier pages held."""
        conditions = [("type = ?", (self.resource_type,)), *self.conditions]
        if paged and self.after:
            conditions.append(
                (f"({self.sort_key}, seq) {'<' if self.descending else '>'} (?, ?)", self.after)
            )
        sql = " AND ".join(f"({part})" for part, _ in conditions)
        return sql, tuple(value for _, values in conditions for value in values)

    def following(self, position: Sequence[Any]) -> "Query":
        """The same search from the resource after this position on."""
        return replace(self, after=tuple(position))

    def of_patient(self, patient: str) -> "Query":
        """The same search within one patient's compartment (`Patient/id`)."""
        return replace(self, conditions=(*self.conditions, ("patient = ?", (patient,))))


def parse_query(resource_type: str, pairs: Pairs) -> Query:
    """A search of one type from its decoded parameters.

    Raises BadRequest for an unknown parameter: to ignore one would answer more than was asked.
    """
    known = PARAMETERS.get(resource_type)
    if known is None:
        raise BadRequest(f"{resource_type[:40]} cannot be searched here.")
    wanted = [(name, value) for name, value in pairs if value and name not in _NOT_SELECTIVE]
    conditions = tuple(_condition(known, name, value) for name, value in wanted)
    settings = dict(pairs)
    sort_key, descending = _sorting(known, settings.get("_sort", ""))
    return Query(resource_type, conditions, sort_key, descending, _count(settings.get("_count")))


def _condition(known: SearchParameters, name: str, value: str) -> Condition:
    """One parameter; commas mean OR, as FHIR has it."""
    values = value.split(",")
    if name in ("patient", "subject"):
        references = [each if "/" in each else f"Patient/{each}" for each in values]
        return _any_of([("patient = ?", (relative(each),)) for each in references])
    if name == "_id":
        return _any_of([("id = ?", (each,)) for each in values])
    if name == "_lastUpdated":
        return _any_of([_date(name, each, "updated_ms", "updated_ms + 1") for each in values])
    if name == known.date:
        return _any_of([_date(name, each, "start_ms", "end_ms") for each in values])
    if name == "identifier" or name in known.tokens:
        return _tokens(name, values)
    raise BadRequest(f"Search parameter {name[:40]} is not supported here.", expression=(name[:40],))


def _any_of(conditions: Sequence[Condition]) -> Condition:
    sql = " OR ".join(f"({part})" for part, _ in conditions)
    return sql, tuple(value for _, values in conditions for value in values)


def _date(name: str, value: str, start: str, end: str) -> Condition:
    try:
        prefix, span = parse_prefixed(value)
    except (ValueError, OverflowError) as wrong:
        raise BadRequest(f"{name}: {wrong}", expression=(name,)) from None
    sql, ends = MATCHES[prefix]
    return sql.replace("start_ms", start).replace("end_ms", end), tuple(span[at] for at in ends)


def _tokens(name: str, values: Sequence[str]) -> Condition:
    """Any of the tokens: one look into the token table for each resource, however many are asked for."""
    any_code, codes = _any_of([_token(each) for each in values])
    sql = f"SELECT 1 FROM token WHERE token.seq = resource.seq AND parameter = ? AND ({any_code})"
    return f"EXISTS ({sql})", (name, *codes)


def _token(value: str) -> Condition:
    """`code`, `system|code`, `system|` or `|code`, by FHIR R4 search section 3.1.1.4.10."""
    system, bar, code = value.rpartition("|")
    if not bar:
        return "code = ?", (code,)
    return ("code = ? AND system = ?", (code, system)) if code else ("system = ?", (system,))


def _sorting(known: SearchParameters, asked: str) -> tuple[str, bool]:
    name, descending = asked.removeprefix("-"), asked.startswith("-")
    if not name:
        return "seq", False
    if name == "_lastUpdated":
        return "updated_ms", descending
    if name == known.date:
        return BY_DATE, descending
    raise BadRequest(f"_sort={asked[:40]} is not supported here.", expression=("_sort",))


def _count(asked: str | None) -> int:
    if asked is None:
        return DEFAULT_COUNT
    if not asked.isascii() or not asked.isdigit():
        raise BadRequest("_count is a whole number.", expression=("_count",))
    return min(int(asked), MAX_COUNT)
