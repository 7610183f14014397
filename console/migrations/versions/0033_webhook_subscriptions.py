"""webhook subscriptions: one row for each event type

Revision ID: 0033
Revises: 0032
Create Date: 2026-05-20 16:30:28.519736

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0033"
down_revision: Union[str, None] = "0032"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # events LIKE '%order.fill%' also found order.fill_rejected.
    op.create_table(
        "webhook_subscriptions",
        sa.Column("endpoint_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        # Keeps the order in which the operator listed them.
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "endpoint_id", "event_type", name="pk_webhook_subscriptions"
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name="fk_webhook_subscriptions_endpoint_id_webhook_endpoints",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "event_type <> ''", name="ck_webhook_subscriptions_event_type_not_blank"
        ),
    )
    op.create_index(
        "ix_webhook_subscriptions_event_type", "webhook_subscriptions", ["event_type"]
    )

    # Typed by hand: blanks around the commas, empty and repeated entries.
    op.execute(
        """
        INSERT INTO webhook_subscriptions (endpoint_id, event_type, position)
        SELECT e.id, btrim(t.event_type), min(t.position)
        FROM webhook_endpoints e
        CROSS JOIN LATERAL unnest(string_to_array(e.events, ','))
            WITH ORDINALITY AS t (event_type, position)
        WHERE btrim(t.event_type) <> ''
        GROUP BY e.id, btrim(t.event_type)
        """
    )
    op.drop_column("webhook_endpoints", "events")


def downgrade() -> None:
    op.add_column(
        "webhook_endpoints",
        sa.Column(
            "events",
            sa.Text(),
            nullable=True,
            comment="Event types, separated by commas",
        ),
    )
    op.execute(
        """
        UPDATE webhook_endpoints e
        SET events = COALESCE(
            (
                SELECT string_agg(s.event_type, ',' ORDER BY s.position)
                FROM webhook_subscriptions s
                WHERE s.endpoint_id = e.id
            ),
            ''
        )
        """
    )
    op.alter_column("webhook_endpoints", "events", nullable=False)

    op.drop_index(
        "ix_webhook_subscriptions_event_type", table_name="webhook_subscriptions"
    )
    op.drop_table("webhook_subscriptions")
