"""Settings of the process, from the environment and a tenants file; every problem is reported at once.

Read once at start, by the command line and by `app.create_app`; nothing else reads the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.addresses import Address
from cds_service.tenants import Tenant


class InvalidSettings(ValueError):
    """The service cannot start. `problems` has one sentence each; no value is ever quoted."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the process runs with. Secrets do not show in `repr`."""

    public_base_url: Address
    database_url: str = field(repr=False)
    secret_key: bytes = field(repr=False)
    tenants: tuple[Tenant, ...] = ()
    redis_url: str | None = field(default=None, repr=False)
    development: bool = False
    hook_body_limit_bytes: int = 16 * 1024 * 1024
    feedback_body_limit_bytes: int = 256 * 1024
    deadline_s: float = 5.0
    cors_origins: tuple[str, ...] = ()
    log_level: str = "INFO"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `WEARABLE_CDS_*` variables and the tenants file that they name.

    Raises InvalidSettings with all problems.
    """
    raise NotImplementedError
