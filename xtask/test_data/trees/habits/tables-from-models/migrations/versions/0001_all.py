from alembic import op

import models

revision = '0001'
down_revision = None


def upgrade():
    models.metadata.create_all(op.get_bind())


def downgrade():
    models.metadata.drop_all(op.get_bind())
