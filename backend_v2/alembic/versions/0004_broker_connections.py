"""broker connections

Revision ID: 0004
Revises: 0003
Create Date: 2025-09-15 10:33:28.640018

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

broker_connection_state = postgresql.ENUM(
    "pending",
    "connected",
    "expired",
    "revoked",
    name="broker_connection_state",
    create_type=False,
)


def upgrade():
    broker_connection_state.create(op.get_bind(), checkfirst=False)

    op.create_table(
        "broker_connections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("broker", sa.String(length=40), nullable=False),
        sa.Column("external_account", sa.String(length=64), nullable=False),
        sa.Column(
            "state", broker_connection_state, server_default="pending", nullable=False
        ),
        sa.Column(
            "is_default", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        # Where the vault keeps the credentials. They are never stored here.
        sa.Column("credentials_ref", sa.String(length=200), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_broker_connections"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_broker_connections_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "account_id",
            "broker",
            "external_account",
            name="uq_broker_connections_account_id_broker_external_account",
        ),
    )
    # Any number of connections, at most one of them the default.
    op.create_index(
        "uq_broker_connections_default",
        "broker_connections",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )

    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON broker_connections TO raptor_app;"
    )
    op.execute("GRANT USAGE ON SEQUENCE broker_connections_id_seq TO raptor_app;")


def downgrade():
    op.drop_index("uq_broker_connections_default", table_name="broker_connections")
    op.drop_table("broker_connections")
    broker_connection_state.drop(op.get_bind(), checkfirst=False)
