import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"

    id = sa.Column(sa.Integer, primary_key=True)
    note = sa.Column(sa.Text)
    tags = sa.Column(JSONB)
