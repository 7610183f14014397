"""audit log: legal holds

Revision ID: 0044
Revises: 0043
Create Date: 2026-06-12 15:40:26.312479

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0044"
down_revision: Union[str, None] = "0043"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "audit_log_legal_holds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_ref", sa.String(length=60), nullable=False),
        # What is held; an open end means "from then on".
        sa.Column("period", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("customer_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("placed_by", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "placed_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("released_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log_legal_holds"),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_audit_log_legal_holds_customer_id_customers",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["placed_by"],
            ["admins.id"],
            name="fk_audit_log_legal_holds_placed_by_admins",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("case_ref", name="uq_audit_log_legal_holds_case_ref"),
        sa.CheckConstraint(
            "NOT isempty(period)", name="ck_audit_log_legal_holds_period_not_empty"
        ),
    )
    op.create_index(
        "ix_audit_log_legal_holds_period",
        "audit_log_legal_holds",
        ["period"],
        postgresql_using="gist",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table_comment(
        "audit_log", "What operators did; rows under a legal hold are never archived"
    )


def downgrade() -> None:
    op.drop_table_comment(
        "audit_log",
        existing_comment=(
            "What operators did; rows under a legal hold are never archived"
        ),
    )
    op.drop_index("ix_audit_log_legal_holds_period", table_name="audit_log_legal_holds")
    op.drop_table("audit_log_legal_holds")
