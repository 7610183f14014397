"""Takes its URL from the config alone, as `alembic init` writes it."""

from alembic import context
from sqlalchemy import create_engine, pool

url = context.config.get_main_option("sqlalchemy.url")
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, version_table="shop_version")
    with context.begin_transaction():
        context.run_migrations()
