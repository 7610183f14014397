import asyncio

from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import settings
from app.models import Base

config = context.config


def drop_empty(_context, _revision, directives):
    if config.cmd_opts.autogenerate and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def migrate(connection):
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        process_revision_directives=drop_empty,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(str(settings.database_url), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
