"""Everything on the wire as marshmallow schemas; `openapi.yaml` is generated from them.

Feedback is loaded through its schema; cards are made by `hooks.card` and compared with these in the tests.
"""

from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

MAX_COMMENT: Final = 4000
MAX_FEEDBACK_ITEMS: Final = 500
"""B-07; a client sends one or a few."""

_UUID: Final = validate.Regexp(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\n)$")
_FILLED: Final = validate.Length(min=1, max=1024)


class Closed(Schema):
    """A schema that knows all its members: what we send holds nothing else (CA12)."""

    class Meta:
        unknown = RAISE


class CodingSchema(Closed):
    system = fields.String(required=True, validate=_FILLED)
    code = fields.String(required=True, validate=_FILLED)
    display = fields.String(validate=_FILLED)


class SourceSchema(Closed):
    label = fields.String(required=True, validate=_FILLED)
    url = fields.Url(require_tld=False)
    topic = fields.Nested(CodingSchema, required=True)


class ActionSchema(Closed):
    type = fields.String(required=True, validate=validate.OneOf(["create", "update"]))
    description = fields.String(required=True, validate=_FILLED)
    resource = fields.Dict(required=True)


class SuggestionSchema(Closed):
    uuid = fields.String(required=True, validate=_UUID)
    label = fields.String(required=True, validate=_FILLED)
    actions = fields.List(fields.Nested(ActionSchema), required=True, validate=validate.Length(min=1))


class LinkSchema(Closed):
    label = fields.String(required=True, validate=_FILLED)
    url = fields.Url(required=True, require_tld=False)
    type = fields.String(required=True, validate=validate.OneOf(["absolute", "smart"]))
    appContext = fields.String(validate=_FILLED)


class CardSchema(Closed):
    uuid = fields.String(required=True, validate=_UUID)
    summary = fields.String(required=True, validate=validate.Length(min=1, max=139))
    detail = fields.String(validate=validate.Length(min=1))
    indicator = fields.String(required=True, validate=validate.OneOf(["info", "warning", "critical"]))
    source = fields.Nested(SourceSchema, required=True)
    suggestions = fields.List(fields.Nested(SuggestionSchema), validate=validate.Length(min=1))
    selectionBehavior = fields.String(validate=validate.Equal("at-most-one"))
    links = fields.List(fields.Nested(LinkSchema), validate=validate.Length(min=1))
    overrideReasons = fields.List(fields.Nested(CodingSchema), validate=validate.Length(min=1))


class CardsSchema(Closed):
    """The answer of a service."""

    cards = fields.List(fields.Nested(CardSchema), required=True, validate=validate.Length(max=10))


class ServiceSchema(Closed):
    hook = fields.String(required=True, validate=_FILLED)
    id = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z0-9-]*$"))
    title = fields.String(required=True, validate=_FILLED)
    description = fields.String(required=True, validate=_FILLED)
    usageRequirements = fields.String(validate=_FILLED)
    prefetch = fields.Dict(keys=fields.String(), values=fields.String(), validate=validate.Length(min=1))
    version = fields.String(validate=validate.Regexp(r"^\d+\.\d+\.\d+$"))
    hookVersion = fields.String(validate=_FILLED)


class DiscoverySchema(Closed):
    services = fields.List(fields.Nested(ServiceSchema), required=True)


class FhirAuthorizationSchema(Schema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.Equal("Bearer"))
    expires_in = fields.Integer(required=True, validate=validate.Range(min=1))
    scope = fields.String(required=True)
    subject = fields.String(required=True)
    patient = fields.String()


class HookRequestSchema(Schema):
    """A hook call, for the documentation; `hooks.protocol.parse` reads it from the bytes."""

    hook = fields.String(required=True)
    hookInstance = fields.String(required=True, validate=_UUID)
    context = fields.Dict(required=True)
    fhirServer = fields.Url()
    fhirAuthorization = fields.Nested(FhirAuthorizationSchema)
    prefetch = fields.Dict(keys=fields.String(), values=fields.Raw())


class AcceptedSuggestionSchema(Schema):
    id = fields.String(required=True, validate=_FILLED)


class ReasonSchema(Schema):
    code = fields.String(required=True, validate=_FILLED)
    system = fields.String(validate=_FILLED)
    display = fields.String(validate=_FILLED)


class OverrideReasonSchema(Schema):
    reason = fields.Nested(ReasonSchema)
    userComment = fields.String(validate=validate.Length(max=MAX_COMMENT))


class FeedbackItemSchema(Schema):
    """What a user did with one card (FB1 to FB6); codes that are not ours are taken (FB5)."""

    card = fields.String(required=True, validate=_UUID)
    outcome = fields.String(required=True, validate=validate.OneOf(["accepted", "overridden"]))
    outcomeTimestamp = fields.AwareDateTime(required=True, format="iso")
    acceptedSuggestions = fields.List(
        fields.Nested(AcceptedSuggestionSchema), validate=validate.Length(max=20)
    )
    overrideReason = fields.Nested(OverrideReasonSchema)

    @validates_schema
    def accepted_names_its_suggestions(self, members: dict[str, Any], **_: object) -> None:
        """FB3."""
        if members["outcome"] == "accepted" and not members.get("acceptedSuggestions"):
            raise ValidationError("acceptedSuggestions is required when accepted", "acceptedSuggestions")


class FeedbackSchema(Schema):
    feedback = fields.List(
        fields.Nested(FeedbackItemSchema),
        required=True,
        validate=validate.Length(min=1, max=MAX_FEEDBACK_ITEMS),
    )


class FeedbackReceiptSchema(Closed):
    """What became of one feedback call."""

    stored = fields.Integer(required=True)
    repeated = fields.Integer(required=True)


class IssueSchema(Schema):
    severity = fields.String(required=True)
    code = fields.String(required=True)
    diagnostics = fields.String()
    expression = fields.List(fields.String())


class OperationOutcomeSchema(Schema):
    resourceType = fields.String(required=True, validate=validate.Equal("OperationOutcome"))
    issue = fields.List(fields.Nested(IssueSchema), required=True, validate=validate.Length(min=1))


class ModelSummarySchema(Schema):
    id = fields.String(required=True)
    version = fields.String(required=True)
    title = fields.String(required=True)


class ModelsSchema(Schema):
    models = fields.List(fields.Nested(ModelSummarySchema), required=True)


class KeySetSchema(Schema):
    keys = fields.List(fields.Dict(), required=True)


class HealthSchema(Schema):
    status = fields.String(required=True)
    checks = fields.Dict(keys=fields.String(), values=fields.String())
