"""Alembic environment of Raptor.

Takes the database from DATABASE_URL and imports nothing of the application, so that
a migration means the same thing whatever the application code looks like today.
"""

import os
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from sqlalchemy import create_engine, pool

config = context.config

if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)

# Revisions are written by hand: there are no models to compare with.
target_metadata = None


def database_url() -> str:
    """Return DATABASE_URL with its driver named.

    The scheme is rewritten because the hosting platform still hands out postgres://,
    and because a bare postgresql:// means psycopg 3 to SQLAlchemy 2.1 while the lock
    file pins psycopg2. A URL that names its driver is left alone.
    """
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        raise CommandError(
            "DATABASE_URL is not set: export the URL of the database to migrate, "
            "for example postgresql://localhost/raptor"
        )
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg2://{rest}"
    if separator and scheme.startswith("postgresql+"):
        return url
    # The value stays out of the message: it may hold a password.
    raise CommandError("DATABASE_URL is not a postgres:// or postgresql:// URL")


def run_migrations_offline() -> None:
    """Write the SQL of the migrations to stdout, without a database."""
    context.configure(
        url=database_url(),
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )

    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online() -> None:
    """Run the migrations, each in a transaction of its own."""
    # Straight to the engine, not through the ini: a % in a password would be read as
    # interpolation there.
    engine = create_engine(database_url(), poolclass=pool.NullPool)

    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            transaction_per_migration=True,
        )

        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
