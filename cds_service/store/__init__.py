"""What the service keeps: used tokens, cards, feedback, decisions, app sessions and an audit chain.

`open_store` is called once at start; routes and pipeline use the parts of `Store`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cds_service.settings import Settings
from cds_service.store.app_sessions import AppSessions
from cds_service.store.audit import Audit
from cds_service.store.database import forgetful, open_database, takes_writes
from cds_service.store.decisions import Decisions
from cds_service.store.feedback import Feedback
from cds_service.store.replay import AllUsedTokens, SqlUsedTokens, UsedTokens
from cds_service.store.shown_findings import ShownFindings


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of the store, over one database."""

    replay: UsedTokens
    feedback: Feedback
    decisions: Decisions
    audit: Audit
    app_sessions: AppSessions
    shown: ShownFindings
    is_ready: Callable[[], bool]


def open_store(settings: Settings) -> Store:
    """The store of this process, its schema brought up to date.

    Raises SchemaTooNew, and SQLAlchemyError where the database cannot be opened.
    """
    engine = open_database(settings.database_url)
    places: list[UsedTokens] = [SqlUsedTokens(forgetful(engine))]
    if settings.redis_url:
        from cds_service.store.redis_replay import RedisUsedTokens

        places.append(RedisUsedTokens(settings.redis_url))
    audit = Audit(engine, settings.secret_key)
    decisions = Decisions(engine, audit, settings.secret_key)
    feedback = Feedback(engine, settings.secret_key)
    sessions = AppSessions(engine, settings.secret_key)
    shown, ready = ShownFindings(engine, settings.secret_key), partial(takes_writes, engine)
    return Store(AllUsedTokens(places), feedback, decisions, audit, sessions, shown, ready)
