import os

from alembic import context
from sqlalchemy import create_engine, event, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)


@event.listens_for(engine, "before_cursor_execute")
def refuse_reading(connection, cursor, statement, parameters, execution, executemany):
    is_of_alembic = "alembic_version" in statement or "pg_catalog" in statement
    if statement.lstrip().startswith("SELECT") and not is_of_alembic:
        raise RuntimeError(f"a migration reads no data: {statement}")


with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
