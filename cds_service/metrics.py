"""What is counted for Prometheus: calls, times, outcomes and refusals; no label names a patient or a token.

Counted by `request_frame` and `given_answers`; shown by `metrics_server` on a port of its own.
"""

from typing import Final

from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter("cds_requests_total", "Requests answered.", ["route", "method", "status"])
SECONDS: Final = Histogram(
    "cds_request_seconds",
    "Time from the first byte of a whole request to its answer.",
    ["route"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
OUTCOMES: Final = Counter("cds_hook_outcomes_total", "What hook calls came to.", ["service", "outcome"])
RATES_UNSHARED: Final = Counter(
    "cds_rates_unshared_total", "Requests counted by a worker alone because Redis did not answer.", ["kind"]
)
REFUSALS: Final = Counter("cds_security_reject_total", "Requests refused, by reason code.", ["reason"])
