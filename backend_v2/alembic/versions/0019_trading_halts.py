"""trading halts

Revision ID: 0019
Revises: 0018
Create Date: 2026-03-30 10:11:05.466092

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0019"
down_revision: Union[str, None] = "0018"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "trading_halts",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("declared_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trading_halts"),
        # A halt is for the whole platform, so two at once would be one.
        postgresql.ExcludeConstraint(
            ("during", "&&"), using="gist", name="ex_trading_halts_during"
        ),
        sa.CheckConstraint("NOT isempty(during)", name="ck_trading_halts_during"),
        comment="Times in which no order of any account leaves Raptor",
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON trading_halts TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE trading_halts_id_seq TO raptor_app;")


def downgrade() -> None:
    op.drop_table("trading_halts")
