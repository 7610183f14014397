import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    with op.batch_alter_table("task") as batch:
        batch.alter_column("name", type_=sa.String(30), existing_nullable=True)
        batch.alter_column("started", type_=sa.String(30), existing_nullable=True)
        batch.alter_column("ended", type_=sa.String(30), existing_nullable=True)


def downgrade():
    with op.batch_alter_table("task") as batch:
        batch.alter_column(
            "started",
            type_=sa.VARCHAR(),
            existing_nullable=True,
        )
        batch.alter_column(
            "name",
            type_=sa.VARCHAR(),
            existing_nullable=True,
        )
    with op.batch_alter_table("task") as batch:
        batch.alter_column("ended", type_=sa.VARCHAR(), existing_nullable=True)
