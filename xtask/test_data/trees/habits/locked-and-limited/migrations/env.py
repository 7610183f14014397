from alembic import context
from sqlalchemy import create_engine, event, text

url = context.config.get_main_option("sqlalchemy.url")
engine = create_engine(url, connect_args={"options": "-c lock_timeout=4000 -c statement_timeout=60000"}, isolation_level="READ COMMITTED")
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.get_context()._ensure_version_table()
        connection.execute(text("SELECT pg_advisory_xact_lock(4711)"))
        context.run_migrations()
