"""What one site declares about its own data: zone, code and unit aliases, sensor limits.

Sits beside the code and unit tables; a tenant's settings fill it, everything here is optional.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

DEXCOM_LIMITS_MGDL: Final = (40.0, 400.0)
"""Reporting range of the sensors in common use, where neither device nor site says otherwise."""


@dataclass(frozen=True, slots=True)
class Site:
    """Declarations of one site. Absent declarations are never guessed; each one used leaves a flag.

    `codes` maps `system|code`, or the text of a code, to a feature. `units` maps a unit text to UCUM.
    `default_units` maps a feature to the unit of values that came without one.
    `sensor_limits_mgdl` is the range outside which CGM reports only LOW or HIGH.
    `preferred_sources` orders streams that report the same minutes, most trusted first.
    `pinning_sources` are words in a source name whose 39 and 401 mg/dL mean off-scale.
    `subject_optional` accepts Observations without a subject, where the connection names the patient.
    `base_url` restricts absolute references to this server.
    """

    zone: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    default_units: Mapping[str, str] = field(default_factory=dict)
    sensor_limits_mgdl: tuple[float, float] = DEXCOM_LIMITS_MGDL
    preferred_sources: tuple[str, ...] = ()
    pinning_sources: tuple[str, ...] = ("dexcom",)
    subject_optional: bool = False
    base_url: str | None = None
