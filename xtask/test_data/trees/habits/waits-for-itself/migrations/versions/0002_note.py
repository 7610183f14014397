from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'


def upgrade():
    op.add_column('orders', sa.Column('note', sa.Text()))
    with op.get_bind().engine.connect() as connection:
        connection.execute(sa.text('SELECT count(*) FROM orders'))


def downgrade():
    op.drop_column('orders', 'note')
