import os

from alembic import context
from sqlalchemy import create_engine, inspect, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    if not inspect(connection).has_table("alembic_version"):
        print("a new database")
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
