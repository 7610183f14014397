"""strategy status archived

Revision ID: 0027
Revises: 0026
Create Date: 2026-06-16 16:21:38.559203

"""
from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0027"
down_revision: Union[str, None] = "0026"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Only added here: a new label cannot be used before its transaction has ended.
    op.execute("ALTER TYPE strategy_status ADD VALUE 'archived' AFTER 'retired'")


def downgrade() -> None:
    # Postgres cannot take a label away, so the type is built anew without it. What was
    # archived becomes retired, in the cast: an UPDATE would touch updated_at.
    op.execute("ALTER TYPE strategy_status RENAME TO strategy_status_with_archived")
    op.execute(
        "CREATE TYPE strategy_status AS ENUM ('draft', 'active', 'paused', 'retired')"
    )
    op.execute("ALTER TABLE strategies ALTER COLUMN status DROP DEFAULT")
    op.execute(
        """
        ALTER TABLE strategies ALTER COLUMN status TYPE strategy_status
        USING replace(status::text, 'archived', 'retired')::strategy_status
        """
    )
    op.execute("ALTER TABLE strategies ALTER COLUMN status SET DEFAULT 'draft'")
    op.execute("DROP TYPE strategy_status_with_archived")
