"""support notes

Revision ID: 0010
Revises: 0009
Create Date: 2025-10-14 17:11:03.765920

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "support_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("author_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "visibility",
            sa.String(length=10),
            server_default=sa.text("'team'"),
            nullable=False,
            comment="team: every operator; private: the author only",
        ),
        sa.Column(
            "is_pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "edited_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="NULL until the note is edited for the first time",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_support_notes"),
        # A customer's right to erasure takes the notes along.
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_support_notes_customer_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["admins.id"],
            name="fk_support_notes_author_id_admins",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "visibility IN ('team', 'private')", name="ck_support_notes_visibility"
        ),
        sa.CheckConstraint("btrim(body) <> ''", name="ck_support_notes_body_not_blank"),
        comment="What operators write down about a customer; never shown to them",
    )
    op.create_index(
        "ix_support_notes_customer_id_created_at",
        "support_notes",
        ["customer_id", "created_at"],
    )
    op.create_index("ix_support_notes_author_id", "support_notes", ["author_id"])


def downgrade() -> None:
    op.drop_index("ix_support_notes_author_id", table_name="support_notes")
    op.drop_index("ix_support_notes_customer_id_created_at", table_name="support_notes")
    op.drop_table("support_notes")
