"""The whole hook in one process against plain JSON decoding. Run: python tests/benchmarks/hook.py

JWT, parsing, mapping, features, the card, and the commits of token and decision; 14 days of CGM by prefetch.
The risk models answer only for type 1 diabetes: that call, and one indented by two, are measured beside it.
Compared by CPU time, the calls taking turns, so that a busy machine slows both alike.
"""

import gc
import json
import time

import numpy as np
import orjson
from mapper import taking_turns_ms
from questions import PATH, Service, question, service, type_1_diabetes

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
    body, all_models, long = question(14), question(14, type_1_diabetes()), question(90)
    indented = json.dumps(json.loads(body), indent=2).encode()
    with service() as running:
        answer_ms(running, body, COLD)
        gc.collect()
        gc.freeze()
        tokens = iter(running.tokens(ROUNDS * 24 * 6))
        ms = taking_turns_ms(
            {
                "orjson": lambda: orjson.loads(body),
                "hook": lambda: running.answer(body, next(tokens)),
                "all_models": lambda: running.answer(all_models, next(tokens)),
                "indented": lambda: running.answer(indented, next(tokens)),
                "orjson_indented": lambda: orjson.loads(indented),
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
        "hook_all_models_over_orjson": round(ms["all_models"] / ms["orjson"], 3),
        "hook_indented_over_orjson": round(ms["indented"] / ms["orjson_indented"], 3),
        "hook_wall_p50_ms": round(float(np.percentile(times, 50)), 2),
        "hook_wall_p99_ms": round(float(np.percentile(times, 99)), 2),
        "days90_over_14": round(lengths["days90"] / lengths["days14"], 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
