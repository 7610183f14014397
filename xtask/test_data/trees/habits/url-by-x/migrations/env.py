from alembic import context
from sqlalchemy import create_engine, pool

told = context.get_x_argument(as_dictionary=True)
engine = create_engine(told["db"], poolclass=pool.NullPool)
assert told["note"] == '{"a": 1}', told["note"]
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
