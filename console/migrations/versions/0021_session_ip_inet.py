"""admin_sessions.ip_address from text to inet

Revision ID: 0021
Revises: 0020
Create Date: 2026-04-28 10:58:02.347561

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0021"
down_revision: Union[str, None] = "0020"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # An old proxy wrote "unknown" and worse into this column, and a cast that
    # fails takes the whole ALTER TABLE with it. Such values become NULL; what
    # stood there is kept aside, so that the way back restores it.
    # audit_log.ip_address stays text: what was logged is kept as it was.
    op.create_table(
        "admin_session_ip_texts",
        sa.Column("session_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("ip_address", sa.String(length=45), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_admin_session_ip_texts"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["admin_sessions.id"],
            name="fk_admin_session_ip_texts_session_id",
            ondelete="CASCADE",
        ),
    )
    op.execute(
        """
        CREATE FUNCTION console_try_inet(value text) RETURNS inet
        LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            RETURN btrim(value)::inet;
        EXCEPTION WHEN invalid_text_representation THEN
            RETURN NULL;
        END;
        $$
        """
    )
    op.execute(
        """
        INSERT INTO admin_session_ip_texts (session_id, ip_address)
        SELECT id, ip_address
        FROM admin_sessions
        WHERE ip_address IS DISTINCT FROM abbrev(console_try_inet(ip_address))
        """
    )
    op.alter_column(
        "admin_sessions",
        "ip_address",
        existing_type=sa.String(length=45),
        type_=postgresql.INET(),
        existing_nullable=True,
        postgresql_using="console_try_inet(ip_address)",
    )
    # Only the conversion needed it.
    op.execute("DROP FUNCTION console_try_inet(text)")


def downgrade() -> None:
    # abbrev() writes a host without the /32 that a cast to text would add.
    op.alter_column(
        "admin_sessions",
        "ip_address",
        existing_type=postgresql.INET(),
        type_=sa.String(length=45),
        existing_nullable=True,
        postgresql_using="abbrev(ip_address)",
    )
    op.execute(
        """
        UPDATE admin_sessions
        SET ip_address = texts.ip_address
        FROM admin_session_ip_texts AS texts
        WHERE texts.session_id = admin_sessions.id
        """
    )
    op.drop_table("admin_session_ip_texts")
