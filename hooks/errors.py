"""Why a request cannot be answered: one tree, each class with its HTTP status and FHIR issue code.

Missing clinical data is never an error here; it is a value (`models.assessment.NotAssessed`).

    CannotAnswer
      BadRequest 400 · Unauthorized 401 · Forbidden 403 · UnknownService 404 · MethodNotAllowed 405
      DataUnobtainable 412 · TooLarge 413 · UnsupportedMediaType 415 · TooManyRequests 429
      Unavailable 503

`public` is the only text that leaves the service; `reason` goes to the log alone.
"""

from collections.abc import Sequence
from typing import Any, ClassVar


class CannotAnswer(Exception):
    """A request that gets a status other than 200 and an OperationOutcome."""

    status: ClassVar[int] = 500
    issue_code: ClassVar[str] = "exception"
    default_text: ClassVar[str] = "The service met a fault of its own."
    retry_after_s: int | None = None

    def __init__(self, public: str = "", *, reason: str = "", expression: Sequence[str] = ()) -> None:
        self.public = public or self.default_text
        self.reason = reason or self.public
        self.expression = tuple(expression)
        super().__init__(self.reason)

    def to_operation_outcome(self, request_id: str = "") -> dict[str, Any]:
        """The body: fixed text, where in the request it happened, and the id to look for in the log."""
        text = f"{self.public} (request {request_id})" if request_id else self.public
        issue: dict[str, Any] = {"severity": "error", "code": self.issue_code, "diagnostics": text}
        if self.expression:
            issue["expression"] = list(self.expression)
        return {"resourceType": "OperationOutcome", "issue": [issue]}


class BadRequest(CannotAnswer):
    """The body, context or a parameter is malformed."""

    status, issue_code, default_text = 400, "invalid", "The request is malformed."


class Unauthorized(CannotAnswer):
    """No acceptable token. The caller is never told why; `reason` is a code for the log."""

    status, issue_code, default_text = 401, "login", "Authentication failed."


class Forbidden(CannotAnswer):
    """The caller is known and may not do this."""

    status, issue_code, default_text = 403, "forbidden", "This is not allowed for the calling system."


class UnknownService(CannotAnswer):
    """No such service, model or route for this caller."""

    status, issue_code, default_text = 404, "not-found", "There is nothing at this address."


class MethodNotAllowed(CannotAnswer):
    """The address exists and does not take this method."""

    status, issue_code, default_text = 405, "not-supported", "This method is not offered here."


class DataUnobtainable(CannotAnswer):
    """Required FHIR data came neither by prefetch nor from the FHIR server."""

    status, issue_code, default_text = 412, "incomplete", "Required clinical data could not be obtained."


class TooLarge(CannotAnswer):
    """The body is over the limit of its route."""

    status, issue_code, default_text = 413, "too-long", "The request body is too large."


class UnsupportedMediaType(CannotAnswer):
    """Not JSON, or compressed."""

    status, issue_code, default_text = 415, "not-supported", "Send uncompressed JSON."


class TooManyRequests(CannotAnswer):
    """Over the caller's rate."""

    status, issue_code, default_text = 429, "throttled", "Too many requests; try again later."

    def __init__(self, *, reason: str, retry_after_s: int = 1) -> None:
        super().__init__(reason=reason)
        self.retry_after_s = retry_after_s


class Unavailable(CannotAnswer):
    """A dependency of ours is down, or the deadline passed before anything could be said."""

    status, issue_code, default_text = 503, "transient", "The service is unavailable for the moment."
    retry_after_s = 2
