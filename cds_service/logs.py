"""Logs as one line of JSON an event, without the words of strangers: neither clients' nor exceptions'.

Used by `serve` and `app`; libraries log through the same door, and gunicorn too (K-01 to K-03).
"""

import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog
from gunicorn.glogging import Logger

_QUIET: Final = ("urllib3", "requests", "alembic", "sqlalchemy.engine", "werkzeug")
_FRAMES: Final = 8
_QUOTED: Final = re.compile(r"[:'\"\n]")
"""What a library puts into its text itself stands behind one of these."""


class FixedText(logging.Formatter):
    """A library's event: its fixed text and whole numbers. The rest of its values may tell of a patient."""

    def format(self, record: logging.LogRecord) -> str:
        values = record.args if isinstance(record.args, tuple) else ()
        fault = record.exc_info[1] if record.exc_info else None
        line: dict[str, Any] = {
            "event": "library",
            "logger": record.name,
            "text": _QUOTED.split(record.msg)[0]
            if isinstance(record.msg, str)
            else type(record.msg).__name__,
            "numbers": [value for value in values if isinstance(value, int)],
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if fault is not None:
            line |= {"kind": type(fault).__name__, "at": places(fault)}
        return orjson.dumps(line).decode()


_LIBRARIES: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"fixed": {"()": FixedText}},
    "handlers": {
        "out": {"class": "logging.StreamHandler", "formatter": "fixed", "stream": "ext://sys.stdout"}
    },
    "root": {"handlers": ["out"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": "WARNING"} for name in _QUIET},
    },
}


class ServerLog(Logger):  # type: ignore[misc]
    """gunicorn's log goes where everything goes; each request has its line already, without its query."""

    def setup(self, cfg: object) -> None:
        self.error_log.propagate = True
        self.access_log.disabled = True


def configure_logs(level: str) -> None:
    """Set up structlog and the libraries' loggers once per process; `settings` refuses unknown levels."""
    logging.config.dictConfig(_LIBRARIES)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        # a line and its end in one write: workers share the output
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )


def places(fault: BaseException) -> list[str]:
    """Function and line of the last frames of an exception, whose text stays out of the log."""
    frames, trace = [], fault.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-_FRAMES:]
