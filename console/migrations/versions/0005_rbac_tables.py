"""rbac: permissions, groups, memberships

Revision ID: 0005
Revises: 0004
Create Date: 2025-07-22 11:05:39.617802

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    permissions = op.create_table(
        "rbac_permissions",
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_rbac_permissions"),
        sa.CheckConstraint(
            "code = lower(code)", name="ck_rbac_permissions_code_lowercase"
        ),
    )
    op.create_table(
        "rbac_groups",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        # System groups are seeded by migrations and cannot be edited in the UI.
        sa.Column(
            "is_system", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_rbac_groups"),
        sa.UniqueConstraint("slug", name="uq_rbac_groups_slug"),
    )
    op.create_table(
        "rbac_group_permissions",
        sa.Column("group_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("permission_code", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint(
            "group_id", "permission_code", name="pk_rbac_group_permissions"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["rbac_groups.id"],
            name="fk_rbac_group_permissions_group_id_rbac_groups",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["permission_code"],
            ["rbac_permissions.code"],
            name="fk_rbac_group_permissions_permission_code_rbac_permissions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "rbac_user_groups",
        sa.Column("admin_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("group_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("granted_by", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "granted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("admin_id", "group_id", name="pk_rbac_user_groups"),
        sa.ForeignKeyConstraint(
            ["admin_id"],
            ["admins.id"],
            name="fk_rbac_user_groups_admin_id_admins",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["rbac_groups.id"],
            name="fk_rbac_user_groups_group_id_rbac_groups",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"],
            ["admins.id"],
            name="fk_rbac_user_groups_granted_by_admins",
            ondelete="SET NULL",
        ),
    )
    op.create_index("ix_rbac_user_groups_group_id", "rbac_user_groups", ["group_id"])

    # The codes are checked by name in the Console, so they ship with the schema.
    op.bulk_insert(
        permissions,
        [
            {"code": "admins.read", "description": "See operators and their sessions"},
            {"code": "admins.write", "description": "Invite and disable operators"},
            {"code": "audit.read", "description": "Read the audit log"},
            {"code": "flags.read", "description": "See feature flags"},
            {"code": "flags.write", "description": "Change feature flags"},
            {"code": "rbac.manage", "description": "Edit groups and memberships"},
        ],
    )


def downgrade():
    op.drop_index("ix_rbac_user_groups_group_id", table_name="rbac_user_groups")
    op.drop_table("rbac_user_groups")
    op.drop_table("rbac_group_permissions")
    op.drop_table("rbac_groups")
    op.drop_table("rbac_permissions")
