"""What we publish about ourselves: the description of this interface."""

from flask import Blueprint, Response

from cds_service.openapi import openapi_yaml

blueprint = Blueprint("published", __name__)


@blueprint.get("/openapi.yaml")
def openapi() -> Response:
    """The description that is also committed as openapi.yaml."""
    response = Response(openapi_yaml(), mimetype="application/yaml")
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
