"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
<%!
    def quoted(value):
        return '"%s"' % value if isinstance(value, str) else repr(value)
%>
from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

# revision identifiers, used by Alembic.
revision: str = ${quoted(up_revision)}
down_revision: Union[str, None] = ${quoted(down_revision)}
branch_labels: Union[str, Sequence[str], None] = ${quoted(branch_labels)}
depends_on: Union[str, Sequence[str], None] = ${quoted(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    # Take back exactly what upgrade() did: the gate steps every new revision
    # down and up again.
    ${downgrades if downgrades else "pass"}
