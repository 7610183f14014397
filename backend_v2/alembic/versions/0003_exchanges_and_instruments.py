"""exchanges and instruments

Revision ID: 0003
Revises: 0002
Create Date: 2025-08-26 11:20:03.091547

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    exchanges = op.create_table(
        "exchanges",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("country", sa.CHAR(length=2), nullable=False),
        sa.Column("timezone", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_exchanges"),
    )
    op.bulk_insert(
        exchanges,
        [
            {
                "code": "XNYS",
                "name": "New York Stock Exchange",
                "country": "US",
                "timezone": "America/New_York",
            },
            {
                "code": "XNAS",
                "name": "Nasdaq",
                "country": "US",
                "timezone": "America/New_York",
            },
            {
                "code": "XCBO",
                "name": "Cboe Options Exchange",
                "country": "US",
                "timezone": "America/Chicago",
            },
        ],
    )

    op.create_table(
        "instruments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exchange_code", sa.String(length=12), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("asset_class", sa.String(length=16), nullable=False),
        sa.Column("tick_size", sa.Numeric(12, 6), nullable=True),
        sa.Column(
            "is_tradable", sa.Boolean(), server_default=sa.true(), nullable=False
        ),
        sa.Column("listed_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_instruments"),
        # A market identifier is sometimes reassigned, so the code may change.
        sa.ForeignKeyConstraint(
            ["exchange_code"],
            ["exchanges.code"],
            name="fk_instruments_exchange_code_exchanges",
            onupdate="CASCADE",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "exchange_code", "symbol", name="uq_instruments_exchange_code_symbol"
        ),
        sa.CheckConstraint(
            "asset_class IN ('equity', 'etf', 'option', 'future', 'crypto')",
            name="ck_instruments_asset_class",
        ),
        sa.CheckConstraint("tick_size > 0", name="ck_instruments_tick_size"),
    )
    # Search is by symbol in whatever case the user types it.
    op.create_index(
        "ix_instruments_symbol_lower", "instruments", [sa.text("lower(symbol)")]
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON exchanges TO raptor_app;")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON instruments TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE instruments_id_seq TO raptor_app;")
    # accounts is older than the role. It is closed, never deleted, by the application.
    op.execute("GRANT SELECT, INSERT, UPDATE ON accounts TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE accounts_id_seq TO raptor_app;")


def downgrade():
    op.execute("REVOKE USAGE ON SEQUENCE accounts_id_seq FROM raptor_app;")
    op.execute("REVOKE SELECT, INSERT, UPDATE ON accounts FROM raptor_app;")
    op.drop_index("ix_instruments_symbol_lower", table_name="instruments")
    op.drop_table("instruments")
    op.drop_table("exchanges")
