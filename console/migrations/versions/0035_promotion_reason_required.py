"""a strategy promotion needs a reason

Revision ID: 0035
Revises: 0034
Create Date: 2026-05-22 08:57:14.301265

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0035"
down_revision: Union[str, None] = "0034"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # A phrase that nobody types, so that downgrade() finds these rows again.
    op.execute(
        """
        UPDATE strategy_promotions
        SET reason = '(not recorded before May 2026)'
        WHERE reason IS NULL OR btrim(reason) = ''
        """
    )
    op.alter_column(
        "strategy_promotions", "reason", existing_type=sa.Text(), nullable=False
    )
    op.create_check_constraint(
        "ck_strategy_promotions_reason_not_blank",
        "strategy_promotions",
        "btrim(reason) <> ''",
    )


def downgrade() -> None:
    op.drop_constraint(
        "ck_strategy_promotions_reason_not_blank", "strategy_promotions", type_="check"
    )
    op.alter_column(
        "strategy_promotions", "reason", existing_type=sa.Text(), nullable=True
    )
    op.execute(
        """
        UPDATE strategy_promotions
        SET reason = NULL
        WHERE reason = '(not recorded before May 2026)'
        """
    )
