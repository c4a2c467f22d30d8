"""Each tenant's own codes and units, read once at start from the alias file that its registration names."""

import tomllib
from collections.abc import Sequence

from cds_service.tenants import Tenant
from fhir_mappers.site import Site


def read_sites(tenants: Sequence[Tenant]) -> dict[str, Site]:
    """Site declarations by tenant id. Raises OSError, tomllib.TOMLDecodeError or TypeError at start."""
    return {tenant.id: _read(tenant) for tenant in tenants}


def _read(tenant: Tenant) -> Site:
    if tenant.aliases_file is None:
        return Site(zone=tenant.zone)
    members = tomllib.loads(tenant.aliases_file.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in members.items() if isinstance(value, list)}
    return Site(**({"zone": tenant.zone} | members | lists))
