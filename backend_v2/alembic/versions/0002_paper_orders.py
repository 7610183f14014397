"""paper orders

Revision ID: 0002
Revises: 0001
Create Date: 2025-08-19 15:06:51.774930

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "paper_orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        # NULL is a market order.
        sa.Column("limit_price", sa.Numeric(18, 6), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="new", nullable=False),
        sa.Column(
            "placed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_paper_orders"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_paper_orders_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name="ck_paper_orders_side"),
        sa.CheckConstraint("quantity > 0", name="ck_paper_orders_quantity"),
    )
    op.create_index("ix_paper_orders_account_id", "paper_orders", ["account_id"])

    # raptor_app is provisioned with the database, outside of Alembic.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON paper_orders TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE paper_orders_id_seq TO raptor_app;")


def downgrade():
    op.drop_index("ix_paper_orders_account_id", table_name="paper_orders")
    op.drop_table("paper_orders")
