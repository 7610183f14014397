"""index for the sweep of sessions that may still be in use

Revision ID: 0025
Revises: 0024
Create Date: 2026-05-10 10:37:21.806519

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0025"
down_revision: Union[str, None] = "0024"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # The predicate was first written as expires_at > now(). Postgres refuses
    # that, since a row would have to leave the index by the mere passing of
    # time (#1551). "Not revoked" is immutable; expires_at is the key instead,
    # so that the sweep asks for expires_at > now() in its query.
    op.create_index(
        "ix_admin_sessions_expires_at_active",
        "admin_sessions",
        ["expires_at"],
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_admin_sessions_expires_at_active", table_name="admin_sessions")
