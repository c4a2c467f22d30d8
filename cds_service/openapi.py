"""openapi.yaml, generated from the schemas; a test compares it with the committed file and the running app.

Run `python -m cds_service.openapi > openapi.yaml` after a change of `schemas` or routes.
"""

import sys
from functools import cache
from typing import Any, Final

import yaml
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from cds_service import schemas

VERSION: Final = "0.1.0"

_JWT: Final[list[dict[str, list[str]]]] = [{"ehr_jwt": []}]
REFUSALS: Final = {
    "400": "Malformed; `expression` names the member.",
    "401": "No acceptable token; the reason is in our log alone.",
    "403": "The server, patient or subject is not this tenant's.",
    "404": "No such service for this tenant.",
    "412": "Required FHIR data could be had neither by prefetch nor by search.",
    "413": "The body is over its limit.",
    "415": "Not JSON, or compressed.",
    "429": "Too many requests of this address or tenant; see Retry-After.",
    "503": "A dependency of ours is down; see Retry-After.",
}


def _path(name: str, **schema: Any) -> dict[str, Any]:
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string"} | schema}


def _query(name: str, required: bool = False) -> dict[str, Any]:
    return {"in": "query", "name": name, "required": required, "schema": {"type": "string"}}


_SERVICE_ID: Final = _path("service_id")
_MODEL_ID: Final = _path("model_id")
_HANDLE: Final = _path("handle")
_PAGE: Final = _path("page", enum=["glucose", "risk", "insulin", "vital-signs", "data", "print"])


def _json(schema: type[Schema]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answer(schema: type[Schema], text: str, *refusals: str) -> dict[str, Any]:
    outcome = {"application/fhir+json": {"schema": schemas.OperationOutcomeSchema}}
    refused = {status: {"description": REFUSALS[status], "content": outcome} for status in refusals}
    return {"200": {"description": text, "content": _json(schema)}} | refused


def _page(status: str, text: str, *refusals: str) -> dict[str, Any]:
    """Answers for a browser: refusals are pages too."""
    refused = {refusal: {"description": REFUSALS[refusal], "content": _HTML} for refusal in refusals}
    return {status: {"description": text} | ({"content": _HTML} if status == "200" else {})} | refused


_HTML: Final = {"text/html": {"schema": {"type": "string"}}}
_NO_SUCH_PAGE: Final[dict[str, Any]] = {
    "404": {
        "description": "No such page or file; an OperationOutcome where the address has no form of ours.",
        "content": _HTML | {"application/fhir+json": {"schema": schemas.OperationOutcomeSchema}},
    }
}

_PATHS: Final[dict[str, dict[str, Any]]] = {
    "/cds-services": {
        "get": {
            "summary": "Discovery: the services on offer, with their prefetch templates",
            "security": [{}, *_JWT],
            "responses": _answer(schemas.DiscoverySchema, "The services.", "401", "429", "503"),
        }
    },
    "/cds-services/{service_id}": {
        "parameters": [_SERVICE_ID],
        "post": {
            "summary": "Call a service for its hook",
            "security": _JWT,
            "requestBody": {"required": True, "content": _json(schemas.HookRequestSchema)},
            "responses": _answer(schemas.CardsSchema, "The cards; none only if all was assessed.", *REFUSALS),
        },
    },
    "/cds-services/{service_id}/feedback": {
        "parameters": [_SERVICE_ID],
        "post": {
            "summary": "What users did with our cards",
            "security": _JWT,
            "requestBody": {"required": True, "content": _json(schemas.FeedbackSchema)},
            "responses": _answer(
                schemas.FeedbackReceiptSchema, "Stored.", "400", "401", "404", "413", "415", "429", "503"
            ),
        },
    },
    "/models": {"get": {"summary": "The models", "responses": _answer(schemas.ModelsSchema, "The models.")}},
    "/models/{model_id}": {
        "parameters": [_MODEL_ID],
        "get": {
            "summary": "One model card, as JSON or as a page",
            "responses": _answer(schemas.ModelSummarySchema, "The card, with its further attributes.", "404"),
        },
    },
    "/capabilities": {
        "get": {
            "summary": "What this service does, for people",
            "responses": {"200": {"description": "A page.", "content": _HTML}},
        }
    },
    "/livez": {"get": {"summary": "Liveness", "responses": _answer(schemas.HealthSchema, "Alive.")}},
    "/readyz": {
        "get": {
            "summary": "Readiness",
            "responses": _answer(schemas.HealthSchema, "Ready.")
            | {"503": {"description": "Not ready.", "content": _json(schemas.HealthSchema)}},
        }
    },
    "/smart/launch": {
        "get": {
            "parameters": [_query("iss", required=True), _query("launch")],
            "summary": "Launch of the app, from the EHR or (without `launch`) alone",
            "responses": _page("302", "On to the EHR's authorization.", "400", "429", "503"),
        },
    },
    "/smart/callback": {
        "get": {
            "parameters": [_query(name) for name in ("code", "state", "iss", "error")],
            "summary": "Back from the EHR's authorization",
            "responses": _page("303", "On to the first page.", "400", "401", "429", "503"),
        },
    },
    "/smart/app/{handle}/{page}": {
        "parameters": [_HANDLE, _PAGE],
        "get": {
            "summary": "A page about the session's patient",
            "responses": _page("200", "The page.", "401", "412", "429", "503") | _NO_SUCH_PAGE,
        },
    },
    "/smart/app/{handle}/leave": {
        "parameters": [_HANDLE],
        "post": {
            "summary": "End the session",
            "responses": _page("200", "The session is over.", "403") | _NO_SUCH_PAGE,
        },
    },
    "/smart/static/{filename}": {
        "parameters": [_path("filename")],
        "get": {
            "summary": "The app's style sheet and icon",
            "responses": {"200": {"description": "A file."}} | _NO_SUCH_PAGE,
        },
    },
    "/.well-known/jwks.json": {
        "get": {
            "summary": "Our public keys, current and next",
            "responses": _answer(schemas.KeySetSchema, "A JWK set."),
        }
    },
    "/openapi.yaml": {
        "get": {
            "summary": "This description",
            "responses": {"200": {"description": "YAML.", "content": {"application/yaml": {}}}},
        }
    },
}


@cache
def openapi_yaml() -> str:
    """The description as YAML."""
    spec = APISpec(
        title="Wearable CDS",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=_schema_name)],
        info={"description": "CDS Hooks services for wearable and home-device data.", "license": _LICENSE},
    )
    spec.components.security_scheme("ehr_jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for path, operations in _PATHS.items():
        methods = {name: dict(value) for name, value in operations.items() if name != "parameters"}
        spec.path(path=path, operations=methods, parameters=operations.get("parameters", []))
    return yaml.dump(spec.to_dict(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)


class _Plain(yaml.SafeDumper):
    """YAML without anchors, which readers of a description do not expect."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_LICENSE: Final = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _schema_name(schema: Schema | type[Schema] | str) -> str:
    name = schema if isinstance(schema, str) else getattr(schema, "__name__", type(schema).__name__)
    return name.removesuffix("Schema")


if __name__ == "__main__":
    sys.stdout.write(openapi_yaml())
