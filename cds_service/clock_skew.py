"""Whether our clock and the EHR's agree well enough to compute a dose: ages of readings are judged by both.

Asked by `routes.cds_hooks` for dosing services before an answer leaves (F-18, H-25). What tells is when the
EHR signed the call, and the Date of what its FHIR server answered.
"""

from typing import Final

import structlog

from cds_service.calls import Server
from cds_service.egress import Egress
from cds_service.tenants import Tenant
from hooks.errors import DataUnobtainable

MAX_SKEW_S: Final = 60.0

log = structlog.get_logger()


def refuse_apart(tenant: Tenant, egress: Egress, signed_s: int, now_ms: int) -> None:
    """Raises DataUnobtainable (412) where a clock of this tenant is more than a minute from ours."""
    servers = [Server(base.address, base.allow_private, tenant.ca_file) for base in tenant.fhir_bases]
    apart = [signed_s - now_ms / 1000, *(egress.clock_offset_s(server) for server in servers)]
    worst = max(apart, key=abs)
    if abs(worst) > MAX_SKEW_S:
        log.error("clock.apart", tenant=tenant.id, seconds=round(worst))
        raise DataUnobtainable(
            "The clocks of this service and of the calling system differ too much to compute a dose.",
            reason="clock.apart",
        )
