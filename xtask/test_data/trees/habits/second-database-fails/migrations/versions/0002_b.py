from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'


def upgrade(engine_name):
    globals()[f"upgrade_{engine_name}"]()


def downgrade(engine_name):
    globals()[f"downgrade_{engine_name}"]()


def upgrade_main():
    op.add_column("item", sa.Column("note", sa.Text))


def downgrade_main():
    op.drop_column("item", "note")


def upgrade_stats():
    op.execute("CREATE TABLE hits (id int)")


def downgrade_stats():
    pass
