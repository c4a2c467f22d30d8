"""What every route shares: reading a JSON body under its limit, and answering in strict JSON.

Under `routes`; Flask's own body reading is not used, since it has no limit and is lenient (B-01 to B-04).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from flask import Request, Response
from gunicorn.http.errors import NoMoreData, ParseException

from hooks.errors import BadRequest, CannotAnswer, TooLarge, UnsupportedMediaType

JSON_TYPES: Final = frozenset({"application/json", "application/fhir+json"})

_encoder = msgspec.json.Encoder(decimal_format="number")


def read_json_body(request: Request, limit_bytes: int) -> bytes:
    """The body in one read.

    Raises UnsupportedMediaType (415) and TooLarge (413) before reading, BadRequest (400) where it does not
    end as its headers say.
    """
    if request.mimetype not in JSON_TYPES:
        raise UnsupportedMediaType()
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Compressed request bodies are not accepted.")
    if (request.content_length or 0) > limit_bytes:
        raise TooLarge()
    stream = request.environ["wsgi.input"]
    wanted = limit_bytes + 1 if request.content_length is None else request.content_length
    chunks: list[bytes] = []
    try:
        while wanted > 0 and (chunk := stream.read(wanted)):
            chunks.append(chunk)
            wanted -= len(chunk)
    except (ParseException, NoMoreData) as error:
        raise BadRequest(reason="body.framing") from error
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(body) > limit_bytes:
        raise TooLarge()
    return body


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Strict JSON; decimals of an order go out with the digits they came with."""
    return _encoder.encode(value)


def json_response(
    value: Mapping[str, Any], status: int = 200, media_type: str = "application/json"
) -> Response:
    """A response that no cache keeps."""
    response = Response(json_bytes(value), status, mimetype=media_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def error_response(fault: CannotAnswer, request_id: str) -> Response:
    """An OperationOutcome; the connection closes where the body may not have been read."""
    outcome = fault.to_operation_outcome(request_id)
    response = json_response(outcome, fault.status, "application/fhir+json")
    if fault.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if fault.retry_after_s is not None:
        response.headers["Retry-After"] = str(fault.retry_after_s)
    if fault.status not in (400, 412):
        response.headers["Connection"] = "close"
    return response
