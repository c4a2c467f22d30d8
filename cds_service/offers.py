"""What each tenant is offered, service by service, and what its registration names that is no service.

Beside `tenants`, which knows no services; used where the service starts and by `wearable-cds tenants check`.
"""

from collections.abc import Iterable
from typing import Any

from cds_service.tenants import Tenant
from hooks.registry import SERVICES
from hooks.service import Service


def offers(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """Every service, whether this tenant is offered it, and who answers for it where it proposes doses."""
    return {service.id: _offer(tenant, service) for service in SERVICES}


def _offer(tenant: Tenant, service: Service) -> dict[str, Any]:
    setting = tenant.services.get(service.id)
    found = {"hook": service.hook, "enabled": tenant.offers(service.id, dosing=service.dosing)}
    if not service.dosing:
        return found
    approved_on = setting.approved_on.isoformat() if setting and setting.approved_on else None
    return found | {"approver": setting.approver if setting else None, "approved_on": approved_on}


def unknown_services(tenants: Iterable[Tenant]) -> tuple[str, ...]:
    """One sentence for each name that is no service: what was meant would be neither on nor off."""
    known = {service.id for service in SERVICES}
    return tuple(
        f"tenant {tenant.id}: services.{name}: is no service; there are {', '.join(sorted(known))}"
        for tenant in tenants
        for name in sorted(tenant.services.keys() - known)
    )
