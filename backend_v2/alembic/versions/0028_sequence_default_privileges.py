"""default privileges on sequences

Revision ID: 0028
Revises: 0027
Create Date: 2026-06-19 10:54:12.871190

"""
from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0028"
down_revision: Union[str, None] = "0027"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # A table without the grant on its sequence fails at the first INSERT, in
    # production. Tables still get theirs one by one: which verbs is a decision.
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        " GRANT USAGE ON SEQUENCES TO raptor_app;"
    )


def downgrade() -> None:
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        " REVOKE USAGE ON SEQUENCES FROM raptor_app;"
    )
