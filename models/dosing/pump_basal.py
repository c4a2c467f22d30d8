"""The basal rate that a pump gives now, read from what it delivered.

Sits between the record and the action outlook; an injection has no rate, and automated delivery no fixed one.
"""

from typing import Final

import numpy as np

from models.assessment import Input, Reason, ReasonCode
from models.dosing.insulin_doses import MS_PER_H, MS_PER_MIN
from models.dosing.uncounted_insulin import uncounted_insulin
from models.patient_record import Completeness, PatientRecord
from models.signals import INSULIN_BASAL
from models.time_series import TimeSeries

NEWEST_MIN: Final = 15
"""A delivery that ended longer ago does not tell the rate now: the pump may stand still (our judgement)."""

PLAUSIBLE_U_PER_H: Final = (0.025, 5.0)
"""Above, the record is rather an injection of long-acting insulin that states a duration (our judgement)."""

WATCHED_H: Final = 3
MOST_RATES: Final = 4
"""A programme changes on the hour at most; more rates in these hours are automated delivery or hand-set."""

SAME_U_PER_H: Final = 0.025
"""The finest step of common pumps: rates that differ by less differ by rounding."""

AUTOMATED: Final = "automated_delivery"
"""What the reason is about where a system, not a programme, sets the rate."""

INCOMPLETE_TEXT: Final = "Insulin given is not fully on record: the basal rate now is not known."
MISSING_TEXT: Final = "No basal delivery of an insulin pump is on record."
STALE_TEXT: Final = f"The newest basal delivery on record ended more than {NEWEST_MIN} minutes ago."
OVERLAP_TEXT: Final = "Several basal deliveries on record run at once."
AUTOMATED_TEXT: Final = (
    f"Basal took more than {MOST_RATES} rates in {WATCHED_H} hours, as under automated delivery, which "
    "lowers it by itself."
)
AFTER_TEXT: Final = "A basal entry without a duration follows the newest delivery on record."
IMPLAUSIBLE_TEXT: Final = "The basal rate on record is not one of a pump: {:.3g} units per hour."
NOTHING_TEXT: Final = "Basal insulin is at zero now: there is nothing to lower."


def basal_rate_now(record: PatientRecord, as_of_ms: int) -> Input | Reason:
    """The rate in U/h of the delivery under way, or why it is not known or cannot be lowered."""
    complete = record.completeness.get("insulin") is Completeness.COMPLETE
    if not complete or uncounted_insulin(record, as_of_ms):
        return Reason(ReasonCode.INCOMPLETE, INSULIN_BASAL, INCOMPLETE_TEXT)
    delivered = _delivered(record.series.get(INSULIN_BASAL), as_of_ms)
    if delivered is None:
        return Reason(ReasonCode.MISSING, INSULIN_BASAL, MISSING_TEXT)
    newest = int(np.argmax(delivered.at_ms))
    if as_of_ms - int(delivered.until_ms[newest]) > NEWEST_MIN * MS_PER_MIN:
        return Reason(ReasonCode.STALE, INSULIN_BASAL, STALE_TEXT)
    if (delivered.until_ms > delivered.at_ms[newest]).sum() > 1:
        return Reason(ReasonCode.CONFLICT, INSULIN_BASAL, OVERLAP_TEXT)
    rates_u_per_h = delivered.value * MS_PER_H / (delivered.until_ms - delivered.at_ms)
    watched_from_ms = as_of_ms - WATCHED_H * MS_PER_H
    if _distinct(rates_u_per_h[delivered.until_ms > watched_from_ms]) > MOST_RATES:
        return Reason(ReasonCode.OUT_OF_POPULATION, AUTOMATED, AUTOMATED_TEXT)
    if record.may_lack(INSULIN_BASAL, min(int(delivered.at_ms[newest]), watched_from_ms)):
        return Reason(ReasonCode.INCOMPLETE, INSULIN_BASAL, INCOMPLETE_TEXT)
    rate_u_per_h = float(rates_u_per_h[newest])
    if rate_u_per_h <= 0.0:
        return Reason(ReasonCode.OUT_OF_POPULATION, INSULIN_BASAL, NOTHING_TEXT)
    if not PLAUSIBLE_U_PER_H[0] <= rate_u_per_h <= PLAUSIBLE_U_PER_H[1]:
        text = IMPLAUSIBLE_TEXT.format(rate_u_per_h)
        return Reason(ReasonCode.IMPLAUSIBLE, INSULIN_BASAL, text)
    if _follows(record.series[INSULIN_BASAL], int(delivered.at_ms[newest]), as_of_ms):
        return Reason(ReasonCode.CONFLICT, INSULIN_BASAL, AFTER_TEXT)
    reference = delivered.references[int(delivered.reference[newest])]
    return Input("basal rate", rate_u_per_h, "[iU]/h", int(delivered.until_ms[newest]), reference)


def _follows(series: TimeSeries, newest_ms: int, as_of_ms: int) -> bool:
    """Whether an entry without a duration was made after a delivery began: a stop, or an injection."""
    later = (series.at_ms > newest_ms) & (series.at_ms <= as_of_ms)
    return bool((later & (series.until_ms <= series.at_ms)).any())


def _delivered(series: TimeSeries | None, as_of_ms: int) -> TimeSeries | None:
    """What a pump began to deliver by now; None without any."""
    if series is None:
        return None
    begun = series.take((series.until_ms > series.at_ms) & (series.at_ms <= as_of_ms))
    return begun if len(begun) else None


def _distinct(rates_u_per_h: np.ndarray) -> int:
    return int(np.unique(np.round(rates_u_per_h / SAME_U_PER_H)).size)
