"""The risk of the coming night in the glucose review: stated in the evening, with its reasons, or why it is not."""

from datetime import UTC, date, datetime
from uuid import UUID

import numpy as np
import pytest

from hooks.card import Indicator
from hooks.glucose_review import SERVICE
from hooks.hypoglycemia_risk import share
from hooks.protocol import Context
from hooks.service import Decision, Practice, Question
from models.assessment import Interval
from models.patient_record import Condition, PatientRecord
from models.risk.nocturnal_hypoglycemia import MODEL
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

STEP_MS = 300_000
TYPE_1 = Condition("Condition/1", "type_1_diabetes", frozenset(), "type 1 diabetes", None, None)
EVENING_MS = int(datetime(2026, 5, 20, 22, 30, tzinfo=UTC).timestamp() * 1000)
NOON_MS = int(datetime(2026, 5, 20, 12, 0, tzinfo=UTC).timestamp() * 1000)


def nights(lowest_mgdl: float, evening_mgdl: float, as_of_ms: int) -> TimeSeries:
    """Two weeks at 140 mg/dL whose nights dip to a value, and the last evening at another."""
    at_ms = as_of_ms - STEP_MS * np.arange(14 * 288)[::-1]
    hour = at_ms // 3_600_000 % 24
    value = np.where((hour >= 2) & (hour < 4), lowest_mgdl, 140.0)
    value[at_ms > as_of_ms - 2 * 3_600_000] = evening_mgdl
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, value + np.sin(np.arange(value.size)))


def asked(glucose: TimeSeries, as_of_ms: int, zone: str | None = "UTC") -> Decision:
    """The review of an adult with type 1 diabetes."""
    series = {glucose.signal: glucose}
    record = PatientRecord("p1", birth_date=date(1985, 1, 1), series=series, conditions=(TYPE_1,))
    return SERVICE.decide(Question(record, Context("p1"), as_of_ms, UUID(int=1), Practice(zone=zone)))


def text(decision: Decision) -> str:
    """All that the cards say."""
    return "\n".join(f"{card.summary}\n{card.detail}" for card in decision.cards)


def test_nights_with_lows_and_a_low_evening_are_a_card_of_their_own_with_number_and_reasons() -> None:
    decision = asked(nights(52, 95, EVENING_MS), EVENING_MS)
    card = next(card for card in decision.cards if "tonight" in card.summary)
    assert card.indicator is Indicator.WARNING
    assert "00:00 to 06:00" in card.summary and "%" in card.summary
    assert "Main reasons:" in (card.detail or "") and "mg/dL" in (card.detail or "")
    assert text(decision).count("Risk of a low tonight") == 1


def test_calm_nights_give_a_line_with_interval_and_no_card() -> None:
    decision = asked(nights(140, 150, EVENING_MS), EVENING_MS)
    assert not any("tonight" in card.summary for card in decision.cards)
    assert "Risk of a low tonight (below 70 mg/dL" in text(decision)
    assert any(one.model == MODEL for one in decision.assessments)


@pytest.mark.parametrize(("as_of_ms", "zone", "why"), [
    (NOON_MS, "UTC", "from 21:00 on"),
    (EVENING_MS, None, "zone"),
])  # fmt: skip
def test_by_day_or_without_a_zone_the_line_says_why_there_is_no_number(
    as_of_ms: int, zone: str | None, why: str
) -> None:
    said = text(asked(nights(52, 95, as_of_ms), as_of_ms, zone))
    line = next(line for line in said.splitlines() if "tonight: not assessed" in line)
    assert why in line


def test_one_reason_for_all_risks_is_said_once() -> None:
    stale = asked(nights(52, 95, EVENING_MS), EVENING_MS + 40 * 60_000)
    said = "Risk of a low in the next hours, a low tonight and a high in the next hours: not assessed"
    assert text(stale).count(said) == 1
    assert text(stale).count("Risk of") == 1


@pytest.mark.parametrize(("low", "value", "high", "said"), [
    (0.0, 0.0, 0.0, "under 1 % (up to 0.1 %)"),
    (0.0002, 0.004, 0.014, "under 1 % (up to 1.4 %)"),
    (0.009, 0.015, 0.025, "1.5 % (0.9 % to 2.5 %)"),
])  # fmt: skip
def test_every_risk_is_said_with_its_interval_the_smallest_with_its_upper_end(
    low: float, value: float, high: float, said: str
) -> None:
    assert share(Interval(value, low, high)) == said
