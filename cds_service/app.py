"""The process: settings, store, keys, services and routes wired in one place.

Made by gunicorn in each worker (`serve`), by the tests, and by nothing else; there is no global state.
"""

import time
import uuid
from collections.abc import Callable

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from cds_service import shell
from cds_service.client_auth import Verifier
from cds_service.cross_origin import allow_origins
from cds_service.egress import Egress
from cds_service.http import error_response
from cds_service.jwks import KeySets
from cds_service.routes import cds_hooks, health, models, published
from cds_service.settings import Settings
from cds_service.site_files import read_sites
from cds_service.store import open_store
from hooks.errors import (
    BadRequest,
    CannotAnswer,
    MethodNotAllowed,
    TooLarge,
    UnknownService,
    UnsupportedMediaType,
)
from hooks.registry import SERVICES

log = structlog.get_logger()

_BY_STATUS: dict[int | None, type[CannotAnswer]] = {
    400: BadRequest,
    404: UnknownService,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
}


def system_clock_ms() -> int:
    """UTC milliseconds; the only clock that reaches an answer, read once per request."""
    return time.time_ns() // 1_000_000


def create_app(settings: Settings, clock_ms: Callable[[], int] = system_clock_ms) -> Flask:
    """The WSGI application; opens the store, and does not start where that fails."""
    app = Flask("cds_service", static_folder=None)
    app.url_map.merge_slashes = False
    egress = Egress()
    store = open_store(settings)
    keys = KeySets(settings.tenants, egress)
    verifier = Verifier(settings.tenants, keys, store.replay)
    services = {service.id: service for service in SERVICES}
    sites = read_sites(settings.tenants)
    shell.attach(app, shell.Shell(settings, services, verifier, store, egress, sites, clock_ms))
    for part in (cds_hooks, models, health, published):
        app.register_blueprint(part.blueprint)
    _frame_requests(app)
    _answer_faults(app)
    allow_origins(app, settings.cors_origins)
    return app


def _frame_requests(app: Flask) -> None:
    """Each request gets an id and one log line without its query, body, token or patient."""

    @app.before_request
    def begin() -> None:
        g.request_id, g.began_s = uuid.uuid4().hex, time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        log.info(
            "http.answered",
            route=request.url_rule.rule if request.url_rule else None,
            method=request.method,
            status=response.status_code,
            tenant=g.get("tenant"),
            ms=round((time.perf_counter() - g.began_s) * 1000, 1),
        )
        return response


def _answer_faults(app: Flask) -> None:
    """Every answer that is not 2xx is an OperationOutcome (ER2), and never says more than its class (ER3)."""

    @app.errorhandler(CannotAnswer)
    def known(fault: CannotAnswer) -> Response:
        log.warning("request.refused", status=fault.status, reason=fault.reason)
        return error_response(fault, g.request_id)

    @app.errorhandler(HTTPException)
    def framework(fault: HTTPException) -> Response:
        answer = _BY_STATUS.get(fault.code, CannotAnswer)()
        response = error_response(answer, g.request_id)
        for name, value in fault.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def ours(fault: Exception) -> Response:
        log.error("request.failed", kind=type(fault).__name__, at=_where(fault))
        return error_response(CannotAnswer(), g.request_id)


def _where(fault: BaseException) -> list[str]:
    """Function and line of each frame; an exception's text may hold what a log must not (K-02)."""
    frames, trace = [], fault.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-8:]
