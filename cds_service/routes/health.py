"""Whether the process lives, and whether it can answer; neither tells anything about a tenant."""

from flask import Blueprint, Response

from cds_service import shell
from cds_service.http import json_response

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers; nothing else is touched."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """The store takes writes and nobody stops us; an EHR that is down makes nobody else unready."""
    known = shell.current()
    checks = {
        "store": "ok" if known.store.is_ready() else "down",
        "server": "draining" if known.is_draining() else "ok",
    }
    if set(checks.values()) != {"ok"}:
        return json_response({"status": "unavailable", "checks": checks}, 503)
    return json_response({"status": "ok", "checks": checks})
