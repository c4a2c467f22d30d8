"""Words that several pages of the app share: tables by name, days and times, why something is not shown.

Beside `hooks.wording`, whose numbers and units these pages use.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cds_service.smart_app.chart_data import Chart
from hooks.glucose_card import current_low
from models.assessment import NotAssessed, Reason, Refused
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; the first cell of each row names it."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Charts:
    """A chart drawn wide and narrow, with what it shows as a table."""

    wide: Markup
    narrow: Markup
    table: Table


def clock_words(chart: Chart) -> str:
    """Whose clock the times on a page are of."""
    return f"Times in {chart.zone}" if chart.zone else "Times in UTC: the patient's time zone is not known"


def low_now(chart: Chart) -> str | None:
    """The line of the card on a glucose that is low now, which no page about glucose leaves out."""
    series = (chart.record.series.get(signal) for signal in (GLUCOSE_CGM, GLUCOSE_SMBG))
    card = current_low(chart.question, tuple(each for each in series if each is not None))
    return card.summary if card else None


def why(answer: Reason | NotAssessed | Refused) -> list[str]:
    """The sentences that say why there is no answer."""
    reasons = (answer,) if isinstance(answer, Reason) else answer.reasons
    return [f"{reason.text[:1].upper()}{reason.text[1:].rstrip('.')}." for reason in reasons]
