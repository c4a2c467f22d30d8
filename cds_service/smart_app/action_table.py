"""What an action would do to the glucose expected, as a table of the risk page; shown where a low is likely.

Part of `risk_page`; asks the same as the card does, for more actions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cds_service.smart_app.chart_data import Chart
from cds_service.smart_app.wording import Table, why
from hooks.action_lines import (
    HALF_BASAL,
    LARGER_SNACK,
    SNACK,
    Outlook,
    action_text,
    computed_with,
    in_automated_delivery,
    just_eaten,
    outlook,
)
from hooks.expected_glucose import expected_glucose, interval_text
from hooks.wording import capital
from models.assessment import Assessment
from models.risk.action_outlook import lowest, own_settings
from models.risk.glucose_forecast import GlucoseForecast
from models.time_series import TimeSeries
from models.units import GlucoseUnit

ACTIONS: Final = (SNACK, LARGER_SNACK, HALF_BASAL)
HEADER: Final = ("Action", "In 60 min", "Lowest within 60 min", "In 120 min", "Lowest within 120 min")
WITHIN_MIN: Final = (60, 120)


@dataclass(frozen=True, slots=True)
class Actions:
    """The table where anything could be computed, and the sentences below it."""

    table: Table | None
    notes: tuple[str, ...]


def actions_shown(chart: Chart, glucose: TimeSeries) -> Actions:
    """Every action with what it would do, and why others are not told of."""
    question = chart.question
    forecast = expected_glucose(question, glucose)
    settings = own_settings(question.record, question.as_of_ms)
    answers = [outlook(question, forecast, settings, action) for action in ACTIONS]
    told = [answer for answer in answers if isinstance(answer, Assessment)]
    untold = dict.fromkeys(text for answer in answers for text in _why_not(answer))
    if not told:
        return Actions(None, ("Not assessed.", *untold))
    unit = question.practice.glucose_unit
    rows = [_row("As it is", told[0].result.without, unit)]
    rows += [_row(capital(action_text(a.result.action)), a.result.with_action, unit) for a in told]
    table = Table("Glucose expected with an action, and its 90 % interval", HEADER, rows)
    notes = (
        *computed_with(question, told),
        *in_automated_delivery(settings, told),
        *just_eaten(question, told),
    )
    return Actions(table, (*(f"{text}." for text in notes), *untold))


def _row(name: str, curve: GlucoseForecast, unit: GlucoseUnit) -> tuple[str, ...]:
    stated = [found for minutes in WITHIN_MIN for found in (curve.within(minutes), lowest(curve, minutes))]
    return (name, *(interval_text(found, unit) for found in stated))


def _why_not(answer: Outlook) -> Sequence[str]:
    return () if isinstance(answer, Assessment) else why(answer)
