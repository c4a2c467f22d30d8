"""A question asked of CGM now: what may be seen, on which slots, and whether it is fresh enough to answer.

Sits under the served glucose risk models; readings after the moment of asking never pass this door.
"""

from dataclasses import dataclass

import numpy as np

from models.assessment import Input, Reason, ReasonCode
from models.risk.causal_grid import HOLD_SLOTS, SLOT_MS, Column, held, slots_of
from models.risk.hypoglycemia_limits import STALE_AFTER_MS
from models.time_series import TimeSeries


@dataclass(frozen=True, slots=True)
class GlucoseQuestion:
    """Readings until `as_of_ms`, at least one. `asked_ms` is up to five minutes before `as_of_ms`: the last
    moment a whole number of slots after the newest reading; horizons count from it.
    """

    seen: TimeSeries
    as_of_ms: int

    @property
    def age_ms(self) -> int:
        """Age of the newest reading."""
        return self.as_of_ms - int(self.seen.at_ms[-1])

    @property
    def asked_ms(self) -> int:
        """The moment of the question's slot."""
        return self.as_of_ms - self.age_ms % SLOT_MS

    def slots(self, count: int) -> Column:
        """The last `count` slots, mg/dL, NaN where none was read; the last is that of the question."""
        return slots_of(self.seen.at_ms, self.seen.value, self.asked_ms, count)

    def newest(self) -> Input:
        """The newest reading, as what was used."""
        series = self.seen
        reference = series.references[int(series.reference[-1])]
        return Input(series.signal, float(series.value[-1]), "mg/dL", int(series.at_ms[-1]), reference)


def question_of(glucose: TimeSeries, as_of_ms: int) -> GlucoseQuestion | Reason:
    """The question, or why nothing fresh is known."""
    seen = glucose.take(np.arange(int(np.searchsorted(glucose.at_ms, as_of_ms, side="right"))))
    if not len(seen):
        return Reason(ReasonCode.MISSING, glucose.signal, "no CGM reading is at hand")
    question = GlucoseQuestion(seen, as_of_ms)
    if question.age_ms > STALE_AFTER_MS:
        text = f"the newest CGM reading is older than {STALE_AFTER_MS // 60_000} minutes"
        return Reason(ReasonCode.STALE, glucose.signal, text)
    return question


def covered(measured: Column, slots: int) -> int:
    """How many of the last slots hold a reading or one that still stands."""
    return int((~np.isnan(held(measured[-slots - HOLD_SLOTS :])[0][-slots:])).sum())
