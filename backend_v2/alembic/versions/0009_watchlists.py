"""watchlists

Revision ID: 0009
Revises: 0008
Create Date: 2025-11-17 14:25:11.530782

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "watchlists",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_watchlists"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_watchlists_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("account_id", "name", name="uq_watchlists_account_id_name"),
        # Deferred, so that reordering may swap two lists within a transaction.
        sa.UniqueConstraint(
            "account_id",
            "position",
            name="uq_watchlists_account_id_position",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_table(
        "watchlist_items",
        sa.Column("watchlist_id", sa.Integer(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "watchlist_id", "instrument_id", name="pk_watchlist_items"
        ),
        sa.ForeignKeyConstraint(
            ["watchlist_id"],
            ["watchlists.id"],
            name="fk_watchlist_items_watchlist_id_watchlists",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_watchlist_items_instrument_id_instruments",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_watchlist_items_instrument_id", "watchlist_items", ["instrument_id"]
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON watchlists TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE watchlists_id_seq TO raptor_app;")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON watchlist_items TO raptor_app;")


def downgrade():
    op.drop_index("ix_watchlist_items_instrument_id", table_name="watchlist_items")
    op.drop_table("watchlist_items")
    op.drop_table("watchlists")
