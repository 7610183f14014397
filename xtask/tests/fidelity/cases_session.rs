//! Trees that count on the state of a session, on what env.py hands to Alembic, and on what Alembic
//! hands to a revision.

use super::tree::StepOutcome::{Again, Pass, Upgrade};
use super::tree::{Case, HEAD, SOUND};

/// The first revision speaks through the driver's own cursor.
macro_rules! raw {
    ($sql:literal) => {
        concat!("op.get_bind().connection.cursor().execute(\"", $sql, "\")")
    };
}

const FIRST: &str = "versions/a1.py";

pub const CASES: &[Case] = &[
    Case {
        name: "statement_timeout_of_an_earlier_revision",
        first: raw!("SET statement_timeout = '50ms'"),
        up: "op.execute('SELECT pg_sleep(0.3)')",
        edit: (FIRST, "'50ms'", "'50s'"),
        plain: (Upgrade, Pass),
        ..SOUND
    },
    Case {
        name: "setting_of_an_earlier_revision",
        first: raw!("SET shop.price = '7'"),
        up: "op.execute(\"SELECT current_setting('shop.price')\")",
        edit: (FIRST, "SET shop.price", "SET shop.other"),
        plain: (Again, Upgrade),
        ..SOUND
    },
    Case {
        name: "search_path_of_an_earlier_revision",
        first: raw!(
            "CREATE SCHEMA shop; CREATE TABLE shop.things (); SET search_path = shop, public"
        ),
        up: "op.execute('SELECT FROM things')",
        edit: (FIRST, "SET search_path = shop, public", "SET search_path = public"),
        plain: (Again, Upgrade),
        ..SOUND
    },
    Case {
        name: "temporary_table_of_an_earlier_revision",
        first: raw!("CREATE TEMPORARY TABLE things ()"),
        up: "op.execute('SELECT FROM things')",
        edit: (FIRST, "TABLE things", "TABLE others"),
        plain: (Again, Upgrade),
        ..SOUND
    },
    Case {
        name: "advisory_lock_of_an_earlier_revision",
        first: raw!("SELECT pg_advisory_lock(7)"),
        up: "with op.get_bind().engine.connect() as other:\n    \
             assert not other.scalar(sa.text('SELECT pg_try_advisory_lock(7)'))",
        edit: (FIRST, "pg_advisory_lock(7)", "pg_advisory_lock(8)"),
        plain: (Again, Upgrade),
        ..SOUND
    },
    Case {
        name: "prepared_statement_of_an_earlier_revision",
        first: raw!("PREPARE shop AS SELECT 1"),
        up: "op.execute('EXECUTE shop')",
        edit: (FIRST, "PREPARE shop", "PREPARE store"),
        plain: (Again, Upgrade),
        ..SOUND
    },
    Case {
        name: "channel_that_an_earlier_revision_listens_to",
        configure: ", transaction_per_migration=True",
        first: raw!("LISTEN shop"),
        up: "channels = op.get_bind().execute(sa.text('SELECT pg_listening_channels()'))\n\
             assert channels.all() == [('shop',)]",
        edit: (FIRST, "LISTEN shop", "LISTEN store"),
        plain: (Again, Upgrade),
        ..SOUND
    },
    Case {
        name: "connections_of_env_are_closed",
        run: "def engine(name):\n    given = {'application_name': name}\n    \
              return create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool, connect_args=given)\n\
              with engine('shop').connect() as connection:\n    migrate(connection)",
        end: "import time\nkept = None\ndeadline = time.monotonic() + 2\n\
              asked = \"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop'\"\n\
              with engine('looks').connect() as other:\n    \
                  other = other.execution_options(isolation_level='AUTOCOMMIT')\n    \
                  while other.scalar(text(asked)):\n        \
                      assert time.monotonic() < deadline, 'it stays'\n        time.sleep(0.02)",
        edit: ("env.py", "kept = None", "kept = engine('shop').connect()"),
        ..SOUND
    },
    Case {
        name: "revision_opens_an_engine_of_its_own",
        up: "own = sa.create_engine(os.environ['DATABASE_URL'])\n\
             with own.begin() as other:\n    \
                 other.execute(sa.text(\"SET lock_timeout = '100ms'\"))\n    \
                 other.execute(sa.text('SELECT 1'))",
        edit: (HEAD, "'SELECT 1'", "'SELECT FROM items'"),
        ..SOUND
    },
    Case {
        name: "env_has_two_engines",
        run: "engine = create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool)\n\
              watcher = create_engine(os.environ['DATABASE_URL'])\n\
              with engine.connect() as connection, watcher.connect() as other:\n    \
                  migrate(connection)\n    \
                  assert other.scalar(text(\"SELECT to_regclass('items')\")) == 'items'",
        edit: ("env.py", "== 'items'", "is None"),
        ..SOUND
    },
    Case {
        name: "env_is_asynchronous",
        run: "import asyncio\nfrom sqlalchemy import make_url\n\
              from sqlalchemy.ext.asyncio import create_async_engine\n\n\n\
              async def main():\n    \
                  url = make_url(os.environ['DATABASE_URL']).set(drivername='postgresql+asyncpg')\n    \
                  engine = create_async_engine(url, poolclass=pool.NullPool)\n    \
                  async with engine.connect() as connection:\n        \
                      await connection.run_sync(migrate)\n    \
                  await engine.dispose()\n\n\nasyncio.run(main())",
        up: "import asyncio\nassert asyncio.get_running_loop().is_running()",
        edit: (HEAD, ".is_running()", ".is_closed()"),
        ..SOUND
    },
    Case {
        name: "loop_is_not_running",
        up: "import asyncio\nasync def nothing(): pass\nasyncio.run(nothing())",
        edit: (HEAD, "asyncio.run(nothing())", "asyncio.get_running_loop()"),
        ..SOUND
    },
    Case {
        name: "logging_is_configured_by_the_ini",
        ini: LOGGING,
        env: "from logging.config import fileConfig\nfrom alembic import context\n\
              fileConfig(context.config.config_file_name)",
        top: "import logging\n\
              assert [type(h).__name__ for h in logging.root.handlers] == ['StreamHandler']\n\
              assert logging.getLogger('alembic').level == logging.INFO",
        edit: ("alembic.ini", "level = INFO", "level = DEBUG"),
        ..SOUND
    },
    Case {
        name: "context_is_an_environment_context",
        env: "from alembic import context\nfrom alembic.runtime.environment import EnvironmentContext\n\
              assert isinstance(context._proxy, EnvironmentContext)\n\
              class Shop(EnvironmentContext):\n    pass\n\
              assert context._proxy.__class__ is EnvironmentContext",
        edit: ("env.py", "__class__ is Env", "__class__ is not Env"),
        ..SOUND
    },
    Case {
        name: "migration_context_is_subclassed",
        top: "from alembic.runtime.migration import MigrationContext\n\
              class Shop(MigrationContext):\n    pass",
        up: "assert type(op.get_context()) is MigrationContext\n\
             assert Shop.__mro__[1] is type(op.get_context())",
        edit: (HEAD, "__mro__[1]", "__mro__[0]"),
        ..SOUND
    },
    Case {
        name: "env_has_callbacks_for_autogenerate",
        env: "def directives(context, revision, directives):\n    raise ValueError",
        configure: ", process_revision_directives=directives",
        up: "assert op.get_context().opts['process_revision_directives']",
        edit: ("env.py", ", process_revision_directives=directives", ", compare_type=True"),
        ..SOUND
    },
    Case {
        name: "revision_uses_the_engine_of_its_bind",
        up: "with op.get_bind().engine.connect() as other:\n    \
             asked = \"SELECT count(*) FROM pg_class WHERE relname = 'items'\"\n    \
             seen = other.scalar(sa.text(asked))\nassert seen in (0, 1)",
        edit: (HEAD, "seen in (0, 1)", "seen == 0"),
        plain: (Pass, Again),
        ..SOUND
    },
    Case {
        name: "listener_of_env_changes_statements",
        env: "from sqlalchemy import event\nfrom sqlalchemy.engine import Engine\n\
              @event.listens_for(Engine, 'before_cursor_execute', retval=True)\n\
              def change(conn, cursor, statement, parameters, context, executemany):\n    \
                  assert '/* shop */' not in statement\n    \
                  return statement.replace('price', 'cost') + ' /* shop */', parameters",
        up: "op.execute('SELECT cost FROM items')",
        edit: ("env.py", ".replace('price', 'cost')", ".replace('price', 'tax')"),
        ..SOUND
    },
    Case {
        name: "env_creates_everything_and_stamps",
        run: concat!(
            "engine = create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool)\n",
            "with engine.begin() as connection:\n    ",
            "if connection.scalar(text(\"SELECT to_regclass('items')\")) is None:\n        ",
            "for made in ('CREATE TABLE items (id int PRIMARY KEY, price int)',\n                     ",
            "'CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)',\n                     ",
            "\"INSERT INTO alembic_version VALUES ('b2')\"):\n            ",
            "connection.execute(text(made))\n",
            "with engine.connect() as connection:\n    migrate(connection)"
        ),
        edit: ("env.py", "VALUES ('b2')", "VALUES ('zz')"),
        // No revision was run by the first step.
        gate: Some((Upgrade, Upgrade)),
        ..SOUND
    },
    Case {
        name: "env_stamps_by_hand",
        run: concat!(
            "engine = create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool)\n",
            "with engine.connect() as connection:\n    ",
            "context.configure(connection=connection)\n    ",
            "moved = context.get_context()\n    ",
            "with context.begin_transaction():\n        ",
            "moved.stamp(context.script, 'head')"
        ),
        // The columns are there in neither form.
        up: "raise ValueError",
        edit: ("env.py", "'head')", "'nowhere')"),
        gate: Some((Upgrade, Upgrade)),
        ..SOUND
    },
    Case {
        name: "env_leaves_migrations_out",
        env: "skips = True",
        run: "if not skips:\n    with create_engine(os.environ['DATABASE_URL']).connect() as connection:\n        \
              migrate(connection)",
        up: "raise ValueError",
        edit: ("env.py", "skips = True", "skips = False"),
        gate: Some((Upgrade, Upgrade)),
        ..SOUND
    },
];

const LOGGING: &str = "\
[loggers]
keys = root, alembic
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARNING
handlers = console
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = generic
[formatter_generic]
format = %(message)s
";
