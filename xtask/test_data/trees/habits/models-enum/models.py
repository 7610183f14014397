import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"

    id = sa.Column(sa.Integer, primary_key=True)
    kind = sa.Column(sa.Enum("part", "tool", name="kinds"))
