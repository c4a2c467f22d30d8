"""First tables: used tokens, cards, feedback, decisions, audit chain."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "used_token",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_used_token_until_ms", "used_token", ["until_ms"])
    op.create_table(
        "card",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("hook_instance", sa.String(64), nullable=False),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("card", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("outcome_ms", sa.BigInteger, nullable=False),
        sa.Column("accepted_suggestions", sa.Text, nullable=False),
        sa.Column("reason_code", sa.Text),
        sa.Column("reason_system", sa.Text),
        sa.Column("reason_display", sa.Text),
        sa.Column("comment", sa.LargeBinary),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_feedback_tenant_card", "feedback", ["tenant", "card"])
    op.create_table(
        "decision",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("hook_instance", sa.String(64), nullable=False),
        sa.Column("as_of_ms", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("input_sha256", sa.String(64), nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("output", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("chain_hash", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    for name in ("audit", "decision", "feedback", "card", "used_token"):
        op.drop_table(name)
