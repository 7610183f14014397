"""incident evidence: audit log entries pinned to an incident

Revision ID: 0036
Revises: 0035
Create Date: 2026-05-22 15:13:06.447932

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0036"
down_revision: Union[str, None] = "0035"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "incident_evidence",
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("audit_log_id", sa.BigInteger(), nullable=False),
        sa.Column("pinned_by", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "pinned_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "incident_id", "audit_log_id", name="pk_incident_evidence"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident_log.id"],
            name="fk_incident_evidence_incident_id_incident_log",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["audit_log_id"],
            ["audit_log.id"],
            name="fk_incident_evidence_audit_log_id_audit_log",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["pinned_by"],
            ["admins.id"],
            name="fk_incident_evidence_pinned_by_admins",
            ondelete="SET NULL",
        ),
    )
    op.create_index(
        "ix_incident_evidence_audit_log_id", "incident_evidence", ["audit_log_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_incident_evidence_audit_log_id", table_name="incident_evidence")
    op.drop_table("incident_evidence")
