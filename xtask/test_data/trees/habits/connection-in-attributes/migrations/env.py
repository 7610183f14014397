from alembic import context
from sqlalchemy import engine_from_config, pool
from sqlalchemy.engine import Connection


def run(connection: Connection) -> None:
    context.configure(connection=connection, compare_type=True, render_as_batch=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def run_offline() -> None:
    context.configure(url=context.config.get_main_option("sqlalchemy.url"), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    connectable = context.config.attributes.get("connection", None)
    if connectable is None:
        connectable = engine_from_config(context.config.get_section(context.config.config_ini_section, {}), prefix="sqlalchemy.", poolclass=pool.NullPool)
        with connectable.connect() as connection:
            run(connection)
    else:
        run(connectable)


if context.is_offline_mode():
    run_offline()
else:
    run_online()
