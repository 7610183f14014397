"""admin directory view

Revision ID: 0030
Revises: 0029
Create Date: 2026-05-18 14:02:47.390826

"""

from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0030"
down_revision: Union[str, None] = "0029"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
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
    # Nothing in here is a secret between the roles of this database.
    op.execute("GRANT SELECT ON admin_directory TO PUBLIC")


def downgrade() -> None:
    op.execute("DROP VIEW admin_directory")
