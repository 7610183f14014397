"""touch updated_at

Revision ID: 0006
Revises: 0005
Create Date: 2025-10-08 09:15:44.882376

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    # Three services write these tables and one of them forgot the column: the
    # database keeps it from here on.
    op.execute(
        """
        CREATE FUNCTION touch_updated_at() RETURNS trigger
        LANGUAGE plpgsql
        AS $$
        BEGIN
            NEW.updated_at := now();
            RETURN NEW;
        END;
        $$
        """
    )
    op.execute("GRANT EXECUTE ON FUNCTION touch_updated_at() TO raptor_app;")

    op.execute(
        """
        CREATE TRIGGER trg_accounts_touch_updated_at
        BEFORE UPDATE ON accounts
        FOR EACH ROW EXECUTE FUNCTION touch_updated_at()
        """
    )
    op.execute(
        """
        CREATE TRIGGER trg_strategies_touch_updated_at
        BEFORE UPDATE ON strategies
        FOR EACH ROW EXECUTE FUNCTION touch_updated_at()
        """
    )


def downgrade():
    op.execute("DROP TRIGGER trg_strategies_touch_updated_at ON strategies")
    op.execute("DROP TRIGGER trg_accounts_touch_updated_at ON accounts")
    op.execute("DROP FUNCTION touch_updated_at()")
