"""audit events

Revision ID: 0011
Revises: 0010
Create Date: 2025-12-12 17:31:55.248690

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0011"
down_revision: Union[str, None] = "0010"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_id", sa.String(length=64), nullable=True),
        sa.Column(
            "payload",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What changed, as the service saw it; never credentials",
        ),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
        # The trail outlives the account.
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_audit_events_account_id_accounts",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "jsonb_typeof(payload) = 'object'", name="ck_audit_events_payload"
        ),
        comment="Append-only: the application may not change or delete what it wrote",
    )
    op.create_index(
        "ix_audit_events_subject", "audit_events", ["subject_type", "subject_id"]
    )
    op.create_index(
        "ix_audit_events_payload", "audit_events", ["payload"], postgresql_using="gin"
    )
    # Rows arrive in order of time, so a block range index is all that a report needs.
    op.create_index(
        "ix_audit_events_occurred_at",
        "audit_events",
        ["occurred_at"],
        postgresql_using="brin",
    )

    op.execute("GRANT SELECT, INSERT ON audit_events TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE audit_events_id_seq TO raptor_app;")


def downgrade() -> None:
    op.drop_index("ix_audit_events_occurred_at", table_name="audit_events")
    op.drop_index("ix_audit_events_payload", table_name="audit_events")
    op.drop_index("ix_audit_events_subject", table_name="audit_events")
    op.drop_table("audit_events")
