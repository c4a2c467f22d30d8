"""Speed of bytes to PatientRecord against plain JSON decoding. Run: python tests/benchmarks/mapper.py

All ratios come from one run, the calls taking turns, so that a busy machine slows all of them alike. The
peers beside fhir.resources, which comes with the service, are in peers.py.
"""

import gc
import json
import time
from collections.abc import Callable

import numpy as np
import orjson
import payload
from fhir.resources.R4B.bundle import Bundle

from fhir_mappers.to_patient_record import to_patient_record

AS_OF_MS = int(payload.START.timestamp() * 1000) + 91 * 86_400_000
ROUNDS = 8
SLOW_ROUNDS = 1
BURST = 6
"""Calls of one kind in a row: a worker that serves this request serves it again."""

Bodies = dict[str, list[bytes]]


def taking_turns_ms(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Tenth percentile of each call in milliseconds of CPU time, freeing its result included."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            for _ in range(BURST):
                started = time.process_time()
                call()
                times[name].append(time.process_time() - started)
    return {name: 1000 * float(np.percentile(seconds, 10)) for name, seconds in times.items()}


def parsed(pages: Bodies) -> list[object]:
    """All bodies as plain Python objects."""
    return [orjson.loads(body) for bodies in pages.values() for body in bodies]


def record(pages: Bodies) -> object:
    """The record that the service makes."""
    return to_patient_record(payload.PATIENT, pages, as_of_ms=AS_OF_MS)


def with_one_malformed(pages: Bodies) -> Bodies:
    """The same bodies, the value of one reading in the middle being a word."""
    body = pages["glucose"][0]
    middle = body.index(b'"value":1', len(body) // 2)
    return pages | {"glucose": [body[:middle] + b'"value":"x",' + b'"was":1' + body[middle + 9 :]]}


def with_off_scale(pages: Bodies) -> Bodies:
    """The same bodies, one reading in thirty off the scale: what the reference path must read."""
    entries = payload.cgm()
    for entry in entries[::30]:
        entry["valueQuantity"] |= {"comparator": "<", "value": 40}
    return pages | {"glucose": [payload.searchset(entries)]}


def measure() -> dict[str, float]:
    """Ratios to `orjson.loads` of the same bytes, and milliseconds."""
    pages, long = payload.pages(), payload.pages(90)
    malformed, off_scale = with_one_malformed(pages), with_off_scale(pages)
    gc.collect()
    gc.freeze()
    ms = taking_turns_ms(
        {
            "orjson": lambda: parsed(pages),
            "record": lambda: record(pages),
            "malformed": lambda: record(malformed),
            "off_scale": lambda: record(off_scale),
        },
        ROUNDS,
    )
    long_ms = taking_turns_ms({"days14": lambda: record(pages), "days90": lambda: record(long)}, ROUNDS // 2)
    validated = {"fhir_resources": lambda: [Bundle.model_validate(b) for b in parsed(pages)[1:]]}
    slow = taking_turns_ms(validated, SLOW_ROUNDS)
    return {
        "payload_bytes": sum(len(body) for bodies in pages.values() for body in bodies),
        "orjson_ms": round(ms["orjson"], 2),
        "record_ms": round(ms["record"], 2),
        "record_over_orjson": round(ms["record"] / ms["orjson"], 3),
        "record_with_one_malformed_over_orjson": round(ms["malformed"] / ms["orjson"], 3),
        "record_with_off_scale_over_orjson": round(ms["off_scale"] / ms["orjson"], 3),
        "record_90_over_14": round(long_ms["days90"] / long_ms["days14"], 2),
    } | {f"{name}_over_record": round(peer_ms / ms["record"], 1) for name, peer_ms in slow.items()}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
