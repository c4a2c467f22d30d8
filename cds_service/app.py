"""The process: settings, store, keys, services and routes wired in one place.

Made by gunicorn in each worker (`serve`), by the tests, and by nothing else; there is no global state.
"""

import time
from collections.abc import Callable

import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from cds_service import shell
from cds_service.bulkhead import Bulkheads
from cds_service.client_auth import Verifier
from cds_service.cross_origin import allow_origins
from cds_service.egress import Egress
from cds_service.http import error_response
from cds_service.jwks import KeySets
from cds_service.logs import places
from cds_service.metrics import REFUSALS
from cds_service.rates import open_rates
from cds_service.request_frame import frame_requests
from cds_service.routes import capabilities, cds_hooks, health, models, published
from cds_service.settings import Settings
from cds_service.site_files import read_sites
from cds_service.smart_app import routes as smart_app
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


def create_app(
    settings: Settings,
    clock_ms: Callable[[], int] = system_clock_ms,
    is_draining: Callable[[], bool] = lambda: False,
) -> Flask:
    """The WSGI application; opens the store, and does not start where that fails."""
    app = Flask("cds_service", static_folder=None)
    app.url_map.merge_slashes = False
    egress = Egress()
    store = open_store(settings)
    keys = KeySets(settings.tenants, egress)
    verifier = Verifier(settings.tenants, keys, store.replay)
    services = {service.id: service for service in SERVICES}
    sites = read_sites(settings.tenants)
    rates, bulkheads = open_rates(settings, "tenant"), Bulkheads(settings.workers)
    parts = (settings, services, verifier, store, egress, sites, clock_ms, rates, bulkheads, is_draining)
    shell.attach(app, shell.Shell(*parts))
    for part in (capabilities, cds_hooks, models, health, published, smart_app):
        app.register_blueprint(part.blueprint)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]
    frame_requests(app, settings)
    _answer_faults(app)
    allow_origins(app, settings.cors_origins)
    return app


def _answer_faults(app: Flask) -> None:
    """Every answer that is not 2xx is an OperationOutcome (ER2), and never says more than its class (ER3)."""

    @app.errorhandler(CannotAnswer)
    def known(fault: CannotAnswer) -> Response:
        log.warning("request.refused", status=fault.status, reason=fault.reason)
        REFUSALS.labels(fault.reason).inc()
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
        log.error("request.failed", kind=type(fault).__name__, at=places(fault))
        return error_response(CannotAnswer(), g.request_id)
