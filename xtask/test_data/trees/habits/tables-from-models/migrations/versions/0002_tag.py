from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'


def upgrade():
    columns = [column['name'] for column in sa.inspect(op.get_bind()).get_columns('items')]
    if 'tag' not in columns:
        op.add_column('items', sa.Column('tag', sa.Text()))
        op.create_index('ix_items_tag', 'items', ['tag'])


def downgrade():
    op.drop_index('ix_items_tag', 'items')
    op.drop_column('items', 'tag')
