"""Impossible readings push no score, and a model that gives nonsense is said not to answer."""

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_golden_cards import REQUESTS, answer

from fhir_mappers.to_patient_record import to_patient_record
from hooks import hypoglycemia_risk
from models.risk.episode_risk import EpisodeModel
from models.risk.hypoglycemia import HYPOGLYCEMIA

AS_OF_MS = 1_778_832_000_000


IMPOSSIBLE = {"glucose": ("99504-3", [5000, 1, -40, 0]), "heart rate": ("8867-4", [900, -5, 0]),
              "oxygen": ("59408-5", [0, 140, -1]), "temperature": ("8310-5", [80, -3])}  # fmt: skip
UNITS = {"glucose": "mg/dL", "heart rate": "/min", "oxygen": "%", "temperature": "Cel"}


@pytest.mark.spec("J-05")
@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_J05_impossible_readings_are_counted_and_push_no_series(kind: str) -> None:
    code, values = IMPOSSIBLE[kind]
    readings = [
        {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": f"2026-05-15T0{number}:00:00Z",
            "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": UNITS[kind]},
        }
        for number, value in enumerate(values)
    ]
    record = to_patient_record("p1", {"x": [json.dumps(readings).encode()]}, as_of_ms=AS_OF_MS)
    assert sum(rejection.count for rejection in record.rejected.values()) == len(values)
    assert all(np.isfinite(series.value).all() and not len(series) for series in record.series.values())


FAULT = "the model met a fault of its own"
REVIEWS = [path for path in REQUESTS if path.parent.name == "glucose-review"]


def fails(*_: Any) -> Any:
    raise ZeroDivisionError


def details() -> str:
    return " ".join(card.get("detail", "") for path in REVIEWS for card in answer(path)["cards"])


@pytest.mark.spec("J-03", "ER4")
def test_J03_a_model_that_fails_is_said_not_to_answer_and_the_review_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert FAULT not in details()
    monkeypatch.setattr(EpisodeModel, "assess", fails)
    assert FAULT in details()


@pytest.mark.spec("J-03")
@pytest.mark.parametrize("nonsense", [math.nan, math.inf])
def test_J03_a_score_that_is_no_number_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, nonsense: float
) -> None:
    broken = {at: replace(table, intercept=nonsense) for at, table in HYPOGLYCEMIA.tables.items()}
    monkeypatch.setattr(hypoglycemia_risk, "HYPOGLYCEMIA", replace(HYPOGLYCEMIA, tables=broken))
    said = details()
    assert FAULT in said and not re.search(r"\b(nan|inf)\b", said)
