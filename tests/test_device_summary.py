"""The summary that a CGM system sends of itself stands beside the numbers from readings, never among them."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from hooks.glucose_review import SERVICE
from hooks.protocol import Context
from hooks.service import Question
from models.assessment import NotAssessed, ReasonCode
from models.features.device_summary import METRIC_OF, newest_summary
from models.patient_record import Condition, PatientRecord
from models.risk.hypoglycemia import MODEL as HYPOGLYCEMIA
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

DAY_MS = 86_400_000
TYPE_1 = Condition("Condition/1", "type_1_diabetes", frozenset(), "type 1 diabetes", None, None)
AS_OF_MS = 1_780_000_200_000
START_MS = AS_OF_MS - 14 * DAY_MS


def readings(days: int, value_mgdl: float = 120) -> TimeSeries:
    """The last days of a sensor that always reads the same."""
    at_ms = AS_OF_MS - 300_000 * np.arange(days * 288)[::-1]
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.full(at_ms.size, value_mgdl))


def summary(until_ms: int = AS_OF_MS, **percent: float) -> dict[str, TimeSeries]:
    """A system's own summary of the 14 days before a time."""
    made = {}
    for signal, share in percent.items():
        one = series_of(signal, "%", np.array([until_ms - 14 * DAY_MS]), np.array([share]))
        made[signal] = replace(one, until_ms=np.array([until_ms]))
    return made


def detail(series: dict[str, TimeSeries]) -> str:
    """What the glucose review says of a record."""
    record = PatientRecord("p1", series=series)
    decision = SERVICE.decide(Question(record, Context("p1"), AS_OF_MS, UUID(int=1)))
    return "\n".join(card.detail or "" for card in decision.cards)


@pytest.mark.spec("Q63")
def test_Q63_both_numbers_stand_there_where_they_differ_by_more_than_two_points() -> None:
    text = detail({GLUCOSE_CGM: readings(14), **summary(cgm_pct_in_range=97.9, cgm_pct_low=2.0)})
    assert "97.9 % 70-180 mg/dL" in text or "98 % 70-180 mg/dL" in text
    assert "disagree" in text and "100 % by the readings" in text
    assert "54-69 mg/dL 2" not in text.split("disagree")[1]


@pytest.mark.spec("Q63")
def test_Q63_a_difference_that_rounding_explains_is_not_said() -> None:
    assert "disagree" not in detail({GLUCOSE_CGM: readings(14), **summary(cgm_pct_in_range=98.0)})


def test_a_summary_without_readings_is_shown_as_what_it_is() -> None:
    text = detail(summary(cgm_pct_in_range=61, cgm_pct_very_low=3))
    assert "own summary" in text and "61 % 70-180 mg/dL" in text
    assert "No reading stands behind this summary." in text


def test_too_few_readings_give_no_comparison() -> None:
    found = newest_summary(summary(cgm_pct_in_range=50), readings(9), AS_OF_MS)
    assert found is not None and found.bands[0].computed_percent is None
    assert found.covered_percent == pytest.approx(100 * 9 / 14, abs=0.1)


def test_the_newest_summary_counts_and_one_older_than_a_quarter_does_not() -> None:
    older = summary(AS_OF_MS - 91 * DAY_MS, **dict.fromkeys(METRIC_OF, 20.0))
    assert newest_summary(older, None, AS_OF_MS) is None
    assert newest_summary({}, readings(14), AS_OF_MS) is None


@pytest.mark.spec("Q66")
@pytest.mark.parametrize("minutes", [16, 45])
def test_Q66_an_old_last_reading_is_shown_with_its_age_and_nothing_is_said_of_the_present(
    minutes: int,
) -> None:
    glucose = readings(14, 62)
    late = replace(glucose, at_ms=glucose.at_ms - minutes * 60_000, until_ms=glucose.at_ms - minutes * 60_000)
    born = date(1980, 1, 1)
    record = PatientRecord("p1", birth_date=born, series={GLUCOSE_CGM: late}, conditions=(TYPE_1,))
    decision = SERVICE.decide(Question(record, Context("p1"), AS_OF_MS, UUID(int=1)))
    said = " ".join(f"{card.summary} {card.detail}" for card in decision.cards)
    assert f"{minutes} min ago" in said
    assert "current" not in said.lower() and "right now" not in said.lower()
    risk = next(one for one in decision.assessments if one.model == HYPOGLYCEMIA)
    assert isinstance(risk, NotAssessed) and risk.reasons[0].code is ReasonCode.STALE
