"""alerts

Revision ID: 0010
Revises: 0009
Create Date: 2025-12-01 10:02:46.963411

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("threshold", sa.Numeric(18, 6), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("triggered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_alerts_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_alerts_instrument_id_instruments",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "condition IN ('above', 'below', 'crosses')", name="ck_alerts_condition"
        ),
        sa.CheckConstraint(
            "channel IN ('email', 'push', 'sms')", name="ck_alerts_channel"
        ),
    )
    op.create_index("ix_alerts_account_id", "alerts", ["account_id"])
    # Every tick asks for the armed alerts of one instrument.
    op.create_index(
        "ix_alerts_armed",
        "alerts",
        ["instrument_id", "threshold"],
        postgresql_where=sa.text("is_active AND triggered_at IS NULL"),
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON alerts TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE alerts_id_seq TO raptor_app;")


def downgrade():
    op.drop_index("ix_alerts_armed", table_name="alerts")
    op.drop_index("ix_alerts_account_id", table_name="alerts")
    op.drop_table("alerts")
