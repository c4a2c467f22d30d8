"""The tables of the store; every row but a used token belongs to one tenant.

Used by the other files of `store`; `migrations` must lead to exactly this, which a test compares.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table, Text

METADATA: Final = MetaData()

USED_TOKEN: Final = Table(
    "used_token",
    METADATA,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Index("ix_used_token_until_ms", "until_ms"),
)

CARD: Final = Table(
    "card",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("uuid", String(36), primary_key=True),
    Column("service", String(64), nullable=False),
    Column("hook_instance", String(64), nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("finding", String(64)),
    Index("ix_card_tenant_finding", "tenant", "finding"),
)

FEEDBACK: Final = Table(
    "feedback",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("service", String(64), nullable=False),
    Column("card", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("outcome_ms", BigInteger, nullable=False),
    Column("accepted_suggestions", Text, nullable=False),
    Column("reason_code", Text),
    Column("reason_system", Text),
    Column("reason_display", Text),
    Column("comment", LargeBinary),
    Column("received_ms", BigInteger, nullable=False),
    Index("ix_feedback_tenant_card", "tenant", "card"),
)

DECISION: Final = Table(
    "decision",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("id", String(36), primary_key=True),
    Column("service", String(64), nullable=False),
    Column("hook_instance", String(64), nullable=False),
    Column("as_of_ms", BigInteger, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("input_sha256", String(64), nullable=False),
    Column("versions", Text, nullable=False),
    Column("output", LargeBinary, nullable=False),
    Column("circumstances", Text, nullable=False, server_default=""),
    Column("input", LargeBinary),
)

APP_SESSION: Final = Table(
    "app_session",
    METADATA,
    Column("id_hash", LargeBinary(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("ix_app_session_until_ms", "until_ms"),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False),
    Column("chain_hash", String(64), nullable=False),
)
