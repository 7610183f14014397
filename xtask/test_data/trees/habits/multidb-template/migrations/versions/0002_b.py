import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = '0001'


def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()


def upgrade_engine1():
    op.add_column("item", sa.Column("note", sa.Text))


def downgrade_engine1():
    op.drop_column("item", "note")


def upgrade_engine2():
    op.add_column("hit", sa.Column("note", sa.Text))


def downgrade_engine2():
    op.drop_column("hit", "note")
