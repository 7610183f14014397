"""feature flag change history

Revision ID: 0008
Revises: 0007
Create Date: 2025-09-09 14:27:31.204689

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Made by 0006, only used here.
feature_flag_state = postgresql.ENUM(
    "off", "on", "percentage", name="feature_flag_state", create_type=False
)


def upgrade():
    op.create_table(
        "feature_flag_changes",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("flag_key", sa.String(length=80), nullable=False),
        sa.Column("changed_by", postgresql.UUID(as_uuid=False), nullable=True),
        # NULL for the change that made the flag.
        sa.Column("old_state", feature_flag_state, nullable=True),
        sa.Column("new_state", feature_flag_state, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_feature_flag_changes"),
        sa.ForeignKeyConstraint(
            ["flag_key"],
            ["feature_flags.key"],
            name="fk_feature_flag_changes_flag_key_feature_flags",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"],
            ["admins.id"],
            name="fk_feature_flag_changes_changed_by_admins",
            ondelete="SET NULL",
        ),
    )
    op.create_index(
        "ix_feature_flag_changes_flag_key_changed_at",
        "feature_flag_changes",
        ["flag_key", sa.text("changed_at DESC")],
    )


def downgrade():
    op.drop_index(
        "ix_feature_flag_changes_flag_key_changed_at",
        table_name="feature_flag_changes",
    )
    op.drop_table("feature_flag_changes")
