"""Shows the metrics of all workers on a port of their own: `python -m cds_service.metrics_server BIND`.

Started by `serve` as a process beside the workers; it ends when the server that started it does.
"""

import os
import sys
import time

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector


def main(bind: str) -> None:
    """Serve until the parent process is gone."""
    host, _, port = bind.rpartition(":")
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(int(port), host, registry)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main(sys.argv[1])
