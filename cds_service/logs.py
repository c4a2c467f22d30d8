"""Logs as one line of JSON an event; libraries that log whole addresses stay quiet (K-03)."""

import logging

import structlog

_QUIET = ("urllib3", "requests", "alembic", "sqlalchemy.engine", "werkzeug")


def configure_logs(level: str) -> None:
    """Set up structlog once per process; unknown levels are refused by `settings`."""
    threshold = getattr(logging, level)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        cache_logger_on_first_use=True,
    )
