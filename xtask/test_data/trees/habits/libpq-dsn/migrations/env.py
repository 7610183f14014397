import os

import psycopg2
from alembic import context
from sqlalchemy import create_engine, pool


def connect():
    return psycopg2.connect(os.environ["DATABASE_URL"])


engine = create_engine("postgresql+psycopg2://", creator=connect, poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
