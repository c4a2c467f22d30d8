"""How long a tenant's hooks take beside a tenant that floods the service. Run: python -m tests.benchmarks trust"""

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from noise import BOTH, CLIENTS, ask_as_neighbour, noise
from served import Served, served

ROUNDS = 400
TENFOLD_PAUSE_S = CLIENTS * 60 / (10 * 60)
"""With it the clients ask together for ten times the 60 calls a minute that the tenant is granted."""
LIMITS = {"REQUESTS_PER_MINUTE_PER_ADDRESS": "1000000", "LOG_LEVEL": "ERROR"}


def p95_ms(service: Served) -> float:
    """Of the neighbour's calls, one after the other, after a warm-up. Raises ValueError where one is refused."""
    asked = [ask_as_neighbour(service) for _ in range(ROUNDS + 20)][20:]
    if any(status != 200 for status, _ in asked):
        raise ValueError("a call of the neighbour was not answered")
    return round(sorted(ms for _, ms in asked)[int(ROUNDS * 0.95)], 2)


def measure() -> dict[str, Any]:
    """The neighbour's p95 alone, beside ten times the limit and beside a flood; clients share the machine."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), "--workers", "2", more=BOTH, **LIMITS) as service,
    ):
        alone = p95_ms(service)
        with noise(service, TENFOLD_PAUSE_S) as tenfold:
            beside_tenfold = p95_ms(service)
        with noise(service) as flood:
            beside_flood = p95_ms(service)
    return {
        "neighbour_alone_p95_ms": alone,
        "beside_tenfold_p95_ms": beside_tenfold,
        "beside_tenfold_ratio": round(beside_tenfold / alone, 2),
        "tenfold_statuses": dict(tenfold),
        "beside_flood_p95_ms": beside_flood,
        "beside_flood_ratio": round(beside_flood / alone, 2),
        "flood_statuses": dict(flood),
    }
