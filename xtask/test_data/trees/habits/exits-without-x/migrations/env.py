import os

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    if "tenant" not in context.get_x_argument(as_dictionary=True):
        raise SystemExit("pass -x tenant=NAME")
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
