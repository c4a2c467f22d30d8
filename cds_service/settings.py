"""Settings of the process, from the environment and a tenants file; every problem is reported at once.

Read once at start, by the command line and by `app.create_app`; nothing else reads the environment.
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cds_service.addresses import Address, parse_base
from cds_service.release import changed_files
from cds_service.tenants import Tenant
from cds_service.tenants_file import DEADLINES_S, file_problem, read_tenants

PREFIX: Final = "WEARABLE_CDS_"
SECRETS: Final = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
"""Given directly, or better as `..._FILE`: the path of a file that only the service can read."""

REQUIRED: Final = ("PUBLIC_BASE_URL", "DATABASE_URL", "SECRET_KEY", "TENANTS_FILE")
SECRET_KEY_BYTES: Final = 32
MAX_DRAIN_S: Final = 60.0
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
DATABASES: Final = ("sqlite", "postgresql")
_FLAGS: Final = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)
_OF_TESTS: Final = frozenset({"SHARED"})


class InvalidSettings(ValueError):
    """The service cannot start. `problems` has one sentence each; no value is ever quoted."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the process runs with. Secrets do not show in `repr`.

    `workers` comes from the command line: limits are counted per worker, each granting its share. For
    `drain_s` after a SIGTERM the service says that it is not ready, and still answers.
    """

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
    requests_per_minute_per_address: int = 6000
    trusted_proxies: int = 0
    metrics_bind: str | None = None
    drain_s: float = 5.0
    workers: int = 1


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `WEARABLE_CDS_*` variables and the tenants file that they name.

    Raises InvalidSettings with all problems, also where the models' files are not those of this release.
    """
    given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
    texts, problems = _texts(given)
    development = _FLAGS.get(texts.get("DEVELOPMENT", "").strip().lower(), False)
    parsers = _parsers(development)
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in parsers:
            problems.append(f"{name}: is not a setting")
            continue
        try:
            values[name.lower()] = parsers[name](text)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    problems += [
        f"{name}: is required" for name in REQUIRED if name not in texts and f"{name}_FILE" not in given
    ]
    problems = [f"{PREFIX}{problem}" for problem in problems]
    if "tenants_file" in values:
        values["tenants"], more = read_tenants(values.pop("tenants_file"), development=development)
        problems += more
    problems += changed_files()
    if problems:
        raise InvalidSettings(tuple(problems))
    return Settings(**values)


def _texts(given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Values by name, those of secret files read, and what was wrong with the files."""
    texts = {name: value for name, value in given.items() if name not in _OF_TESTS}
    problems = []
    for name in SECRETS:
        path = texts.pop(f"{name}_FILE", None)
        if path is None:
            continue
        if name in texts:
            problems.append(f"{name}: is given twice, directly and as a file")
        problem = file_problem(Path(path), secret=True)
        if problem:
            problems.append(f"{name}_FILE: {problem}")
        else:
            texts[name] = Path(path).read_text("utf-8").strip()
    return texts, problems


def _parsers(development: bool) -> dict[str, Callable[[str], Any]]:
    return {
        "PUBLIC_BASE_URL": lambda text: parse_base(text, loopback=development),
        "DATABASE_URL": _database_url,
        "SECRET_KEY": _secret_key,
        "TENANTS_FILE": Path,
        "REDIS_URL": _redis_url,
        "DEVELOPMENT": _flag,
        "HOOK_BODY_LIMIT_BYTES": _positive,
        "FEEDBACK_BODY_LIMIT_BYTES": _positive,
        "DEADLINE_S": _deadline_s,
        "CORS_ORIGINS": lambda text: _origins(text, development),
        "LOG_LEVEL": _log_level,
        "REQUESTS_PER_MINUTE_PER_ADDRESS": _positive,
        "TRUSTED_PROXIES": _positive,
        "METRICS_BIND": _bind,
        "DRAIN_S": _drain_s,
    }


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _FLAGS:
        raise ValueError("is neither true nor false")
    return _FLAGS[word]


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("is not a positive whole number")
    return int(text)


def _deadline_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    low, high = DEADLINES_S
    if not low <= seconds <= high:
        raise ValueError(f"is not a number of seconds from {low:g} to {high:g}")
    return seconds


def _drain_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not 0 <= seconds <= MAX_DRAIN_S:
        raise ValueError(f"is not a number of seconds from 0 to {MAX_DRAIN_S:g}")
    return seconds


def _secret_key(text: str) -> bytes:
    """The key in use and, after commas, those before it, which old rows are still read with."""
    for part in text.split(","):
        try:
            key = urlsafe_b64decode(part)
        except binascii.Error:
            key = b""
        if len(key) != SECRET_KEY_BYTES:
            raise ValueError(f"is not {SECRET_KEY_BYTES} random bytes in URL-safe base64")
    return text.encode("ascii")


def _database_url(text: str) -> str:
    try:
        kind = make_url(text).get_backend_name()
    except ArgumentError as error:
        raise ValueError("is not a database address") from error
    if kind not in DATABASES:
        raise ValueError("names a database other than SQLite and PostgreSQL")
    return text


def _redis_url(text: str) -> str:
    if urlsplit(text).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("is not a Redis address")
    return text


def _origins(text: str, development: bool) -> tuple[str, ...]:
    origins = [parse_base(part.strip(), loopback=development) for part in text.split(",") if part.strip()]
    if any(origin.path for origin in origins):
        raise ValueError("holds an origin with a path")
    return tuple(origin.text for origin in origins)


def _bind(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("is not HOST:PORT")
    return text


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"is none of {', '.join(LOG_LEVELS)}")
    return text.upper()
