"""Leads a database to the schema of this version, or back; imported only where that is to be done.

Called by `database` at start; the steps are in `migrations`.
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select

_MIGRATION_LOCK: Final = 0x57434453


class SchemaTooNew(RuntimeError):
    """The database was written by a later version of this service, which this one must not touch."""


def migrate(engine: Engine, revision: str = "head") -> None:
    """Lead the schema to a revision, one process at a time. Raises SchemaTooNew."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        _refuse_newer(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        (command.upgrade if revision == "head" else command.downgrade)(config, revision)


def _refuse_newer(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    for current in MigrationContext.configure(connection).get_current_heads():
        if current not in known:
            raise SchemaTooNew("The database has a newer schema than this version of the service knows.")
