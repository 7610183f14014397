"""row-level security on support notes

Revision ID: 0026
Revises: 0025
Create Date: 2026-05-12 15:19:36.492087

"""

from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0026"
down_revision: Union[str, None] = "0025"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Private notes were hidden by the UI alone, and the reporting connection
    # goes past the UI. The Console owns the table, so its own jobs are not
    # held to the policies (no FORCE). The policies are for PUBLIC: what the
    # reporting role is called differs between environments.
    op.execute("ALTER TABLE support_notes ENABLE ROW LEVEL SECURITY")
    op.execute(
        """
        CREATE POLICY support_notes_read ON support_notes
        FOR SELECT TO PUBLIC
        USING (
            visibility = 'team'
            OR author_id::text = current_setting('console.admin_id', true)
        )
        """
    )
    op.execute(
        """
        CREATE POLICY support_notes_write ON support_notes
        FOR UPDATE TO PUBLIC
        USING (author_id::text = current_setting('console.admin_id', true))
        WITH CHECK (author_id::text = current_setting('console.admin_id', true))
        """
    )
    op.execute(
        """
        COMMENT ON POLICY support_notes_read ON support_notes IS
        'Team notes for everyone, private ones for their author'
        """
    )


def downgrade() -> None:
    op.execute("DROP POLICY support_notes_write ON support_notes")
    op.execute("DROP POLICY support_notes_read ON support_notes")
    op.execute("ALTER TABLE support_notes DISABLE ROW LEVEL SECURITY")
