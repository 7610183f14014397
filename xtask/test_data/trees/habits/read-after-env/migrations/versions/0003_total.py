from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'


def upgrade():
    op.add_column('orders', sa.Column('total', sa.Integer()))


def downgrade():
    op.drop_column('orders', 'total')
