"""Alembic environment of the Console.

Imports nothing of the application: a migration has to run in a bare
environment (CI, a one-off dyno) with only the packages of requirements.txt.
"""

import os
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from sqlalchemy import create_engine, pool

config = context.config

if config.config_file_name is not None:
    # Keep the loggers of whoever runs Alembic through its Python API.
    fileConfig(config.config_file_name, disable_existing_loggers=False)

# Migrations are written by hand, there are no models to compare with.
target_metadata = None


def get_url() -> str:
    """The database URL from DATABASE_URL, with psycopg2 named as its driver.

    The platform hands out postgres:// URLs, which SQLAlchemy refuses, and a bare
    postgresql:// means psycopg 3 since SQLAlchemy 2.1. The URL never goes
    through the ini file, where a % in the password would be read as
    interpolation.
    """
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        raise CommandError(
            "DATABASE_URL is not set: the Console migrations take their "
            "database URL from it, e.g. postgresql://user@localhost/console"
        )
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg2://" + url[len(scheme) :]
    if url.startswith("postgresql+"):
        return url
    # The URL may hold a password, so the message shows none of it.
    raise CommandError("DATABASE_URL is not a postgres:// or postgresql:// URL")


def run_migrations_offline() -> None:
    """Write the SQL to stdout instead of running it (alembic ... --sql)."""
    context.configure(
        url=get_url(),
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )

    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online() -> None:
    """Run the migrations, each in a transaction of its own.

    One transaction a migration: a failing revision leaves the ones before it
    applied, and a revision may use autocommit_block().
    """
    connectable = create_engine(get_url(), poolclass=pool.NullPool)

    with connectable.connect() as connection:
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
