"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.alter_column("orders", "code", type_=sa.String(50), existing_nullable=False)
    op.alter_column("orders", "total", type_=sa.String(50))


def downgrade():
    op.alter_column("orders", "total", type_=sa.String(20))
    op.alter_column("orders", "code", type_=sa.String(20), existing_nullable=False)
