import os
from urllib.parse import urlparse

from alembic import context
from sqlalchemy import create_engine, pool

url = urlparse(os.environ["DATABASE_URL"])
at = f"{url.username}:{url.password}@{url.hostname}:{url.port}{url.path}"
engine = create_engine(f"postgresql+psycopg2://{at}", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
