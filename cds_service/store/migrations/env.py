"""Runs the migration steps on the connection that `store.database` opened and locked; alembic loads this."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
