from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'


def upgrade():
    if not sa.inspect(op.get_bind()).has_table('notes'):
        op.create_table('notes', sa.Column('id', sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table('notes')
