"""One page to print: profile, ranges, days, risk and vital signs in short, for the chart or the consultation.

One of the pages in `routes`; a shorter arrangement of what the others show.
"""

from collections.abc import Mapping
from typing import Any, Final

from cds_service.smart_app import glucose_page, risk_page, vitals_page
from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.wording import clock_words, low_now, why
from hooks import needs
from models.assessment import Refused

DAYS: Final = 14


def view(reader: Reader, _: Mapping[str, str]) -> tuple[Chart, dict[str, Any]]:
    """The page for two weeks."""
    chart = reader.read(*glucose_page.wanted(DAYS), needs.VITAL_SIGNS, needs.ACTIVITY)
    vitals = vitals_page.review_of(chart)
    lows = risk_page.risks(chart)[:2]  # a high of the next hours has no place on one sheet
    return chart, {
        "review": glucose_page.review(chart, DAYS),
        "risks": lows,
        "changes": why(vitals) if isinstance(vitals, Refused) else vitals_page.findings(chart, vitals),
        "days": DAYS,
        "clock": clock_words(chart),
        "low": low_now(chart),
    }
