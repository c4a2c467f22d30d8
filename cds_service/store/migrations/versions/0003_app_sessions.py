"""Sessions of the SMART app, unreadable without the cookie of the browser that each belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "app_session",
        sa.Column("id_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_app_session_until_ms", "app_session", ["until_ms"])


def downgrade() -> None:
    op.drop_table("app_session")
