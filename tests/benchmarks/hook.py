"""The whole hook in one process against plain JSON decoding. Run: python tests/benchmarks/hook.py

JWT, parsing, mapping, features, all models, the card, and the commits of token and decision; 14 days of CGM
by prefetch. Compared by CPU time, the calls taking turns, so that a busy machine slows both alike.
"""

import gc
import json
import time

import numpy as np
import orjson
from mapper import taking_turns_ms
from questions import PATH, Service, question, service

ROUNDS = 12
SPREAD = 200
COLD = 10


def answer_ms(running: Service, body: bytes, count: int) -> list[float]:
    """Wall time of answers one after another, in milliseconds."""
    tokens, times = running.tokens(count), []
    for token in tokens:
        started = time.perf_counter()
        running.answer(body, token)
        times.append(1000 * (time.perf_counter() - started))
    return times


def measure() -> dict[str, float]:
    """Ratios and milliseconds; the 90 days are sent under a body limit that is raised for it."""
    body, long = question(14), question(90)
    with service() as running:
        answer_ms(running, body, COLD)
        gc.collect()
        gc.freeze()
        tokens = iter(running.tokens(ROUNDS * 12 * 6))
        ms = taking_turns_ms(
            {
                "orjson": lambda: orjson.loads(body),
                "hook": lambda: running.answer(body, next(tokens)),
            },
            ROUNDS,
        )
        lengths = taking_turns_ms(
            {
                "days14": lambda: running.answer(body, next(tokens)),
                "days90": lambda: running.answer(long, next(tokens)),
            },
            3,
        )
        times = answer_ms(running, body, SPREAD)
    return {
        "hook_path": PATH,
        "hook_bytes": len(body),
        "hook_cpu_ms": round(ms["hook"], 2),
        "hook_orjson_cpu_ms": round(ms["orjson"], 2),
        "hook_over_orjson": round(ms["hook"] / ms["orjson"], 3),
        "hook_wall_p50_ms": round(float(np.percentile(times, 50)), 2),
        "hook_wall_p99_ms": round(float(np.percentile(times, 99)), 2),
        "days90_over_14": round(lengths["days90"] / lengths["days14"], 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
