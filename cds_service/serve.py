"""The production server: gunicorn with the settings that the measurements of this project chose.

`wearable-cds serve` runs it; `docker/gunicorn.conf.py` gives the same settings to a plain gunicorn.
"""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from mmap import mmap
from pathlib import Path
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from prometheus_client.multiprocess import mark_process_dead

from cds_service.logs import ServerLog, configure_logs
from cds_service.settings import InvalidSettings, Settings, load_settings
from cds_service.whole_request_worker import WholeRequestWorker

THREADS: Final = 32
"""Most of them wait for EHRs, of four tenants at their limit of eight; one at a time computes."""

METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers leave their counts for the metrics port; prometheus-client reads the name itself."""


def prepare() -> Settings:
    """The settings, and then the service imported, once for all workers. Raises InvalidSettings.

    Importing reads the models' files, so they are held to the release before.
    """
    settings = load_settings(os.environ)
    import_module("cds_service.app")
    from cds_service.offers import unknown_services

    if problems := unknown_services(settings.tenants):
        raise InvalidSettings(problems)
    return settings


def application(workers: int = 1, is_draining: Callable[[], bool] = lambda: False) -> Flask:
    """The app with settings from the environment. Raises InvalidSettings naming every problem."""
    from cds_service.app import create_app

    settings = replace(load_settings(os.environ), workers=workers)
    configure_logs(settings.log_level)
    return create_app(settings, is_draining=is_draining)


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
        "when_ready": freeze_garbage,
        "post_worker_init": freeze_garbage,
        "child_exit": forget_gauges,
        "logger_class": ServerLog,
    }


GARBAGE_AFTER: Final = 50_000
"""New objects between two searches for garbage: about one search for a large request, not fifty."""


def freeze_garbage(_: object) -> None:
    """What start-up made is never garbage; not scanning it makes the slowest answers much quicker."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])


def forget_gauges(_: object, worker: Any) -> None:
    """What a worker that has ended was doing is not going on; what it counted stays counted."""
    if METRICS_FOLDER in os.environ:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


class _Server(BaseApplication):  # type: ignore[misc]
    """`body_limit_bytes` is for the worker: what declares more is refused without being waited for."""

    def __init__(self, options: dict[str, Any], settings: Settings) -> None:
        self._options = options
        self._draining = mmap(-1, 1)  # one byte that workers see too
        self._drain_s = settings.drain_s
        self.body_limit_bytes = settings.hook_body_limit_bytes
        super().__init__()

    def run(self) -> None:
        _Arbiter(self).run()

    def drain(self) -> None:
        """Let /readyz fail for a while, so that a balancer sends no more, before anything is closed."""
        self._draining[0] = 1
        time.sleep(self._drain_s)

    def load_config(self) -> None:
        for name, value in self._options.items():
            if value is not None:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return application(self._options["workers"], lambda: self._draining[0] == 1)


class _Arbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which stops gracefully only after the service has said that it will."""

    def stop(self, graceful: bool = True) -> None:
        if graceful and self.WORKERS:
            self.app.drain()
        super().stop(graceful)


def serve(bind: str, workers: int) -> None:
    """Run until stopped. Raises InvalidSettings before anything is started."""
    settings = prepare()
    configure_logs(settings.log_level)
    if settings.metrics_bind:
        _show_metrics(settings.metrics_bind)
    _Server(gunicorn_options(bind, workers), settings).run()


def _show_metrics(bind: str) -> None:
    """Start the metrics port in a process of its own, over an empty folder."""
    folder = os.environ.get(METRICS_FOLDER, "")
    if not Path(folder or "?").is_dir():
        problem = f"{METRICS_FOLDER}: a folder is needed for METRICS_BIND"
        raise InvalidSettings((problem,))
    for left_over in Path(folder).glob("*.db"):
        left_over.unlink()
    subprocess.Popen([sys.executable, "-m", "cds_service.metrics_server", bind])
