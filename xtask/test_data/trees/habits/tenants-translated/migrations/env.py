import os

from alembic import context
from sqlalchemy import create_engine, pool, text

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
for tenant in ("tenant_a", "tenant_b"):
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {tenant}"))
        connection.execute(text(f"SET search_path TO {tenant}"))
        connection.commit()
        context.configure(
            connection=connection, version_table=f"version_of_{tenant}", version_table_schema="public"
        )
        with context.begin_transaction():
            context.run_migrations()
