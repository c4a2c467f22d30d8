"""Reads the tenants file (TOML) into records and reports every problem at once, quoting no value.

Called by `settings`; the schemas below are the reference of what the file may hold.
"""

import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from cds_service.addresses import Address, UnacceptableAddress, parse_base, parse_registered
from cds_service.jwks import UnusableKeys, parse_key_set
from cds_service.own_keys import read_own_keys
from cds_service.tenants import ALGORITHMS, App, Backend, FhirBase, Limits, ServiceSetting, Tenant
from models.dosing.safety_limits import SafetyLimits, UnusableLimits, load_limits

LIFETIME_CEILING_S: Final = 3600
DEADLINES_S: Final = (2.0, 10.0)
REPEAT_AFTER_CEILING_H: Final = 72.0
OPEN_TO_OTHERS: Final = 0o037
_FILES: Final = ("jwks_file", "aliases_file", "ca_file", "keys_file", "dose_limits_file")
_NAME: Final = validate.Regexp(r"[a-z0-9][a-z0-9-]{0,39}\Z", error="is not a short lower-case name")
_FILLED: Final = validate.Length(min=1, error="is empty")


def _is_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValidationError("is no IANA time zone") from error


def _is_date(value: object) -> None:
    if type(value) is not date:
        raise ValidationError("is not a date")


def _are_own_keys(path: Path) -> None:
    try:
        read_own_keys(path)
    except UnusableKeys as error:
        raise ValidationError(str(error)) from error


def read_limits(path: Path) -> SafetyLimits:
    """The signed limits in a file. Raises UnusableLimits where they are malformed, unsigned or too wide."""
    try:
        return load_limits(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UnusableLimits("the limits file is not text") from error


def _are_signed_limits(path: Path) -> None:
    try:
        read_limits(path)
    except UnusableLimits as error:
        raise ValidationError(f"holds no usable limits: {str(error).splitlines()[0]}") from error


class _AddressField(fields.Field[Address]):
    """An address of a server; http is refused later, outside development."""

    parse = staticmethod(parse_registered)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Address:
        if not isinstance(value, str):
            raise ValidationError("is not text")
        try:
            return self.parse(value, loopback=True)
        except UnacceptableAddress as error:
            raise ValidationError(str(error)) from error


class _BaseField(_AddressField):
    """An address that others lie under."""

    parse = staticmethod(parse_base)


class _FileField(fields.Field[Path]):
    """A file that can be read; with `secret` in its metadata, one that others cannot read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Path:
        if not isinstance(value, str):
            raise ValidationError("is not text")
        problem = file_problem(Path(value), secret=bool(self.metadata.get("secret")))
        if problem:
            raise ValidationError(problem)
        return Path(value)


class _FhirBaseSchema(Schema):
    url = _BaseField(required=True, attribute="address")
    open = fields.Boolean(truthy={True}, falsy={False})
    allow_private = fields.Boolean(truthy={True}, falsy={False})

    @post_load
    def record(self, values: dict[str, Any], **_: Any) -> FhirBase:
        return FhirBase(**values)


class _ServiceSchema(Schema):
    enabled = fields.Boolean(required=True, truthy={True}, falsy={False})
    approver = fields.String(validate=_FILLED)
    approved_on = fields.Raw(validate=_is_date)

    @validates_schema(skip_on_field_errors=False)
    def approval_is_whole(self, values: dict[str, Any], **_: Any) -> None:
        if ("approver" in values) != ("approved_on" in values):
            raise ValidationError("an approval needs both approver and approved_on")

    @post_load
    def record(self, values: dict[str, Any], **_: Any) -> ServiceSetting:
        return ServiceSetting(**values)


class _BackendSchema(Schema):
    client_id = fields.String(required=True, validate=_FILLED)
    token_url = _AddressField(required=True)
    keys_file = _FileField(required=True, metadata={"secret": True}, validate=_are_own_keys)
    scopes = fields.List(fields.String(validate=_FILLED), validate=_FILLED)
    allow_private = fields.Boolean(truthy={True}, falsy={False})

    @post_load
    def record(self, values: dict[str, Any], **_: Any) -> Backend:
        return Backend(**_with_tuples(values))


class _OriginField(_BaseField):
    """An address without a path."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Address:
        found = super()._deserialize(value, attr, data, **kwargs)
        if found.path:
            raise ValidationError("is an origin with a path")
        return found


class _AppSchema(Schema):
    client_id = fields.String(required=True, validate=_FILLED)
    authorize_url = _AddressField(required=True)
    token_url = _AddressField(required=True)
    keys_file = _FileField(metadata={"secret": True}, validate=_are_own_keys)
    scopes = fields.List(fields.String(validate=_FILLED), validate=_FILLED)
    openid_keys_url = _AddressField()
    frame_ancestors = fields.List(_OriginField())
    allow_private = fields.Boolean(truthy={True}, falsy={False})

    @post_load
    def record(self, values: dict[str, Any], **_: Any) -> App:
        return App(**_with_tuples(values))


class _LimitsSchema(Schema):
    requests_per_minute = fields.Integer(strict=True, validate=validate.Range(min=1))
    concurrent_requests = fields.Integer(strict=True, validate=validate.Range(min=1))
    deadline_s = fields.Float(validate=validate.Range(*DEADLINES_S))

    @post_load
    def record(self, values: dict[str, Any], **_: Any) -> Limits:
        return Limits(**values)


class _TenantSchema(Schema):
    id = fields.String(required=True, validate=_NAME)
    issuer = fields.String(required=True, validate=_FILLED)
    algorithms = fields.List(fields.String(validate=validate.OneOf(ALGORITHMS)), validate=_FILLED)
    jwks = fields.Dict()
    jwks_file = _FileField()
    jwks_url = _AddressField()
    jwks_allow_private = fields.Boolean(truthy={True}, falsy={False})
    fhir_bases = fields.List(fields.Nested(_FhirBaseSchema))
    client_id = fields.String(validate=_FILLED)
    audience = fields.String(validate=_FILLED)
    max_token_lifetime_s = fields.Integer(strict=True, validate=validate.Range(1, LIFETIME_CEILING_S))
    tenant_claims = fields.List(fields.String(validate=_FILLED))
    zone = fields.String(validate=_is_zone)
    glucose_unit = fields.String(validate=validate.OneOf(("mg/dL", "mmol/L")))
    services = fields.Dict(keys=fields.String(validate=_NAME), values=fields.Nested(_ServiceSchema))
    titration_table = fields.String(validate=_FILLED)
    dose_limits_file = _FileField(validate=_are_signed_limits)
    pen_increment_u = fields.Float(validate=validate.OneOf((0.5, 1.0)))
    cautious_goal = fields.Boolean(truthy={True}, falsy={False})
    prefetch_dialect = fields.String(validate=validate.OneOf(("core", "relative-date")))
    search_method = fields.String(validate=validate.OneOf(("post", "post-or-get", "get")))
    backend = fields.Nested(_BackendSchema)
    app = fields.Nested(_AppSchema)
    aliases_file = _FileField()
    ca_file = _FileField()
    limits = fields.Nested(_LimitsSchema)
    keep_inputs = fields.Boolean(truthy={True}, falsy={False})
    repeat_after_h = fields.Float(validate=validate.Range(0, REPEAT_AFTER_CEILING_H))

    @validates_schema(skip_on_field_errors=False)
    def keys_are_usable(self, values: dict[str, Any], **_: Any) -> None:
        given = [name for name in ("jwks", "jwks_file") if name in values]
        if len(given) > 1 or not (given or "jwks_url" in values):
            raise ValidationError("needs one of jwks and jwks_file, or jwks_url")
        for name in given:
            try:
                parse_key_set(_key_document(values[name]))
            except (UnusableKeys, msgspec.DecodeError, OSError) as error:
                raise ValidationError("holds no usable key set", name) from error

    @post_load
    def record(self, values: dict[str, Any], **_: Any) -> Tenant:
        if "jwks_file" in values:
            values["jwks"] = _key_document(values.pop("jwks_file"))
        if "dose_limits_file" in values:
            values["dose_limits"] = read_limits(values.pop("dose_limits_file"))
        return Tenant(**_with_tuples(values))


class _FileSchema(Schema):
    tenant = fields.List(fields.Nested(_TenantSchema), required=True)


def read_tenants(path: Path, *, development: bool) -> tuple[tuple[Tenant, ...], tuple[str, ...]]:
    """The tenants of a file, and the problems that forbid a start; files are named relative to its folder."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return (), ("tenants file: cannot be read",)
    except tomllib.TOMLDecodeError:
        return (), ("tenants file: is not TOML",)
    try:
        loaded = _FileSchema().load(_anchor(document, path.parent))
    except ValidationError as error:
        return (), tuple(_sentences("tenants file", error.messages))
    tenants = tuple(cast(list[Tenant], loaded["tenant"]))
    problems = [*_clashes(tenants), *(() if development else _not_for_production(tenants))]
    return tenants, tuple(f"tenants file: {problem}" for problem in problems)


def file_problem(path: Path, *, secret: bool = False) -> str | None:
    """Why nothing, or no secret, may be read from this file."""
    if not path.is_file() or not os.access(path, os.R_OK):
        return "names no readable file"
    if secret and path.stat().st_mode & OPEN_TO_OTHERS:
        return "is open to others; allow at most mode 0640"
    return None


def _anchor(value: Any, folder: Path) -> Any:
    """The document with the file names made absolute."""
    if isinstance(value, list):
        return [_anchor(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: str(folder / item) if name in _FILES and isinstance(item, str) else _anchor(item, folder)
        for name, item in value.items()
    }


def _key_document(source: Mapping[str, Any] | Path) -> Any:
    return msgspec.json.decode(source.read_bytes()) if isinstance(source, Path) else source


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _sentences(where: str, messages: Any) -> Iterator[str]:
    """One line for each leaf of marshmallow's nested messages; they name fields and rules, never values."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from _sentences(where if name == "_schema" else f"{where}: {name}", inner)
    else:
        yield from (f"{where}: {message}" for message in messages)


def _clashes(tenants: tuple[Tenant, ...]) -> Iterator[str]:
    for name, count in Counter(tenant.id for tenant in tenants).items():
        if count > 1:
            yield f"two tenants are called {name}"
    for issuer in dict.fromkeys(tenant.issuer for tenant in tenants):
        group = [tenant for tenant in tenants if tenant.issuer == issuer]
        claims = [claim for tenant in group for claim in tenant.tenant_claims]
        unclear = not all(tenant.tenant_claims for tenant in group) or len(set(claims)) < len(claims)
        if len(group) > 1 and unclear:
            names = ", ".join(tenant.id for tenant in group)
            yield f"{names}: share an issuer without tenant_claims that tell them apart"
    launched = [base.address for tenant in tenants if tenant.app for base in tenant.fhir_bases]
    if len(set(launched)) < len(launched):
        yield "two apps are launched from one FHIR server, and nothing tells whose launch it is"


def _not_for_production(tenants: tuple[Tenant, ...]) -> Iterator[str]:
    for tenant in tenants:
        if tenant.audience:
            yield f"{tenant.id}: audience may be replaced in development only"
        if any(base.open for base in tenant.fhir_bases):
            yield f"{tenant.id}: an open FHIR server is for development only"
        if any(address.scheme != "https" for address in _addresses(tenant)):
            yield f"{tenant.id}: an address is not https"


def _addresses(tenant: Tenant) -> Iterator[Address]:
    yield from (base.address for base in tenant.fhir_bases)
    yield from (address for address in (tenant.jwks_url,) if address)
    yield from (backend.token_url for backend in (tenant.backend,) if backend)
    if tenant.app:
        yield from (tenant.app.authorize_url, tenant.app.token_url, *tenant.app.frame_ancestors)
        yield from (address for address in (tenant.app.openid_keys_url,) if address)
