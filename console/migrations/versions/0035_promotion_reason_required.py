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
    # Phrases that nobody types, so that downgrade() finds these rows again and
    # tells what was NULL from what was blank.
    op.execute(
        """
        UPDATE strategy_promotions
        SET reason = CASE
            WHEN reason IS NULL THEN '(not recorded before May 2026)'
            ELSE '(blank before May 2026)' || reason
        END
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
        SET reason = CASE
            WHEN reason LIKE '(blank before May 2026)%'
                THEN substr(reason, length('(blank before May 2026)') + 1)
        END
        WHERE reason = '(not recorded before May 2026)'
           OR reason LIKE '(blank before May 2026)%'
        """
    )
