"""admin login attempts

Re-parented from 0022 to 0023 by the hotfix #1550: this branch and that of 0023
had both been cut from 0022.

Revision ID: 0024
Revises: 0023
Create Date: 2026-05-10 08:15:59.273940

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0024"
down_revision: Union[str, None] = "0023"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "admin_login_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        # What was typed; most bad attempts name nobody that exists.
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("admin_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("outcome", sa.String(length=30), nullable=False),
        sa.Column("ip_address", postgresql.INET(), nullable=True),
        sa.Column(
            "attempted_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_admin_login_attempts"),
        sa.ForeignKeyConstraint(
            ["admin_id"],
            ["admins.id"],
            name="fk_admin_login_attempts_admin_id_admins",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'unknown_email', 'bad_assertion', 'disabled')",
            name="ck_admin_login_attempts_outcome",
        ),
    )
    # The throttle counts failures by mailbox and by address.
    op.create_index(
        "ix_admin_login_attempts_email_lower_failed",
        "admin_login_attempts",
        [sa.text("lower(email)"), "attempted_at"],
        postgresql_where=sa.text("outcome <> 'succeeded'"),
    )
    op.create_index(
        "ix_admin_login_attempts_ip_address_failed",
        "admin_login_attempts",
        ["ip_address", "attempted_at"],
        postgresql_where=sa.text("outcome <> 'succeeded'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_admin_login_attempts_ip_address_failed", table_name="admin_login_attempts"
    )
    op.drop_index(
        "ix_admin_login_attempts_email_lower_failed", table_name="admin_login_attempts"
    )
    op.drop_table("admin_login_attempts")
