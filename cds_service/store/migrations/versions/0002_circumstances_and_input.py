"""Decisions keep what they depended on beside their input and, for tenants that ask for it, the input."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("decision", sa.Column("circumstances", sa.Text, nullable=False, server_default=""))
    op.add_column("decision", sa.Column("input", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("decision", "input")
    op.drop_column("decision", "circumstances")
