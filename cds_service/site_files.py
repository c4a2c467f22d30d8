"""Each tenant's own codes and units, read once at start from the alias file that its registration names."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cds_service.tenants import Tenant
from fhir_mappers.site import Site

MAPPINGS: Final = frozenset({"codes", "units", "default_units"})


def read_sites(tenants: Sequence[Tenant]) -> dict[str, Site]:
    """Site declarations by tenant id. Raises OSError, tomllib.TOMLDecodeError or TypeError at start."""
    return {tenant.id: _read(tenant) for tenant in tenants}


def _read(tenant: Tenant) -> Site:
    return read_site(tenant.aliases_file, tenant.zone)


def read_site(aliases_file: Path | None, zone: str | None) -> Site:
    """The declarations of one alias file. Raises OSError, tomllib.TOMLDecodeError or TypeError."""
    if aliases_file is None:
        return Site(zone=zone)
    members = tomllib.loads(aliases_file.read_text(encoding="utf-8"))
    if strange := [name for name in MAPPINGS & members.keys() if not isinstance(members[name], dict)]:
        raise TypeError(f"{', '.join(sorted(strange))} must be a table")
    lists = {name: tuple(value) for name, value in members.items() if isinstance(value, list)}
    return Site(**({"zone": zone} | members | lists))
