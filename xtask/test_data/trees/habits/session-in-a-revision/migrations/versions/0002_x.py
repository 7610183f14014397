"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    from sqlalchemy import orm

    session = orm.Session(bind=op.get_bind())
    users = sa.table("users", sa.column("id", sa.Integer), sa.column("name", sa.Text))
    session.execute(users.update().where(users.c.name.is_(None)).values(name="nobody"))
    session.commit()
    op.alter_column("users", "name", nullable=False)


def downgrade():
    op.alter_column("users", "name", nullable=True)
