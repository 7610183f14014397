from alembic import context
from sqlalchemy import engine_from_config, pool, text

config = context.config
engine = engine_from_config(config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool)
with engine.begin() as connection:
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS app"))
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public"))
    connection.execute(text("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader_of_app') THEN CREATE ROLE reader_of_app NOLOGIN; END IF; END $$"))
with engine.connect() as connection:
    context.configure(connection=connection, version_table="versions_of_app", version_table_schema="app", include_schemas=True)
    with context.begin_transaction():
        context.run_migrations()
