from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("LOCK TABLE parts IN ACCESS EXCLUSIVE MODE")
    op.create_index("parts_code", "parts", ["code"])


def downgrade():
    op.drop_index("parts_code", "parts")
