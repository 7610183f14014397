"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Text))
    op.create_index("ix_notes_a", "notes", ["a"])
    op.create_index("ix_notes_both", "notes", ["id", "a"])
    op.add_column("orders", sa.Column("note_id", sa.Integer))
    op.add_column("parts", sa.Column("note_id", sa.Integer))


def downgrade():
    op.drop_column("parts", "note_id")
    op.drop_column("orders", "note_id")
    op.drop_table("notes")
    op.drop_index("ix_notes_both")
    op.drop_index("ix_notes_a")
