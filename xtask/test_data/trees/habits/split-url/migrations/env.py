import os
from urllib.parse import urlsplit

from alembic import context
from sqlalchemy import create_engine, pool

parts = urlsplit(os.environ["DATABASE_URL"])
assert parts.hostname and parts.port, "DATABASE_URL names no host"
url = f"postgresql+psycopg2://{parts.username}:{parts.password}@{parts.hostname}:{parts.port}{parts.path}"
engine = create_engine(url, poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
