"""Cards know which standing finding they showed to whom, as a key that leads back to nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("card", sa.Column("finding", sa.String(64)))
    op.create_index("ix_card_tenant_finding", "card", ["tenant", "finding"])


def downgrade() -> None:
    op.drop_index("ix_card_tenant_finding", "card")
    op.drop_column("card", "finding")
