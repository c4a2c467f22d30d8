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
    """The store takes writes; an EHR that is down makes nobody else unready."""
    store_answers = shell.current().store.is_ready()
    checks = {"store": "ok" if store_answers else "down"}
    status = "ok" if store_answers else "unavailable"
    return json_response({"status": status, "checks": checks}, 200 if store_answers else 503)
