"""seed the raxx-platform-owners group and enrol the operator

Needs the operator's row in admins, and a live connection to look it up (no
--sql): on production it was made by hand long before this revision.

Revision ID: 0016
Revises: 0015
Create Date: 2026-01-27 14:50:33.926147

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

GROUP_SLUG = "raxx-platform-owners"
OPERATOR_EMAIL = "kris@moosequest.net"


def upgrade() -> None:
    bind = op.get_bind()

    # 1. The group. downgrade() leaves it in place, so it may be there already.
    bind.execute(
        sa.text(
            """
            INSERT INTO rbac_groups (slug, name, description, is_system)
            VALUES (:slug, 'Raxx platform owners', 'May do everything', true)
            ON CONFLICT (slug) DO NOTHING
            """
        ),
        {"slug": GROUP_SLUG},
    )

    # 2. Every permission that exists so far.
    bind.execute(
        sa.text(
            """
            INSERT INTO rbac_group_permissions (group_id, permission_code)
            SELECT g.id, p.code
            FROM rbac_groups g CROSS JOIN rbac_permissions p
            WHERE g.slug = :slug
            ON CONFLICT (group_id, permission_code) DO NOTHING
            """
        ),
        {"slug": GROUP_SLUG},
    )

    # 3. The operator. A platform without an owner cannot be administered, so a
    #    missing row stops the migration instead of being skipped.
    admin_id = bind.execute(
        sa.text("SELECT id FROM admins WHERE email = :email"),
        {"email": OPERATOR_EMAIL},
    ).scalar()
    if admin_id is None:
        raise RuntimeError(
            f"0016 migration: operator '{OPERATOR_EMAIL}' not found in the admins table."
        )

    # 4. The membership.
    bind.execute(
        sa.text(
            """
            INSERT INTO rbac_user_groups (admin_id, group_id)
            SELECT :admin_id, id FROM rbac_groups WHERE slug = :slug
            ON CONFLICT (admin_id, group_id) DO NOTHING
            """
        ),
        {"admin_id": admin_id, "slug": GROUP_SLUG},
    )


def downgrade() -> None:
    # Only the membership: the group may have other members by now, and the
    # operator's row was never ours.
    op.get_bind().execute(
        sa.text(
            """
            DELETE FROM rbac_user_groups
            WHERE group_id = (SELECT id FROM rbac_groups WHERE slug = :slug)
              AND admin_id = (SELECT id FROM admins WHERE email = :email)
            """
        ),
        {"slug": GROUP_SLUG, "email": OPERATOR_EMAIL},
    )
