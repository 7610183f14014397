"""keep updated_at current with a trigger

Revision ID: 0007
Revises: 0006
Create Date: 2025-08-19 10:02:58.530016

"""

from alembic import op

# revision identifiers, used by Alembic.
revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    # The support scripts write with plain SQL and kept forgetting updated_at.
    op.execute(
        """
        CREATE FUNCTION console_touch_updated_at() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN
            NEW.updated_at := now();
            RETURN NEW;
        END;
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER trg_admins_touch_updated_at
        BEFORE UPDATE ON admins
        FOR EACH ROW EXECUTE FUNCTION console_touch_updated_at()
        """
    )
    op.execute(
        """
        CREATE TRIGGER trg_feature_flags_touch_updated_at
        BEFORE UPDATE ON feature_flags
        FOR EACH ROW EXECUTE FUNCTION console_touch_updated_at()
        """
    )


def downgrade():
    op.execute("DROP TRIGGER trg_feature_flags_touch_updated_at ON feature_flags")
    op.execute("DROP TRIGGER trg_admins_touch_updated_at ON admins")
    op.execute("DROP FUNCTION console_touch_updated_at()")
