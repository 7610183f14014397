"""admin directory: backup codes left

Revision ID: 0042
Revises: 0041
Create Date: 2026-06-05 14:24:30.259817

"""

from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0042"
down_revision: Union[str, None] = "0041"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # OR REPLACE may add columns at the end, and keeps comment and grants.
    op.execute(
        """
        CREATE OR REPLACE VIEW admin_directory AS
        SELECT
            a.id,
            a.email,
            a.display_name,
            a.disabled_at IS NOT NULL AS is_disabled,
            ARRAY(
                SELECT g.slug
                FROM rbac_user_groups ug
                JOIN rbac_groups g ON g.id = ug.group_id
                WHERE ug.admin_id = a.id
                ORDER BY g.slug
            ) AS groups,
            (
                SELECT max(s.last_seen_at)
                FROM admin_sessions s
                WHERE s.admin_id = a.id
            ) AS last_seen_at,
            (
                SELECT count(*)
                FROM auth_backup_codes c
                WHERE c.admin_id = a.id
                  AND c.used_at IS NULL
                  AND c.retired_at IS NULL
            ) AS backup_codes_left
        FROM admins a
        """
    )


def downgrade() -> None:
    # OR REPLACE cannot take a column away: the view of 0030 is made again, with
    # its comment and its grant.
    op.execute("DROP VIEW admin_directory")
    op.execute(
        """
        CREATE VIEW admin_directory AS
        SELECT
            a.id,
            a.email,
            a.display_name,
            a.disabled_at IS NOT NULL AS is_disabled,
            ARRAY(
                SELECT g.slug
                FROM rbac_user_groups ug
                JOIN rbac_groups g ON g.id = ug.group_id
                WHERE ug.admin_id = a.id
                ORDER BY g.slug
            ) AS groups,
            (
                SELECT max(s.last_seen_at)
                FROM admin_sessions s
                WHERE s.admin_id = a.id
            ) AS last_seen_at
        FROM admins a
        """
    )
    op.execute(
        """
        COMMENT ON VIEW admin_directory IS
        'Who the operators are and what they belong to, for reports'
        """
    )
    op.execute("GRANT SELECT ON admin_directory TO PUBLIC")
