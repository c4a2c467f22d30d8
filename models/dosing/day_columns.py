"""From the series of a patient record to whole local days in five-minute slots.

Sits between the record and `recorded_days`; the only place of the setting adjustment that knows instants.
"""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Reason, ReasonCode
from models.dosing.recorded_days import SLOT_MIN, SLOTS_PER_DAY, RecordedDays
from models.dosing.schedule import Array, Instants
from models.features.local_time import local_day, local_ms
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import TimeSeries

DAYS: Final = 13
"""Whole local days inside the 14 days before the question: the first and the last are not whole."""

SLOT_MS: Final = SLOT_MIN * MINUTE_MS
NO_BASAL_TEXT: Final = "No basal insulin is on record for the last two weeks."
UNCLEAR_TEXT: Final = "Insulin is on record of which nobody said whether it was basal or a bolus."
OVERLAP_TEXT: Final = "Basal deliveries on record overlap, as if two pumps or two copies were recorded."


def recorded_days(record: PatientRecord, as_of_ms: int, zone: ZoneInfo) -> RecordedDays | Reason:
    """The last 13 whole local days, or why they cannot be told apart into glucose, insulin and meals."""
    first_day = int(local_day(np.array([as_of_ms]), zone)[0]) - DAYS
    days = _Days(record, first_day, zone)
    unclear = record.series.get(signals.INSULIN_DELIVERY)
    if unclear is not None and days.slots(unclear.at_ms).size:
        return Reason(ReasonCode.CONFLICT, "insulin_kind", UNCLEAR_TEXT)
    basal_u = days.basal_u()
    if isinstance(basal_u, Reason):
        return basal_u
    return RecordedDays(
        first_day,
        days.glucose_mgdl(),
        basal_u,
        days.summed(signals.INSULIN_BOLUS),
        days.summed(signals.CARBS),
    )


class _Days:
    """One record laid on the slots of its days."""

    def __init__(self, record: PatientRecord, first_day: int, zone: ZoneInfo) -> None:
        self.record, self.first_day, self.zone = record, first_day, zone
        self.count = DAYS * SLOTS_PER_DAY

    def since_first_ms(self, at_ms: Instants) -> Instants:
        """Milliseconds on the wall clock since the first midnight."""
        return local_ms(at_ms, self.zone) - self.first_day * DAY_MS

    def slots(self, at_ms: Instants) -> NDArray[np.int64]:
        """Slots of those instants that lie in the days."""
        slot = self.since_first_ms(at_ms) // SLOT_MS
        return slot[(slot >= 0) & (slot < self.count)]

    def summed(self, signal: str) -> Array:
        column, series = np.zeros(self.count), self.record.series.get(signal)
        if series is not None:
            slot = self.since_first_ms(series.at_ms) // SLOT_MS
            inside = (slot >= 0) & (slot < self.count)
            np.add.at(column, slot[inside], series.value[inside])
        return column

    def glucose_mgdl(self) -> Array:
        column = np.full(self.count, np.nan)
        series = self.record.series.get(signals.GLUCOSE_CGM)
        if series is not None:
            usable = usable_cgm(series).series
            slot = self.since_first_ms(usable.at_ms) // SLOT_MS
            inside = (slot >= 0) & (slot < self.count)
            # whole mg/dL, so that a limit means the same on a device of either unit: 10.0 mmol/L is 180 mg/dL
            column[slot[inside]] = np.round(usable.value[inside])
        return column

    def basal_u(self) -> Array | Reason:
        """Basal in each slot: a pump's amounts over their intervals, an injection evenly over a day."""
        series = self.record.series.get(signals.INSULIN_BASAL)
        if series is None or not len(series):
            return Reason(ReasonCode.MISSING, "basal", NO_BASAL_TEXT)
        by_pump = series.until_ms > series.at_ms
        delivered = self._delivered(series.take(by_pump))
        injected = self._injected(series.take(~by_pump))
        if isinstance(delivered, Reason):
            return delivered
        if not (delivered.any() or injected.any()):
            return Reason(ReasonCode.MISSING, "basal", NO_BASAL_TEXT)
        return delivered + injected

    def _delivered(self, segments: TimeSeries) -> Array | Reason:
        start, end = self.since_first_ms(segments.at_ms), self.since_first_ms(segments.until_ms)
        if (start[1:] < end[:-1] - SLOT_MS).any():
            return Reason(ReasonCode.CONFLICT, "basal", OVERLAP_TEXT)
        if not start.size:
            return np.zeros(self.count)
        instants = np.stack([start, np.maximum(end, start + 1)], axis=1).ravel()
        total = np.repeat(np.cumsum(segments.value), 2)
        total[::2] -= segments.value
        edges = np.arange(self.count + 1) * SLOT_MS
        return np.diff(np.interp(edges, np.maximum.accumulate(instants), total))

    def _injected(self, injections: TimeSeries) -> Array:
        column = np.zeros(self.count)
        slots = self.since_first_ms(injections.at_ms) // SLOT_MS
        for slot, units in zip(slots, injections.value, strict=True):
            column[max(slot, 0) : max(slot + SLOTS_PER_DAY, 0)] += units / SLOTS_PER_DAY
        return column
