"""billing.refund as a permission of its own

Revision ID: 0029
Revises: 0028
Create Date: 2026-05-15 10:26:18.154690

"""

from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0029"
down_revision: Union[str, None] = "0028"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO rbac_permissions (code, description)
        VALUES ('billing.refund', 'Pay money back to a customer')
        """
    )
    # Whoever could refund until now, as part of billing.write, still can.
    op.execute(
        """
        INSERT INTO rbac_group_permissions (group_id, permission_code)
        SELECT group_id, 'billing.refund'
        FROM rbac_group_permissions
        WHERE permission_code = 'billing.write'
        """
    )


def downgrade() -> None:
    # The permission came with this revision, so each grant of it did too.
    op.execute(
        "DELETE FROM rbac_group_permissions WHERE permission_code = 'billing.refund'"
    )
    op.execute("DELETE FROM rbac_permissions WHERE code = 'billing.refund'")
