"""Searches for settings at equal evaluations on unseen meals. Run: python tests/benchmarks/plan_search.py [cases]"""

import json
import sys
import time

from models.simulation.plan_comparison import compare_searches
from models.simulation.worlds import WORLDS

CASES, EVALUATIONS, SEED = 12, 240, 1

if __name__ == "__main__":
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    for world in WORLDS.values():
        started = time.perf_counter()
        outcome = compare_searches(world, cases, EVALUATIONS, SEED)
        print(json.dumps(outcome | {"seconds": round(time.perf_counter() - started)}, indent=1), flush=True)
