"""What an Observation or one of its components says beside its number: absent, off scale, doubtful, a word.

Sits under `measured_part` and `observation`, which treat both kinds of element alike.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fhir_mappers.codes import coded_words, standard_system
from fhir_mappers.references import member, objects, text

MOST_COMPONENTS: Final = 100
"""A panel of all vital signs has some twenty."""

DOUBTFUL_INTERPRETATIONS: Final = frozenset(
    {"questionable", "calibration-ongoing", "in-alarm", "alarm-inhibited", "early-indication"}
)
"""IEEE 11073 measurement status, as the HL7 PHD guide sends it in `interpretation`: kept, and flagged."""

OFF_SCALE_INTERPRETATIONS: Final[Mapping[str, int]] = {"<": -1, ">": 1}
"""HL7 v3 ObservationInterpretation 'off scale low' and 'off scale high'."""

WORD: Final = re.compile(r"[A-Za-z][\w .:/-]{0,63}", re.ASCII)
"""What a coded value sent as text may look like; longer or other text is not a code."""


def has_value(element: Mapping[str, Any]) -> bool:
    """Whether any `value[x]` is there."""
    return any(name.startswith("value") and element[name] is not None for name in element)


def absence(element: Mapping[str, Any]) -> str | None:
    """The drop reason of a stated absence, unless the element says that the value was off the scale."""
    if element.get("dataAbsentReason") is None or (off_scale_side(element) and not has_value(element)):
        return None
    codes = [text(coding, "code") for coding in objects(member(element, "dataAbsentReason").get("coding"))]
    return f"data_absent:{next(filter(None, codes), 'unknown')}"


def interpretations(element: Mapping[str, Any]) -> set[str]:
    """The codes of an element's interpretation."""
    concepts = objects(element.get("interpretation"))
    return {text(coding, "code") for concept in concepts for coding in objects(concept.get("coding"))}


def off_scale_side(element: Mapping[str, Any]) -> int:
    """-1 for off scale low, +1 for high, 0 for neither or both.

    Means something only where the value is absent: beside a value, senders use the same codes for a
    value outside the reference range.
    """
    return sum(OFF_SCALE_INTERPRETATIONS.get(code, 0) for code in interpretations(element))


def doubts(element: Mapping[str, Any]) -> frozenset[str]:
    """Flags for what the device itself doubts."""
    return frozenset(f"interpretation:{code}" for code in interpretations(element) & DOUBTFUL_INTERPRETATIONS)


def unit_carrier(element: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the value that carries its unit, empty where there is none."""
    return member(element, "valueQuantity") or member(member(element, "valueSampledData"), "origin")


def source_of(device: object, meta_source: object) -> str:
    """A name for the stream of a reading: the device as displayed and referenced, else `meta.source`."""
    display, pointer = text(device, "display"), text(device, "reference")
    identifier = text(member(device, "identifier"), "value")
    words = " ".join(word for word in (display, pointer or identifier) if word)
    return words or (meta_source.strip() if isinstance(meta_source, str) else "")


def word_of(element: Mapping[str, Any]) -> str | None:
    """A coded value as a word: ours where the code is known, else the code itself or a short text."""
    for coding in objects(member(element, "valueCodeableConcept").get("coding")):
        system, code = text(coding, "system"), text(coding, "code")
        if code:
            return coded_words().get((standard_system(system), code), code)
    written = text(element, "valueString")
    return written if WORD.fullmatch(written) else None
