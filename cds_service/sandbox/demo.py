"""`make demo`: the CDS service and the sandbox EHR together, until Ctrl-C.

Starts the service as a child process and serves the sandbox itself; both stop together, whichever ends first.
"""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

import requests
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from cds_service.sandbox.app import create_sandbox
from cds_service.sandbox.demo_state import DemoState, refill

HOST: Final = "127.0.0.1"
READY_WITHIN_S: Final = 120.0
"""For a machine that does much else; a service that cannot start ends, and is not waited for."""

STOP_WITHIN_S: Final = 20.0
_POLL_S: Final = 0.2


class CannotStart(Exception):
    """The demonstration cannot run; the message is for the person who started it."""


def run_demo(service_port: int = 8000, sandbox_port: int = 8001, folder: Path = Path(".demo")) -> None:
    """Runs until Ctrl-C, SIGTERM, or the end of the service. Raises CannotStart."""
    for port in (service_port, sandbox_port):
        _require_free(port)
    stop = threading.Event()
    state = DemoState(folder, f"http://{HOST}:{service_port}", f"http://{HOST}:{sandbox_port}")
    with _stopping_on_signals(stop), _service(state.prepare(), service_port) as service:
        sandbox = create_sandbox(state.sandbox)
        _say("Simulating patients …")
        count = refill(sandbox.storage)
        _say(f"The EHR holds {count:,} new resources of simulated patients.")
        with serving(sandbox.app, sandbox_port):
            _await_ready(service, state.service_base, stop)
            _say_addresses(state)
            while not stop.wait(_POLL_S) and service.poll() is None:
                pass
        sandbox.storage.close()
        if service.poll() is not None and not stop.is_set():
            raise CannotStart(f"The CDS service ended with status {service.returncode}.")
    _say("Stopped.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say_addresses(state: DemoState) -> None:
    _say(f"CDS service:        {state.service_base}/cds-services")
    _say(f"Demonstration EHR:  {state.sandbox_origin}/")
    _say("Simulated patients, not for care. Ctrl-C stops both.")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise CannotStart(
                f"Port {port} on {HOST} is taken. Stop what uses it, or choose other ports."
            ) from None


@contextlib.contextmanager
def _stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM ask for a stop instead of ending the process at once."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _service(environment: Mapping[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The CDS service as a child process, stopped at the end whatever happens."""
    program = "from cds_service.cli import main; main()"
    arguments = ["serve", "--bind", f"{HOST}:{port}", "--workers", "1"]
    command = [sys.executable, "-c", program, *arguments]
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open, and logs no request lines: they would hold patients' ids."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@contextlib.contextmanager
def serving(app: Flask, port: int) -> Iterator[BaseWSGIServer]:
    """The application on loopback in a thread, until the end of the block; port 0 takes a free one."""
    server = make_server(HOST, port, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, name="sandbox", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _await_ready(service: subprocess.Popen[bytes], base: str, stop: threading.Event) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not stop.is_set() and time.monotonic() < deadline:
        if service.poll() is not None:
            raise CannotStart(f"The CDS service did not start (status {service.returncode}); see above.")
        try:
            if requests.get(f"{base}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            stop.wait(_POLL_S)
    if not stop.is_set():
        raise CannotStart(f"The CDS service was not ready within {READY_WITHIN_S:.0f} seconds.")
