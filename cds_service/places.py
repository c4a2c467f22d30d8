"""What a tenant's registration means for one call: the site, its practice, and how its EHR may be read.

Between `routes.cds_hooks` and `pipeline`; the rules FA3, FA4, FA10 and C-01 are kept here.
"""

from dataclasses import replace

from cds_service.fhir_client import FhirClient
from cds_service.pipeline import Place, Reader
from cds_service.shell import Shell
from cds_service.smart_app.app_context import context_for, seal
from cds_service.smart_auth import hook_token
from cds_service.tenants import Tenant
from fhir_mappers.site import Site
from hooks.card import Link
from hooks.errors import Forbidden
from hooks.protocol import HookRequest
from hooks.service import Practice, Service


def place_of(known: Shell, tenant: Tenant, service: Service, asked: HookRequest, as_of_ms: int) -> Place:
    """Site, practice and reader for this call. Raises Forbidden for a server or token that is not its own."""
    _check_authorization(tenant, asked)
    site = known.sites.get(tenant.id, Site(zone=tenant.zone))
    if asked.fhir_server is not None:
        site = replace(site, base_url=asked.fhir_server.rstrip("/"))
    link = _chart_link(known, tenant, service, asked, as_of_ms) if tenant.app else None
    return Place(site, practice_of(known, tenant, service.id, link), _reader(known, tenant, asked))


def _check_authorization(tenant: Tenant, asked: HookRequest) -> None:
    access = asked.fhir_authorization
    if access is None:
        return
    if access.patient not in (None, asked.context.patient_id):
        raise Forbidden(reason="fhir.patient")
    if tenant.client_id is not None and access.subject != tenant.client_id:
        raise Forbidden(reason="fhir.subject")


def practice_of(known: Shell, tenant: Tenant, service_id: str, chart_link: Link | None = None) -> Practice:
    """How this organisation wants the answers of a service."""
    setting = tenant.services.get(service_id)
    return Practice(
        zone=tenant.zone,
        glucose_unit=tenant.glucose_unit,
        titration_table=tenant.titration_table,
        dose_limits=tenant.dose_limits,
        pen_increment_u=tenant.pen_increment_u,
        cautious_goal=tenant.cautious_goal,
        models_url=f"{known.settings.public_base_url.text}/models",
        chart_link=chart_link,
        approver=setting.approver if setting else None,
    )


def _chart_link(known: Shell, tenant: Tenant, service: Service, asked: HookRequest, as_of_ms: int) -> Link:
    """A launch of our app, with a context that says which card led there and names no patient (LK2, LK5)."""
    secret = known.settings.secret_key
    context = context_for(secret, tenant.id, service.id, asked.context.patient_id)
    address = f"{known.settings.public_base_url.text}/smart/launch"
    return Link("Open the charts", address, smart=True, app_context=seal(secret, context, as_of_ms))


def _reader(known: Shell, tenant: Tenant, asked: HookRequest) -> Reader | None:
    """The hook's own token, or an open server (development); without either nothing is read (FA10)."""
    if asked.fhir_server is None:
        return None
    base = tenant.fhir_base(asked.fhir_server)
    access = asked.fhir_authorization
    if access is not None:
        token = hook_token(access.access_token, access.expires_in_s, access.scope)
        return FhirClient(known.egress, base, token, tenant)
    return FhirClient(known.egress, base, None, tenant) if base.open else None
