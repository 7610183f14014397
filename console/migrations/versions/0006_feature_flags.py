"""feature flags

Revision ID: 0006
Revises: 0005
Create Date: 2025-08-12 16:40:22.391745

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

feature_flag_state = postgresql.ENUM(
    "off", "on", "percentage", name="feature_flag_state", create_type=False
)


def upgrade():
    feature_flag_state.create(op.get_bind(), checkfirst=False)

    op.create_table(
        "feature_flags",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column(
            "state",
            feature_flag_state,
            server_default=sa.text("'off'"),
            nullable=False,
        ),
        sa.Column("rollout_percent", sa.SmallInteger(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owner_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("key", name="pk_feature_flags"),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["admins.id"],
            name="fk_feature_flags_owner_id_admins",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "rollout_percent BETWEEN 0 AND 100",
            name="ck_feature_flags_rollout_percent_range",
        ),
        # A percentage only means something in the percentage state.
        sa.CheckConstraint(
            "(state = 'percentage') = (rollout_percent IS NOT NULL)",
            name="ck_feature_flags_rollout_percent_with_state",
        ),
    )
    op.create_index("ix_feature_flags_owner_id", "feature_flags", ["owner_id"])


def downgrade():
    op.drop_index("ix_feature_flags_owner_id", table_name="feature_flags")
    op.drop_table("feature_flags")

    feature_flag_state.drop(op.get_bind(), checkfirst=False)
