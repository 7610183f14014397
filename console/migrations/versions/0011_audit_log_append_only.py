"""audit log is append-only

Revision ID: 0011
Revises: 0010
Create Date: 2025-10-28 08:44:50.119273

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A trigger and not a REVOKE: the Console owns its tables, and an owner can
    # always give a privilege back to itself.
    op.execute(
        """
        CREATE FUNCTION console_audit_log_append_only() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'audit_log is append-only: % refused', TG_OP
                USING ERRCODE = 'insufficient_privilege';
        END;
        $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION console_audit_log_append_only() FROM PUBLIC")
    op.execute(
        """
        COMMENT ON FUNCTION console_audit_log_append_only() IS
        'Refuses whatever would change or remove a row of audit_log'
        """
    )
    op.execute(
        """
        CREATE TRIGGER trg_audit_log_no_update_delete
        BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION console_audit_log_append_only()
        """
    )
    # Row triggers do not fire for TRUNCATE.
    op.execute(
        """
        CREATE TRIGGER trg_audit_log_no_truncate
        BEFORE TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION console_audit_log_append_only()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER trg_audit_log_no_truncate ON audit_log")
    op.execute("DROP TRIGGER trg_audit_log_no_update_delete ON audit_log")
    op.execute("DROP FUNCTION console_audit_log_append_only()")
