import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()


def upgrade_engine1():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_engine1():
    op.drop_table("item")


def upgrade_engine2():
    op.create_table("hit", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_engine2():
    op.drop_table("hit")
