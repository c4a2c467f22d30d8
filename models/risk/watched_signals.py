"""Which signals are compared with the patient's own weeks, and which change of each is worth saying.

Read by `models.risk.vital_change`; a new signal is one entry here.
"""

from dataclasses import dataclass
from typing import Final, Literal

from models import signals
from models.risk.vital_comparison import Urgency

Shape = Literal["by_day", "by_hour", "nights", "steps"]


@dataclass(frozen=True, slots=True)
class Watched:
    """A signal whose change against the patient's own weeks is looked for.

    `typical_sd` is the usual day-to-day SD and `least_change` the smallest change worth saying, both in
    `unit`, or as natural logarithms where `is_ratio`. `direction` is the one that counts: +1 up, -1 down,
    0 both; `alternative` is a signal that says the same. The numbers are our judgement, set before any
    evaluation.
    """

    signal: str
    label: str
    unit: str
    decimals: int
    shape: Shape
    direction: int
    typical_sd: float
    least_change: float
    urgency: Urgency
    is_ratio: bool = False
    group: str = ""
    alternative: str = ""


ILLNESS: Final = "illness"
"""Changes that an infection, or an exacerbation of COPD, brings together."""

WATCHED: Final = (
    Watched(signals.HEART_RATE_RESTING, "Resting heart rate", "/min", 0, "by_day", 0, 2.5, 4.0,
            Urgency.NOTE, group=ILLNESS),
    Watched(signals.HEART_RATE, "Heart rate by hour", "/min", 0, "by_hour", 0, 3.0, 6.0,
            Urgency.NOTE, group=ILLNESS),
    Watched(signals.HRV_SDNN, "Heart rate variability (SDNN)", "ms", 0, "by_day", -1, 0.2, 0.22,
            Urgency.NOTE, is_ratio=True, alternative=signals.HRV_RMSSD),
    Watched(signals.HRV_RMSSD, "Heart rate variability (RMSSD)", "ms", 0, "by_day", -1, 0.2, 0.22,
            Urgency.NOTE, is_ratio=True, alternative=signals.HRV_SDNN),
    Watched(signals.RESPIRATION_RATE, "Respiratory rate", "/min", 1, "by_hour", 1, 0.7, 1.5,
            Urgency.SOON, group=ILLNESS),
    Watched(signals.SPO2, "Oxygen saturation", "%", 0, "by_hour", -1, 0.8, 2.0, Urgency.SOON, group=ILLNESS),
    Watched(signals.BODY_TEMPERATURE, "Body temperature", "Cel", 1, "by_hour", 1, 0.2, 0.5,
            Urgency.NOTE, group=ILLNESS),
    Watched(signals.STEPS_PER_DAY, "Steps", "/day", 0, "steps", -1, 0.4, 0.69, Urgency.NOTE, is_ratio=True),
    Watched(signals.SLEEP_DURATION, "Sleep", "min", 0, "nights", -1, 60.0, 90.0, Urgency.NOTE),
)  # fmt: skip
