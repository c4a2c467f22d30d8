"""What we publish about ourselves: the description of this interface, and our public keys."""

from flask import Blueprint, Response

from cds_service import shell
from cds_service.http import json_response
from cds_service.openapi import openapi_yaml
from cds_service.own_keys import public_key_set

blueprint = Blueprint("published", __name__)

KEYS_MAX_AGE_S = 300
"""An EHR sees a rotated key within this time."""


@blueprint.get("/openapi.yaml")
def openapi() -> Response:
    """The description that is also committed as openapi.yaml."""
    response = Response(openapi_yaml(), mimetype="application/yaml")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@blueprint.get("/.well-known/jwks.json")
def key_set() -> Response:
    """Our public keys, current and next, by which an EHR verifies our assertions (BS3)."""
    response = json_response(public_key_set(shell.current().settings.tenants))
    response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_S}"
    return response
