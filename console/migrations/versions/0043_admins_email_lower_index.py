"""case-insensitive lookup of operators by email

Revision ID: 0043
Revises: 0042
Create Date: 2026-06-09 10:33:08.875042

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0043"
down_revision: Union[str, None] = "0042"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Every request reads admins, so no lock on it. Not unique: two spellings of
    # one mailbox are for a person to merge, uq_admins_email stays the rule.
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_admins_email_lower",
            "admins",
            [sa.text("lower(email)")],
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_admins_email_lower", table_name="admins", postgresql_concurrently=True
        )
