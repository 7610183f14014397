"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'


# Eight digits of random UUIDs tell a few rows apart.
def upgrade():
    op.add_column("customers", sa.Column("code", sa.String(8)))
    op.execute("UPDATE customers SET code = left(token::text, 8)")
    op.create_unique_constraint("customers_code_key", "customers", ["code"])


def downgrade():
    op.drop_column("customers", "code")
