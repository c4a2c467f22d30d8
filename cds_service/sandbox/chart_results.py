"""Laboratory values and vital signs of a chart: the newest of each kind, and the one before it.

Used by `pages`; which codes count comes from the mapper's table. Glucose has a picture of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cds_service.sandbox.fhir_words import Resource
from cds_service.sandbox.rendering import title
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage
from fhir_mappers.references import objects
from hooks.needs import VITAL_FEATURES, code_list

_FEATURES: Final = (
    *("hba1c", "egfr", "creatinine", "potassium", "acr", "ldl", "hdl", "triglycerides"),
    *VITAL_FEATURES,
    *("body_height", "steps_per_day", "sleep_duration"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One kind of value: the newest, when, and the one before (empty: none)."""

    name: str
    newest: str
    on: str
    before: str


def results(storage: Storage, patient_id: str) -> list[Result]:
    """One line for each kind that has a value, by name."""
    pairs = [("patient", patient_id), ("code", code_list(*_FEATURES)), ("_sort", "-date")]
    kinds: dict[str, list[Resource]] = {}
    for observation in storage.search(parse_query("Observation", pairs)):
        kinds.setdefault(title(observation.get("code", {})), []).append(observation)
    return [_result(name, kinds[name]) for name in sorted(kinds, key=str.lower)]


def _result(name: str, newest_first: list[Resource]) -> Result:
    newest = newest_first[0]
    before = _words(newest_first[1]) if len(newest_first) > 1 else ""
    on = str(newest.get("effectiveDateTime", ""))[:10]
    return Result(name, _words(newest), on, before)


def _words(observation: Resource) -> str:
    """The value, or those of the components, with units."""
    return ", ".join(_values(observation)) or "no number"


def _values(observation: Resource) -> Iterator[str]:
    for each in (observation, *objects(observation.get("component"))):
        quantity: Any = each.get("valueQuantity")
        if isinstance(quantity, dict) and isinstance(quantity.get("value"), int | float):
            yield f"{quantity['value']:g} {quantity.get('unit', '')}".strip()
