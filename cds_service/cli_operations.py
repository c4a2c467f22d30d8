"""Commands for those who run the service: its registrations, its connections, its audit log, its keys.

Added to `wearable-cds` by `cli`; they read the same settings as the server.
"""

import os
import time
from typing import Any

import click

from cds_service.cli_output import refuse, show, show_line
from cds_service.settings import InvalidSettings, Settings, load_settings
from cds_service.tenants import Tenant


def settings_or_refuse() -> Settings:
    """The server's settings; every problem at once on stderr, and exit 2."""
    try:
        return load_settings(os.environ)
    except InvalidSettings as fault:
        refuse("the settings are not usable:\n" + "\n".join(f"  - {problem}" for problem in fault.problems))


def tenant_or_refuse(settings: Settings, tenant_id: str) -> Tenant:
    """The tenant of this id."""
    found = {tenant.id: tenant for tenant in settings.tenants}
    if tenant_id in found:
        return found[tenant_id]
    return refuse(f"no tenant {tenant_id}; there are {', '.join(t.id for t in settings.tenants) or 'none'}")


@click.group("tenants")
def tenants_group() -> None:
    """The organisations that may call."""


@tenants_group.command("check")
def tenants_check() -> None:
    """Read settings and tenants file; list who may call what, or every problem at once."""
    settings = settings_or_refuse()
    show({"tenants": [_registration(tenant) for tenant in settings.tenants]})


def _registration(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "issuer": tenant.issuer,
        "fhir_bases": [base.address.text for base in tenant.fhir_bases],
        "services": {
            name: {"enabled": setting.enabled, "approver": setting.approver}
            for name, setting in tenant.services.items()
        },
        "titration_table": tenant.titration_table,
        "prefetch_dialect": tenant.prefetch_dialect,
    }


@click.command("doctor")
@click.option("--tenant", "tenant_id", required=True, metavar="ID")
def doctor_command(tenant_id: str) -> None:
    """Walk the connection to a tenant's EHR step by step and say what to fix; exit 1 if anything is."""
    from cds_service.doctor import examine
    from cds_service.egress import Egress

    tenant = tenant_or_refuse(settings_or_refuse(), tenant_id)
    well = True
    for finding in examine(tenant, Egress(), time.time_ns() // 1_000_000):
        show_line({"step": finding.step, "ok": finding.ok, "text": finding.text})
        well = well and finding.ok
    raise SystemExit(0 if well else 1)


@click.group("audit")
def audit_group() -> None:
    """The audit log: one chain a tenant."""


@audit_group.command("verify")
@click.option("--tenant", "tenant_id", required=True, metavar="ID")
def audit_verify(tenant_id: str) -> None:
    """Recompute a tenant's chain; exit 1 where a line was changed, removed or added."""
    from cds_service.store import open_store

    settings = settings_or_refuse()
    check = open_store(settings).audit.verify(tenant_or_refuse(settings, tenant_id).id)
    show({"lines": check.head.sequence, "head": check.head.chain_hash, "broken_at": check.broken_at})
    raise SystemExit(0 if check.broken_at is None else 1)


@audit_group.command("export")
@click.option("--tenant", "tenant_id", required=True, metavar="ID")
def audit_export(tenant_id: str) -> None:
    """A tenant's audit lines as FHIR AuditEvents, one a line."""
    from cds_service.store import open_store
    from cds_service.store.audit_event import to_audit_event

    settings = settings_or_refuse()
    tenant = tenant_or_refuse(settings, tenant_id)
    for line in open_store(settings).audit.lines(tenant.id):
        show_line(to_audit_event(line, settings.public_base_url.text))


@click.group("keys")
def keys_group() -> None:
    """Our own keys, by which we ask an EHR for tokens."""


@keys_group.command("new")
@click.option("--algorithm", type=click.Choice(["ES384", "RS384"]), default="ES384", show_default=True)
@click.option("--id", "key_id", required=True, metavar="ID")
def keys_new(algorithm: Any, key_id: str) -> None:
    """A new private key as a JWK, for a tenant's keys_file. Keep it secret."""
    from cds_service.own_keys import new_key

    show(new_key(algorithm, key_id))


COMMANDS = (tenants_group, doctor_command, audit_group, keys_group)
