"""Commands for those who run the service: its registrations, its connections, its audit log, its keys.

Added to `wearable-cds` by `cli`; they read the same settings as the server.
"""

import os
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import click

from cds_service.cli_output import log_on_stderr, refuse, show, show_line
from cds_service.settings import InvalidSettings, Settings, load_settings
from cds_service.tenants import Tenant


def settings_or_refuse() -> Settings:
    """The server's settings; every problem at once on stderr, and exit 2."""
    try:
        return load_settings(os.environ)
    except InvalidSettings as fault:
        refuse_settings(fault.problems)


def refuse_settings(problems: Sequence[str]) -> NoReturn:
    """All of them on stderr, and exit 2."""
    refuse("the settings are not usable:\n" + "\n".join(f"  - {problem}" for problem in problems))


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
    from cds_service.offers import offers, unknown_services

    if problems := unknown_services(settings.tenants):
        refuse_settings(problems)
    show({"tenants": [_registration(tenant) | {"services": offers(tenant)} for tenant in settings.tenants]})


def _registration(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "issuer": tenant.issuer,
        "fhir_bases": [base.address.text for base in tenant.fhir_bases],
        "titration_table": tenant.titration_table,
        "dose_limits": tenant.dose_limits and f"{tenant.dose_limits.id} {tenant.dose_limits.version}",
        "cautious_goal": tenant.cautious_goal,
        "prefetch_dialect": tenant.prefetch_dialect,
    }


@click.command("doctor")
@click.option("--tenant", "tenant_id", required=True, metavar="ID")
@click.option("--as-ehr", "key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A JWK set with a private key of the EHR: call the running service too.")  # fmt: skip
def doctor_command(tenant_id: str, key_file: Path | None) -> None:
    """Walk the connection to a tenant's EHR step by step and say what to fix; exit 1 if anything is."""
    settings = settings_or_refuse()
    tenant = tenant_or_refuse(settings, tenant_id)
    from cds_service.doctor import examine, knock, wanted_token
    from cds_service.egress import Egress
    from cds_service.jwks import UnusableKeys
    from cds_service.own_keys import read_own_keys

    base, egress, now_ms = settings.public_base_url, Egress(), time.time_ns() // 1_000_000
    try:
        keys = read_own_keys(key_file) if key_file else None
    except UnusableKeys as fault:
        refuse(f"{key_file} {fault}")
    well = True
    with log_on_stderr():
        called = [knock(base, tenant, keys, egress, now_ms)] if keys else []
        findings = (examine(tenant, egress, now_ms), [wanted_token(base, tenant, egress, now_ms)], called)
        for finding in chain.from_iterable(findings):
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


@click.command("replay")
@click.argument("id", metavar="ID")
@click.option("--tenant", "tenant_id", required=True, metavar="ID")
@click.option("--input", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The hook request; needed where the tenant does not keep inputs.")  # fmt: skip
def replay_command(id: str, tenant_id: str, file: Path | None) -> None:
    """Make a recorded decision again and print its body; exit 1 where the bytes are not the recorded ones.

    ID is the X-Request-Id of the answer, or the uuid of one of its cards.
    """
    settings = settings_or_refuse()
    tenant = tenant_or_refuse(settings, tenant_id)
    from cds_service.decided_again import decide_again
    from cds_service.local_answers import complaints, read_bytes
    from cds_service.store import open_store

    with complaints(refuse):
        record = open_store(settings).decisions.find(tenant.id, _uuid_or_refuse(id))
        if record is None:
            refuse(f"{tenant.id} has no decision and no card {id}")
        body = decide_again(record, read_bytes(file) if file else None)
    click.echo(body, nl=False)
    if body != record.output:
        click.echo("wearable-cds: not the recorded bytes; made by " + str(dict(record.versions)), err=True)
        raise SystemExit(1)


def _uuid_or_refuse(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return refuse("the id is no UUID")


@click.group("keys")
def keys_group() -> None:
    """Our own keys, by which we ask an EHR for tokens."""


@keys_group.command("new")
@click.option("--algorithm", type=click.Choice(["ES384", "RS384"]), default="ES384", show_default=True)
@click.option("--id", "key_id", required=True, metavar="ID")
def keys_new(algorithm: Any, key_id: str) -> None:
    """A new private key as a JWK set, for keys_file. Keep it secret; the next key goes second in the set."""
    from cds_service.own_keys import new_key

    show({"keys": [new_key(algorithm, key_id)]})


COMMANDS = (tenants_group, doctor_command, audit_group, replay_command, keys_group)
