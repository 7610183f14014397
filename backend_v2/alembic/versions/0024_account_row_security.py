"""row security by account

Revision ID: 0024
Revises: 0023
Create Date: 2026-06-05 15:47:21.980154

"""
from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0024"
down_revision: Union[str, None] = "0023"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # The API sets raptor.account_id at the start of each request; without it a query
    # sees nothing. Not FORCEd: migrations and reports run as the owner and see it all.
    op.execute("ALTER TABLE watchlists ENABLE ROW LEVEL SECURITY")
    op.execute(
        """
        CREATE POLICY pol_watchlists_account ON watchlists
        FOR ALL TO raptor_app
        USING (
            account_id
                = nullif(current_setting('raptor.account_id', true), '')::integer
        )
        """
    )

    # Items have no account of their own: whoever sees the list sees what is on it.
    op.execute("ALTER TABLE watchlist_items ENABLE ROW LEVEL SECURITY")
    op.execute(
        """
        CREATE POLICY pol_watchlist_items_account ON watchlist_items
        FOR ALL TO raptor_app
        USING (
            EXISTS (
                SELECT 1 FROM watchlists w WHERE w.id = watchlist_items.watchlist_id
            )
        )
        """
    )

    op.execute("ALTER TABLE mbt_paper_sessions ENABLE ROW LEVEL SECURITY")
    op.execute(
        """
        CREATE POLICY pol_mbt_paper_sessions_account ON mbt_paper_sessions
        FOR ALL TO raptor_app
        USING (
            account_id
                = nullif(current_setting('raptor.account_id', true), '')::integer
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP POLICY pol_mbt_paper_sessions_account ON mbt_paper_sessions")
    op.execute("ALTER TABLE mbt_paper_sessions DISABLE ROW LEVEL SECURITY")
    op.execute("DROP POLICY pol_watchlist_items_account ON watchlist_items")
    op.execute("ALTER TABLE watchlist_items DISABLE ROW LEVEL SECURITY")
    op.execute("DROP POLICY pol_watchlists_account ON watchlists")
    op.execute("ALTER TABLE watchlists DISABLE ROW LEVEL SECURITY")
