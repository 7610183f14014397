"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None


def upgrade():
    op.create_table("users", sa.Column("id", sa.Uuid, server_default=sa.text("gen_random_uuid()"), primary_key=True), schema="app")
    op.execute("GRANT SELECT ON app.users TO reader_of_app")


def downgrade():
    op.drop_table("users", schema="app")
