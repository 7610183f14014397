"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
<%!
    # Alembic hands over Python values; the tree writes them with double quotes.
    def literal(value):
        return repr(value).replace("'", '"')
%>\
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
# revision identifiers, used by Alembic.
revision: str = ${literal(up_revision)}
down_revision: Union[str, None] = ${literal(down_revision)}
branch_labels: Union[str, Sequence[str], None] = ${literal(branch_labels)}
depends_on: Union[str, Sequence[str], None] = ${literal(depends_on)}


def upgrade() -> None:
    # A new table needs its grants here, and those of its sequence:
    #   GRANT SELECT, INSERT, UPDATE, DELETE ON <table> TO raptor_app;
    #   GRANT USAGE ON SEQUENCE <table>_id_seq TO raptor_app;
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    # Takes back exactly what upgrade() did: types, functions and triggers too.
    ${downgrades if downgrades else "pass"}
