import os

from alembic import context
from sqlalchemy import engine_from_config, pool

section = context.config.get_section(os.environ.get("STAGE", "dev"), {})
engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
