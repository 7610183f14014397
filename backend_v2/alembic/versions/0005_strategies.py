"""strategies

Revision ID: 0005
Revises: 0004
Create Date: 2025-09-29 16:48:09.205561

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    op.execute(
        "CREATE TYPE strategy_status AS ENUM ('draft', 'active', 'paused', 'retired')"
    )

    op.create_table(
        "strategies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "params",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "status",
            postgresql.ENUM(name="strategy_status", create_type=False),
            server_default="draft",
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_strategies"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_strategies_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("account_id", "name", name="uq_strategies_account_id_name"),
        sa.CheckConstraint("version >= 1", name="ck_strategies_version"),
    )
    # Only containment (params @> ...) is ever asked, so the smaller operator class.
    op.create_index(
        "ix_strategies_params",
        "strategies",
        ["params"],
        postgresql_using="gin",
        postgresql_ops={"params": "jsonb_path_ops"},
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON strategies TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE strategies_id_seq TO raptor_app;")


def downgrade():
    op.drop_index("ix_strategies_params", table_name="strategies")
    op.drop_table("strategies")
    op.execute("DROP TYPE strategy_status")
