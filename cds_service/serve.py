"""The production server: gunicorn with the settings that the measurements of this project chose.

`wearable-cds serve` runs it; `docker/gunicorn.conf.py` gives the same settings to a plain gunicorn.
"""

import gc
import os
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cds_service.app import create_app
from cds_service.logs import configure_logs
from cds_service.settings import load_settings
from cds_service.whole_request_worker import WholeRequestWorker

THREADS = 4
"""A worker waits for an EHR in some threads while another computes."""


def application() -> Flask:
    """The app with settings from the environment. Raises InvalidSettings naming every problem."""
    settings = load_settings(os.environ)
    configure_logs(settings.log_level)
    return create_app(settings)


def gunicorn_options(bind: str, workers: int) -> dict[str, Any]:
    """Settings for gunicorn 27 and later.

    No preload: the store's connections and the threads of the outgoing client must not cross a fork.
    """
    return {
        "bind": bind,
        "workers": workers,
        "worker_class": WholeRequestWorker,
        "threads": THREADS,
        "timeout": 30,
        "graceful_timeout": 15,
        "keepalive": 5,
        "limit_request_line": 4094,
        "limit_request_fields": 50,
        "limit_request_field_size": 8190,
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112
        "max_requests": 10_000,
        "max_requests_jitter": 1_000,
        "post_worker_init": freeze_garbage,
        "errorlog": "-",
        "loglevel": "warning",
    }


def freeze_garbage(_: object) -> None:
    """What start-up made is never garbage; not scanning it makes the slowest answers much quicker."""
    gc.collect()
    gc.freeze()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if value is not None:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return application()


def serve(bind: str, workers: int) -> None:
    """Run until stopped."""
    _Server(gunicorn_options(bind, workers)).run()
