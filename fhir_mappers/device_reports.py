"""What an Observation reports of the device itself: status bits and a faulty clock (HL7 PHD guide).

Sits under `observations`, which keeps the reports; `device_notes` brings them to the readings.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_mappers.references import member, objects, text

TIME_FAULT: Final = "time_uncertain"

SESSION_LINK: Final = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"
"""Extension of a reading that names the clock report of its session (HL7 PHD guide)."""

CLOCK: Final = "67975"
"""MDC_ATTR_TIME_ABS: the device's clock when the session began; absent where the device reports a fault."""

STATUS_BITS: Final[Mapping[str, Mapping[str, str]]] = {
    "150604": {
        "0": "sensor-disconnected", "1": "sensor-malfunction", "2": "sensor-displaced",
        "3": "sensor-unsupported", "4": "sensor-off", "5": "sensor-interference", "6": "signal-searching",
        "7": "signal-pulse-questionable", "8": "signal-non-pulsatile", "9": "signal-erratic",
        "10": "signal-low-perfusion", "11": "signal-poor", "12": "signal-inadequate",
        "13": "signal-processing-irregularity", "14": "device-equipment-malfunction",
    },
    "8410608": {
        "0": "body-movement-detected", "1": "cuff-too-loose", "2": "irregular-pulse-detected",
        "3": "pulse-rate-exceeds-upper-limit", "4": "pulse-rate-less-than-lower-limit",
        "5": "measurement-position-improper",
    },
}  # fmt: skip
"""Bits of MDC_PULS_OXIM_DEV_STATUS (ISO/IEEE 11073-10404, table of device and sensor annunciation) and of the
blood pressure status (Bluetooth Blood Pressure Service, measurement status), numbered as PHD sends them."""


def report_of(resource: Mapping[str, Any]) -> frozenset[str]:
    """What an Observation reports of a device: the status bits set, or a clock at fault; mostly nothing."""
    for coding in objects(member(resource, "code").get("coding")):
        code = text(coding, "code")
        if code == CLOCK and resource.get("dataAbsentReason") is not None:
            return frozenset({TIME_FAULT})
        if code in STATUS_BITS:
            return frozenset(_bits_set(resource, STATUS_BITS[code]))
    return frozenset()


def links_of(resource: Mapping[str, Any]) -> list[str]:
    """The Observations that a resource derives from, and the clock report of its session."""
    extensions = objects(resource.get("extension"))
    sessions = [member(e, "valueReference") for e in extensions if text(e, "url") == SESSION_LINK]
    return [text(link, "reference") for link in (*objects(resource.get("derivedFrom")), *sessions)]


def _bits_set(resource: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    for component in objects(resource.get("component")):
        for coding in objects(member(component, "code").get("coding")):
            bit = text(coding, "code").rpartition(".")[2]
            if component.get("valueBoolean") is True and bit in words:
                yield words[bit]
