import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table(
    'items',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('name', sa.Text, nullable=False),
    sa.Column('tag', sa.Text),
    sa.Index('ix_items_tag', 'tag'),
)
sa.Table('notes', metadata, sa.Column('id', sa.Integer, primary_key=True))
