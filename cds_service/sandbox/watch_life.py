"""Two months of a watch: heart rate, variability, breathing, oxygen, temperature, steps and sleep.

A descriptive generator for the persona without diabetes. In the last three days the values shift as at the
onset of an infection (direction and order of size: Mishra 2020, Nature Biomedical Engineering 4:1208).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from cds_service.sandbox.fhir_words import Measure, Resource, Subject, measured

DAYS: Final = 60
CHANGED_DAYS: Final = 3
DAY_MS: Final = 86_400_000
PULSE_STEP_MS: Final = 900_000
PULSE_DAYS: Final = 3

HEART_RATE: Final = Measure("8867-4", "Heart rate", "/min", "/min")

WORN: Final[Resource] = {
    "code": {
        "coding": [
            {
                "system": "http://hl7.org/fhir/us/physical-activity/CodeSystem/pa-temporary-codes",
                "code": "DeviceActivePercentage",
            }
        ]
    },
    "valueQuantity": {"value": 92, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
}
"""How much of the day the watch was worn, as the HL7 Physical Activity guide says it beside the steps."""


@dataclass(frozen=True, slots=True)
class Daily:
    """One value a day: usual level, its day-to-day SD, the shift of the last days, decimals, local hour."""

    measure: Measure
    usual: float
    sd: float
    shift: float
    decimals: int
    hour: int


_STEPS: Final = Measure(
    "41950-7", "Number of steps in 24 hour Measured", "steps/day", "{steps}/d", "activity"
)
_SLEEP: Final = Measure("93832-4", "Sleep duration", "h", "h", "activity")

DAILY: Final = (
    Daily(Measure("40443-4", "Heart rate --resting", "/min", "/min"), 58.0, 1.6, 9.0, 0, 7),
    Daily(Measure("80404-7", "R-R interval.standard deviation", "ms", "ms"), 62.0, 6.0, -22.0, 0, 5),
    Daily(Measure("9279-1", "Respiratory rate", "/min", "/min"), 14.2, 0.5, 2.8, 1, 4),
    Daily(Measure("59408-5", "Oxygen saturation by pulse oximetry", "%", "%"), 97.0, 0.6, -1.0, 0, 4),
    Daily(Measure("8310-5", "Body temperature", "Cel", "Cel"), 36.6, 0.15, 1.0, 1, 8),
    Daily(_STEPS, 8600.0, 1700.0, -4800.0, 0, 0),
    Daily(_SLEEP, 7.4, 0.6, 0.9, 1, 7),
)


def watch_observations(subject: Subject, now_ms: int, seed: int) -> Iterator[Resource]:
    """Everything that the watch sent until now, oldest day first."""
    rng = np.random.default_rng(seed)
    for days_ago in range(DAYS, 0, -1):
        shifted = days_ago <= CHANGED_DAYS
        for daily in DAILY:
            value = rng.normal(daily.usual + shifted * daily.shift, daily.sd)
            yield _on_day(subject, daily, now_ms - days_ago * DAY_MS, round(float(value), daily.decimals))
    for at_ms in range(now_ms - PULSE_DAYS * DAY_MS, now_ms, PULSE_STEP_MS):
        hour = datetime.fromtimestamp(at_ms / 1000, subject.zone).hour
        awake_per_min = 14.0 if 7 <= hour < 23 else 0.0
        yield measured(subject, HEART_RATE, at_ms, round(float(rng.normal(67.0 + awake_per_min, 5.0))))


def _on_day(subject: Subject, daily: Daily, day_ms: int, value: float) -> Resource:
    """One daily value; steps belong to a date, a night's sleep to the hours before it was read."""
    midnight = datetime.fromtimestamp(day_ms / 1000, subject.zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    at = midnight.replace(hour=daily.hour)
    made = measured(subject, daily.measure, round(at.astimezone(UTC).timestamp() * 1000), value)
    if daily.measure is _STEPS:
        return made | {"effectiveDateTime": f"{midnight:%Y-%m-%d}", "component": [WORN]}
    if daily.measure is _SLEEP:
        del made["effectiveDateTime"]
        return made | {
            "effectivePeriod": {"start": (at - timedelta(hours=value)).isoformat(), "end": at.isoformat()}
        }
    return made
