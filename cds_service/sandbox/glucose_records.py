"""Glucose, insulin and carbs of one person, from five-minute arrays to FHIR resources.

Between the generators (`pump_life`, `glucose_shapes`) and `patients`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cds_service.sandbox import fhir_words as fhir
from cds_service.sandbox.fhir_words import Measure, Resource, Subject
from models.units import to_mmoll

Array = NDArray[np.float64]

SLOT_MS: Final = 300_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
SLOTS_PER_DAY: Final = 288

SENSOR_RANGE_MGDL: Final = (40, 400)
"""What sensors in common use report; outside it a reading says only that it is lower or higher."""

SENSOR_LIFE_SLOTS: Final = 10 * SLOTS_PER_DAY
WARM_UP_SLOTS: Final = 24
"""A sensor is worn ten days and silent for its first two hours."""

GAPS_PER_DAY: Final = 0.25
GAP_MEAN_SLOTS: Final = 9.0
WORN_STRETCH_SLOTS: Final = 200.0
WORN_LATELY_SLOTS: Final = 2 * SLOTS_PER_DAY
"""Sparse wear is not to look like a sensor that went silent: the last days are worn."""

CGM: Final = Measure(
    "99504-3", "Glucose [Mass/volume] in Interstitial fluid", "mg/dL", "mg/dL", "laboratory", fhir.CGM_PROFILE
)
CGM_MOLAR: Final = Measure(
    "105272-9", "Glucose [Moles/volume] in Interstitial fluid", "mmol/L", "mmol/L", "laboratory",
    fhir.CGM_MOLAR_PROFILE,
)  # fmt: skip
FINGERSTICK: Final = Measure(
    "41653-7", "Glucose [Mass/volume] in Capillary blood by Glucometer", "mg/dL", "mg/dL", "laboratory"
)
CARBS: Final = Measure("9059-7", "Carbohydrate intake Estimated", "g", "g", "activity")

FINGERSTICK_HOURS: Final = (6.9, 17.8)


@dataclass(frozen=True, slots=True)
class Slots:
    """Five-minute slots from a local midnight on, of which those after `after_ms` up to `until_ms` count."""

    first_ms: int
    after_ms: int
    until_ms: int

    @classmethod
    def ending(cls, subject: Subject, until_ms: int, days: int) -> "Slots":
        """The slots of `days` whole days, the last of which holds `until_ms`; devices tick out of step."""
        today = datetime.fromtimestamp(until_ms / 1000, subject.zone)
        midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
        first_ms = round(midnight.timestamp() * 1000) - (days - 1) * DAY_MS
        return cls(first_ms + crc32(subject.id.encode()) % 300 * 1000, first_ms, until_ms)

    def since(self, after_ms: int) -> "Slots":
        """Only the later ones."""
        return replace(self, after_ms=after_ms)

    def within(self, values: Array) -> Iterator[tuple[int, float]]:
        """Instant and value of each slot that counts and has a value."""
        at_ms = self.first_ms + np.arange(values.size, dtype=np.int64) * SLOT_MS
        chosen = (at_ms > self.after_ms) & (at_ms <= self.until_ms) & ~np.isnan(values)
        yield from zip(at_ms[chosen].tolist(), values[chosen].tolist(), strict=True)


def worn(glucose_mgdl: Array, worn_share: float, rng: np.random.Generator) -> Array:
    """The curve with NaN while the sensor is off: gaps, warm-up, and the share not worn."""
    seen = glucose_mgdl.copy()
    starts = np.flatnonzero(rng.random(seen.size) < GAPS_PER_DAY / SLOTS_PER_DAY)
    for start, length in zip(starts, rng.exponential(GAP_MEAN_SLOTS, starts.size), strict=True):
        seen[start : start + int(length) + 1] = np.nan
    changed = int(rng.integers(SENSOR_LIFE_SLOTS // 2, SENSOR_LIFE_SLOTS))
    seen[changed : changed + WARM_UP_SLOTS] = np.nan
    stretches = np.cumsum(rng.exponential(WORN_STRETCH_SLOTS, seen.size // 10)).astype(int)
    stretch = np.searchsorted(stretches, np.arange(seen.size), side="right")
    off = rng.random(stretches.size + 1)[stretch] > worn_share
    off[-WORN_LATELY_SLOTS:] = False
    seen[off] = np.nan
    return seen


def sensor_readings(subject: Subject, slots: Slots, seen_mgdl: Array, *, molar: bool) -> Iterator[Resource]:
    """CGM Observations after the HL7 CGM guide; beyond the sensor's range with a comparator."""
    measure = CGM_MOLAR if molar else CGM
    low_mgdl, high_mgdl = SENSOR_RANGE_MGDL
    for at_ms, shown_mgdl in slots.within(seen_mgdl):
        bounded = min(max(round(shown_mgdl), low_mgdl), high_mgdl)
        value = fhir.quantity(round(to_mmoll(bounded), 1) if molar else bounded, measure.unit, measure.ucum)
        if not low_mgdl <= round(shown_mgdl) <= high_mgdl:
            value["comparator"] = "<" if shown_mgdl < low_mgdl else ">"
        made = fhir.observation(subject, measure, at_ms, {"valueQuantity": value})
        yield made | {"device": {"display": "Simulated glucose sensor"}}


def fingerstick_readings(subject: Subject, slots: Slots, glucose_mgdl: Array) -> Iterator[Resource]:
    """Two fingersticks a day, before breakfast and before dinner."""
    wanted = {round(hour * SLOTS_PER_DAY / 24) for hour in FINGERSTICK_HOURS}
    asked = np.isin(np.arange(glucose_mgdl.size) % SLOTS_PER_DAY, list(wanted))
    for at_ms, value_mgdl in slots.within(np.where(asked, glucose_mgdl, np.nan)):
        yield fhir.measured(subject, FINGERSTICK, at_ms, round(value_mgdl))


def bolus_administrations(
    subject: Subject, slots: Slots, bolus_u: Array, medication: Resource
) -> Iterator[Resource]:
    """Each bolus as a MedicationAdministration at its instant."""
    for at_ms, units in slots.within(np.where(bolus_u > 0, bolus_u, np.nan)):
        dosage = {"text": "Bolus", "dose": fhir.quantity(round(units, 2), "U", "[iU]")}
        yield _administration(subject, f"{subject.id}-bolus-{at_ms // 1000}", medication, dosage) | {
            "effectiveDateTime": subject.text(at_ms)
        }


def basal_administrations(
    subject: Subject, slots: Slots, rate_u_per_h: Array, medication: Resource
) -> Iterator[Resource]:
    """Basal delivery as one MedicationAdministration for each stretch of equal rate within a day."""
    midnight_ms = slots.first_ms
    while midnight_ms < slots.until_ms:
        for first_hour, last_hour in _equal_stretches(rate_u_per_h):
            start_ms = max(midnight_ms + first_hour * HOUR_MS, slots.after_ms)
            end_ms = min(midnight_ms + last_hour * HOUR_MS, slots.until_ms)
            if start_ms < end_ms:
                yield _basal(subject, (start_ms, end_ms), float(rate_u_per_h[first_hour]), medication)
        midnight_ms += DAY_MS


def _equal_stretches(rate_u_per_h: Array) -> Sequence[tuple[int, int]]:
    """First hour, and hour after the last, of each run of one rate."""
    edges = [0, *(np.flatnonzero(np.diff(rate_u_per_h)) + 1).tolist(), rate_u_per_h.size]
    return list(pairwise(edges))


def _basal(subject: Subject, span_ms: tuple[int, int], rate_u_per_h: float, medication: Resource) -> Resource:
    start_ms, end_ms = span_ms
    dosage = {
        "text": "Basal",
        "dose": fhir.quantity(round(rate_u_per_h * (end_ms - start_ms) / HOUR_MS, 3), "U", "[iU]"),
        "rateQuantity": fhir.quantity(round(rate_u_per_h, 3), "U/h", "[iU]/h"),
    }
    made = _administration(subject, f"{subject.id}-basal-{start_ms // 1000}", medication, dosage)
    return made | {"effectivePeriod": {"start": subject.text(start_ms), "end": subject.text(end_ms)}}


def _administration(subject: Subject, identity: str, medication: Resource, dosage: Resource) -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": identity,
        "status": "completed",
        "medicationCodeableConcept": medication,
        "subject": subject.reference,
        "dosage": dosage,
        "device": [{"display": "Simulated insulin pump"}],
    }


def carb_entries(subject: Subject, slots: Slots, carbs_g: Array) -> Iterator[Resource]:
    """What the person told the bolus calculator, in grams."""
    for at_ms, grams in slots.within(np.where(carbs_g > 0, carbs_g, np.nan)):
        yield fhir.measured(subject, CARBS, at_ms, round(grams))
