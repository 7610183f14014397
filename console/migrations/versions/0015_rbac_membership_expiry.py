"""rbac: memberships may expire

Revision ID: 0015
Revises: 0014
Create Date: 2026-01-13 11:29:08.271655

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # On-call gets elevated groups for the length of a shift.
    op.add_column(
        "rbac_user_groups",
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_check_constraint(
        "ck_rbac_user_groups_expires_after_granted",
        "rbac_user_groups",
        "expires_at > granted_at",
    )
    op.create_index(
        "ix_rbac_user_groups_expires_at",
        "rbac_user_groups",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_table_comment(
        "rbac_user_groups",
        "Which operator is in which group; expires_at NULL means for good",
    )


def downgrade() -> None:
    op.drop_table_comment(
        "rbac_user_groups",
        existing_comment=(
            "Which operator is in which group; expires_at NULL means for good"
        ),
    )
    op.drop_index("ix_rbac_user_groups_expires_at", table_name="rbac_user_groups")
    op.drop_constraint(
        "ck_rbac_user_groups_expires_after_granted", "rbac_user_groups", type_="check"
    )
    op.drop_column("rbac_user_groups", "expires_at")
