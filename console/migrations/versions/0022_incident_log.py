"""incident log

Two branches had been cut from 0021 and made two heads. Repaired by the hotfix
#1548: this revision sits on 0021, and 0023 on this one.

Revision ID: 0022
Revises: 0021
Create Date: 2026-05-08 09:24:13.540872

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0022"
down_revision: Union[str, None] = "0021"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

incident_severity = postgresql.ENUM(
    "sev1", "sev2", "sev3", name="incident_severity", create_type=False
)


def upgrade() -> None:
    incident_severity.create(op.get_bind(), checkfirst=False)

    op.create_table(
        "incident_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("severity", incident_severity, nullable=False),
        sa.Column("opened_by", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "opened_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("resolved_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_incident_log"),
        sa.ForeignKeyConstraint(
            ["opened_by"],
            ["admins.id"],
            name="fk_incident_log_opened_by_admins",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "resolved_at >= opened_at", name="ck_incident_log_resolved_after_opened"
        ),
    )
    op.create_index(
        "ix_incident_log_unresolved",
        "incident_log",
        ["severity", "opened_at"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )

    op.create_table(
        "incident_log_updates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incident_log_updates"),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident_log.id"],
            name="fk_incident_log_updates_incident_id_incident_log",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["admins.id"],
            name="fk_incident_log_updates_author_id_admins",
            ondelete="SET NULL",
        ),
    )
    op.create_index(
        "ix_incident_log_updates_incident_id_created_at",
        "incident_log_updates",
        ["incident_id", "created_at"],
    )


def downgrade() -> None:
    op.drop_index(
        "ix_incident_log_updates_incident_id_created_at",
        table_name="incident_log_updates",
    )
    op.drop_table("incident_log_updates")
    op.drop_index("ix_incident_log_unresolved", table_name="incident_log")
    op.drop_table("incident_log")

    incident_severity.drop(op.get_bind(), checkfirst=False)
