"""Problems of the patient in this project's words, from coded Conditions.

Sits beside therapy under the patient record; which code means what is data (`condition_codes.csv`).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from fhir_mappers.code_tables import CodeTable, read_table
from fhir_mappers.references import Json, codings, member, names, objects, reference_to, system_codes, text
from fhir_mappers.timing import Moment, parse_time
from models.patient_record import Condition

NOT_ACTIVE: Final = frozenset({"inactive", "remission", "resolved"})
NOT_PRESENT: Final = frozenset({"refuted", "entered-in-error"})
"""FHIR condition-clinical and condition-ver-status. With any other status, or none, the problem stands."""

CODES: Final = CodeTable.of(read_table("condition_codes.csv"))


def to_conditions(resources: Sequence[Json]) -> tuple[Condition, ...]:
    """The active, not refuted problems, sorted by concept, one Condition per concept and set of codes.

    A code that says two things (type 1 diabetes, with hypoglycaemia) gives two Conditions of one reference.
    Of repeats the one recorded last stands. Problems with unknown codes keep `concept` None.
    """
    latest: dict[object, Condition] = {}
    for resource in resources:
        if condition_drop_reason(resource) is None:
            for condition in _conditions(resource):
                key = condition.concept, condition.codes or condition.name
                known = latest.get(key)
                if known is None or _age(known) < _age(condition):
                    latest[key] = condition
    return tuple(sorted(latest.values(), key=lambda c: (c.concept or "~", c.reference, sorted(c.codes))))


def condition_drop_reason(resource: Json) -> str | None:
    """Why a Condition says nothing of today, or None when it does. An abatement counts where no status is."""
    clinical, verification = (_words(resource.get(n)) for n in ("clinicalStatus", "verificationStatus"))
    if refused := verification & NOT_PRESENT:
        return f"status:{min(refused)}"
    if ended := clinical & NOT_ACTIVE:
        return f"status:{min(ended)}"
    abated = any(name.startswith("abatement") and resource[name] is not False for name in resource)
    return "status:abated" if abated and not clinical else None


def _words(status: object) -> frozenset[str]:
    """The codes of a status, with or without system; its text where it has none; older FHIR has strings."""
    coded = [text(coding, "code") for coding in objects(member({"s": status}, "s").get("coding"))]
    words = (
        [status] if isinstance(status, str) else [word for word in coded if word] or [text(status, "text")]
    )
    return frozenset(word.strip().lower() for word in words if word)


def _conditions(resource: Json) -> Iterator[Condition]:
    concept = member(resource, "code")
    concepts: list[str | None] = [*sorted({row["concept"] for row in CODES.rows_of(codings(concept))})]
    for word in concepts or [None]:
        yield Condition(
            reference=reference_to(resource),
            concept=word,
            codes=system_codes(concept),
            name=next(iter(names(concept)), ""),
            onset_ms=_at(resource.get("onsetDateTime") or member(resource, "onsetPeriod").get("start")),
            recorded_ms=_at(resource.get("recordedDate")),
        )


def _age(condition: Condition) -> tuple[int, str]:
    """Orders repeats of a problem: by recording, then by reference, so that arrival does not matter."""
    return condition.recorded_ms or 0, condition.reference


def _at(written: object) -> int | None:
    moment = parse_time(written)
    return moment.at_ms if isinstance(moment, Moment) else None
