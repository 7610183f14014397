from alembic import op
import sqlalchemy as sa

import settings

revision = '0002'
down_revision = '0001'


def upgrade():
    op.add_column(settings.TABLE, sa.Column('note', sa.Text()))
    op.create_index('ix_orders_id', settings.TABLE, ['id'])


def downgrade():
    op.drop_column(settings.TABLE, 'note')
