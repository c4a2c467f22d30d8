"""What a tenant's registration means for one call: the site, its practice, and how its EHR may be read.

Between `routes.cds_hooks` and `pipeline`; the rules FA3, FA4, FA10 and C-01 are kept here.
"""

from dataclasses import replace

from cds_service.fhir_client import FhirClient
from cds_service.pipeline import Place, Reader
from cds_service.shell import Shell
from cds_service.smart_auth import hook_token
from cds_service.tenants import Tenant
from fhir_mappers.site import Site
from hooks.errors import Forbidden
from hooks.protocol import HookRequest
from hooks.service import Practice, Service


def place_of(known: Shell, tenant: Tenant, service: Service, asked: HookRequest) -> Place:
    """Site, practice and reader for this call. Raises Forbidden for a server or token that is not its own."""
    _check_authorization(tenant, asked)
    site = known.sites.get(tenant.id, Site(zone=tenant.zone))
    if asked.fhir_server is not None:
        site = replace(site, base_url=asked.fhir_server.rstrip("/"))
    return Place(site, _practice(known, tenant, service), _reader(known, tenant, asked))


def _check_authorization(tenant: Tenant, asked: HookRequest) -> None:
    access = asked.fhir_authorization
    if access is None:
        return
    if access.patient not in (None, asked.context.patient_id):
        raise Forbidden(reason="fhir.patient")
    if tenant.client_id is not None and access.subject != tenant.client_id:
        raise Forbidden(reason="fhir.subject")


def _practice(known: Shell, tenant: Tenant, service: Service) -> Practice:
    setting = tenant.services.get(service.id)
    return Practice(
        zone=tenant.zone,
        glucose_unit=tenant.glucose_unit,
        titration_table=tenant.titration_table,
        models_url=f"{known.settings.public_base_url.text}/models",
        approver=setting.approver if setting else None,
    )


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
