"""audit log payload from json to jsonb

Revision ID: 0012
Revises: 0011
Create Date: 2025-11-11 12:36:44.650381

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Left in place, the default would live on as '{}'::json with a cast to
    # jsonb around it.
    op.alter_column("audit_log", "payload", server_default=None)
    # Rewriting the table fires no row trigger, the append-only rule of 0011
    # stays in force.
    op.alter_column(
        "audit_log",
        "payload",
        existing_type=sa.JSON(),
        type_=postgresql.JSONB(astext_type=sa.Text()),
        existing_nullable=False,
        postgresql_using="payload::jsonb",
    )
    op.alter_column("audit_log", "payload", server_default=sa.text("'{}'::jsonb"))


def downgrade() -> None:
    op.alter_column("audit_log", "payload", server_default=None)
    op.alter_column(
        "audit_log",
        "payload",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        type_=sa.JSON(),
        existing_nullable=False,
        postgresql_using="payload::json",
    )
    op.alter_column("audit_log", "payload", server_default=sa.text("'{}'::json"))
