import sqlalchemy as sa
from alembic import op
from models import Person
from sqlalchemy.orm import Session

revision = "0003"
down_revision = "0002"


def upgrade():
    Session(op.get_bind()).query(Person).all()


def downgrade():
    pass
