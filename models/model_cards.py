"""Model cards: what each model is for, was made from, has shown, and is not for; one YAML beside each model.

Served at `/models/{id}`. The attributes are the 31 of 45 CFR 170.315(b)(11)(iv)(B) (HTI-1), by our names.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import msgspec

FOLDERS: Final = ("features", "risk", "dosing")
SUFFIX: Final = ".card.yaml"

IDENTITY: Final = ("id", "title", "version", "date", "regulatory_status", "sources", "data_sets")

ATTRIBUTES: Final = (
    "developer_and_contact",
    "funding_source",
    "output_value",
    "output_type",
    "intended_use",
    "intended_patients",
    "intended_users",
    "intended_role",
    "cautioned_against",
    "known_risks_and_limitations",
    "training_inclusion_and_exclusion",
    "use_of_demographic_variables",
    "demographic_representativeness",
    "relevance_to_deployed_setting",
    "fairness_approach",
    "bias_management",
    "external_validation_data",
    "external_validation_party",
    "external_validation_representativeness",
    "external_validation_process",
    "validity_internal",
    "fairness_internal",
    "validity_external",
    "fairness_external",
    "outcome_references",
    "validity_monitoring",
    "validity_local",
    "fairness_monitoring",
    "fairness_local",
    "update_process",
    "correction_frequency",
)
"""In the order of the regulation's nine groups: 4, 4, 2, 4, 2, 4, 5, 4, 2."""


def _cards() -> Iterator[Traversable]:
    for folder in FOLDERS:
        for entry in files("models").joinpath(folder).iterdir():
            if entry.name.endswith(SUFFIX):
                yield entry


def _read(entry: Traversable) -> dict[str, Any]:
    """One card. Raises ValueError naming what it lacks: a model without its whole card is not offered."""
    card: dict[str, Any] = msgspec.yaml.decode(entry.read_bytes())
    lacking = [name for name in (*IDENTITY, *ATTRIBUTES) if card.get(name) in (None, "", [])]
    if lacking:
        raise ValueError(f"{entry.name} lacks {', '.join(lacking)}")
    return {name: str(value) if name == "date" else value for name, value in card.items()}


MODEL_CARDS: Final[Mapping[str, Mapping[str, Any]]] = {
    card["id"]: card for card in sorted(map(_read, _cards()), key=lambda card: str(card["id"]))
}
"""Every card by the id of its model."""
