import os

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.exec_driver_sql("SET lock_timeout TO '5s'")
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
