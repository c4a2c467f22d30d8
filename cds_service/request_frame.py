"""What stands around every request: its id, its rate, one log line, the headers of its answer, its metrics.

Wired by `app`; nothing here sees a body, a query or a token.
"""

import re
import time
import uuid
from typing import Final

import structlog
from flask import Flask, Response, g, request

from cds_service.metrics import REQUESTS, SECONDS
from cds_service.rates import open_rates
from cds_service.settings import Settings
from hooks.errors import UnknownService

log = structlog.get_logger()

_TRACE_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""W3C Trace Context, version 00 and later."""

_HIDDEN: Final = re.compile(r"%2f|%5c|%00", re.IGNORECASE)
"""Slashes that are none to whoever stands in front of us, and what ends a name early (F-A4)."""

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ENCRYPTED_FROM_NOW_ON: Final = "max-age=31536000; includeSubDomains"


def frame_requests(app: Flask, settings: Settings) -> None:
    """Each request gets an id, is counted against its address's rate, and leaves one line in the log."""
    rates = open_rates(settings, "address")

    @app.before_request
    def begin() -> None:
        g.request_id, g.began_s = uuid.uuid4().hex, time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        if trace := _TRACE_PARENT.fullmatch(request.headers.get("traceparent", "")):
            structlog.contextvars.bind_contextvars(trace_id=trace[1])
        if not (request.url_rule and request.url_rule.endpoint.startswith("health.")):
            rates.take(request.remote_addr or "", settings.requests_per_minute_per_address)
        if _is_disguised():
            raise UnknownService(reason="address.disguised")

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if not settings.development:
            response.headers["Strict-Transport-Security"] = _ENCRYPTED_FROM_NOW_ON
        _note(response, time.perf_counter() - g.began_s)
        return response


def _is_disguised() -> bool:
    written = request.environ.get("RAW_URI", "").partition("?")[0]
    return request.environ["PATH_INFO"].startswith("//") or _HIDDEN.search(written) is not None


def _note(response: Response, seconds: float) -> None:
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in ("GET", "POST", "HEAD", "OPTIONS") else "other"
    REQUESTS.labels(route, method, response.status_code).inc()
    SECONDS.labels(route).observe(seconds)
    log.info(
        "http.answered",
        route=route,
        method=method,
        status=response.status_code,
        tenant=g.get("tenant"),
        ms=round(seconds * 1000, 1),
    )
