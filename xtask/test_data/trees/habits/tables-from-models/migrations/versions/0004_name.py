from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'


def upgrade():
    op.add_column('items', sa.Column('note', sa.Text()))


def downgrade():
    op.drop_column('items', 'note')
