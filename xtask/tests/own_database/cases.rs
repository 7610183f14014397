//! The ways in which env.py and revisions ask for another database.
//!
//! In every text `{url}` stands for the second server's URL without its scheme, `{port}` for its port
//! and `{socket}` for the folder of its socket.

/// What asks.
#[derive(Clone, Copy)]
pub enum Asks {
    Env,
    Revision,
}

/// One tree.
pub struct Case {
    pub name: &'static str,
    pub by: Asks,
    /// More of the ini.
    pub ini: &'static str,
    /// env.py; empty: a usual one, which takes `DATABASE_URL`.
    pub env: &'static str,
    /// The body of the only revision's upgrade.
    pub upgrade: &'static str,
    /// Other files: path and text.
    pub files: &'static [(&'static str, &'static str)],
    /// What the message must name.
    pub names: &'static [&'static str],
}

const BY_ENV: Case = Case {
    name: "",
    by: Asks::Env,
    ini: "",
    env: "",
    upgrade: "op.execute('DROP TABLE IF EXISTS customers')",
    files: &[],
    names: &["127.0.0.1", "{port}", "precious"],
};

const BY_REVISION: Case = Case { by: Asks::Revision, upgrade: "", ..BY_ENV };

pub const INI: &str = "[alembic]\nscript_location = %(here)s\npath_separator = os\n\
                       prepend_sys_path = %(here)s\n";

macro_rules! env {
    ($url:expr) => {
        concat!(
            "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine, pool\n\
             url = ",
            $url,
            "\nwith create_engine(url, poolclass=pool.NullPool).connect() as connection:\n    \
             context.configure(connection=connection)\n    \
             with context.begin_transaction():\n        context.run_migrations()\n"
        )
    };
}

pub const ENV: &str = env!("os.environ['DATABASE_URL']");

/// Something before the usual env.py.
macro_rules! before {
    ($text:literal) => {
        concat!($text, "\n", env!("os.environ['DATABASE_URL']"))
    };
}

pub const REVISION: &str = "\
\"\"\"customers\"\"\"
import asyncio

import sqlalchemy as sa
from alembic import op

revision = 'a1'
down_revision = None


def upgrade():
    pass  # upgrade


def downgrade():
    pass
";

pub const CASES: &[Case] = &[
    Case { name: "env_has_a_fixed_url", env: env!("'postgresql+psycopg2:{url}'"), ..BY_ENV },
    Case {
        name: "env_has_a_fixed_url_by_name",
        env: env!("'postgresql+psycopg2://somebody:s3cret@localhost:{port}/precious'"),
        names: &["localhost", "{port}", "precious"],
        ..BY_ENV
    },
    Case {
        name: "env_has_a_fixed_socket",
        env: env!(
            "'postgresql+psycopg2://postgres:hu5h%20p%40ss%2Fw%3Ard%2541@/precious?host={socket}&port={port}'"
        ),
        names: &["{socket}", "{port}", "precious"],
        ..BY_ENV
    },
    Case {
        name: "settings_have_a_default",
        env: env!("__import__('settings').Settings().database"),
        files: &[(
            "settings.py",
            "import os\n\n\nclass Settings:\n    \
             database = os.environ.get('SHOP_URL', 'postgresql+psycopg2:{url}')\n",
        )],
        ..BY_ENV
    },
    Case {
        name: "dotenv_file_has_a_variable",
        env: env!("__import__('dotenv').load_dotenv('.env') and os.environ['SHOP_URL']"),
        files: &[(".env", "SHOP_URL=postgresql+psycopg2:{url}\n")],
        ..BY_ENV
    },
    Case {
        name: "dotenv_file_overrides_the_variable",
        env: before!("import dotenv\ndotenv.load_dotenv('.env', override=True)"),
        files: &[(".env", "DATABASE_URL=postgresql+psycopg2:{url}\n")],
        ..BY_ENV
    },
    Case {
        name: "ini_has_a_section",
        ini: "[shop]\nurl = postgresql+psycopg2:{url}\n",
        env: env!("context.config.get_section('shop')['url']"),
        ..BY_ENV
    },
    Case {
        name: "engine_from_config",
        ini: "shop.url = postgresql+psycopg2:{url}\n",
        env: "from alembic import context\nfrom sqlalchemy import engine_from_config\n\
              options = context.config.get_section(context.config.config_ini_section)\n\
              with engine_from_config(options, prefix='shop.').connect() as connection:\n    \
              context.configure(connection=connection)\n    \
              with context.begin_transaction():\n        context.run_migrations()\n",
        ..BY_ENV
    },
    Case {
        name: "asynchronous_engine_in_env",
        env: "import asyncio\nfrom alembic import context\n\
              from sqlalchemy.ext.asyncio import create_async_engine\n\n\n\
              def migrate(connection):\n    context.configure(connection=connection)\n    \
              with context.begin_transaction():\n        context.run_migrations()\n\n\n\
              async def main():\n    \
              async with create_async_engine('postgresql+asyncpg:{url}').connect() as connection:\n        \
              await connection.run_sync(migrate)\n\n\nasyncio.run(main())\n",
        ..BY_ENV
    },
    Case {
        name: "asyncpg_by_hand_in_env",
        env: before!(
            "import asyncio, asyncpg\n\n\nasync def clean():\n    \
             there = await asyncpg.connect('postgresql:{url}')\n    \
             await there.execute('DELETE FROM customers')\n\n\nasyncio.run(clean())"
        ),
        ..BY_ENV
    },
    Case {
        name: "asyncpg_by_hand_with_two_hosts_in_env",
        env: before!(
            "import asyncio, asyncpg, os\n\n\nasync def clean():\n    \
             url = os.environ['DATABASE_URL'].replace('+psycopg2', '')\n    \
             there = await asyncpg.connect(url.replace('localhost:5432', '127.0.0.1:{port}'))\n    \
             await there.execute('DELETE FROM customers')\n\n\nasyncio.run(clean())"
        ),
        names: &["127.0.0.1", "{port}", "shop_ci"],
        ..BY_ENV
    },
    Case {
        name: "psycopg_by_hand_in_env",
        env: before!(
            "import psycopg\nwith psycopg.connect('postgresql:{url}') as there:\n    \
             there.execute('DELETE FROM customers')"
        ),
        ..BY_ENV
    },
    Case {
        name: "psycopg2_by_hand_in_env",
        env: before!(
            "import psycopg2\nwith psycopg2.connect('postgresql:{url}') as there:\n    \
             there.cursor().execute('DELETE FROM customers')"
        ),
        ..BY_ENV
    },
    Case {
        name: "psycopg2_by_hand_from_variables_in_env",
        env: before!(
            "import os, psycopg2\n\
             os.environ.update(PGHOST='127.0.0.1', PGPORT='{port}', PGDATABASE='precious')\n\
             os.environ.update(PGUSER='somebody', PGPASSWORD='s3cret')\n\
             with psycopg2.connect('') as there:\n    \
             there.cursor().execute('DELETE FROM customers')"
        ),
        ..BY_ENV
    },
    Case {
        name: "second_engine_in_revision",
        upgrade: "with sa.create_engine('postgresql+psycopg2:{url}').begin() as there:\n    \
                  there.execute(sa.text('DELETE FROM customers'))",
        ..BY_REVISION
    },
    Case {
        name: "asyncpg_by_hand_in_revision",
        upgrade: "import asyncpg\nasync def clean():\n    \
                  there = await asyncpg.connect('postgresql:{url}')\n    \
                  await there.execute('DELETE FROM customers')\nasyncio.run(clean())",
        ..BY_REVISION
    },
    Case {
        name: "psycopg_by_hand_in_revision",
        upgrade: "import psycopg\nwith psycopg.connect('postgresql:{url}') as there:\n    \
                  there.execute('DELETE FROM customers')",
        ..BY_REVISION
    },
    Case {
        name: "psycopg2_by_hand_in_revision",
        upgrade: "from psycopg2 import connect\n\
                  there = connect(host='127.0.0.1', port={port}, dbname='precious', \
                  user='somebody', password='s3cret')\n\
                  there.cursor().execute('DELETE FROM customers')\nthere.commit()",
        ..BY_REVISION
    },
    Case {
        name: "postgres_of_the_gates_server_in_revision",
        upgrade: "url = op.get_bind().engine.url.set(database='postgres')\n\
                  with sa.create_engine(url).begin() as there:\n    \
                  there.execute(sa.text('DROP SCHEMA IF EXISTS public CASCADE'))",
        names: &["postgres"],
        ..BY_REVISION
    },
    Case {
        name: "template_of_the_gates_server_in_revision",
        upgrade: "url = op.get_bind().engine.url.set(database='template1')\n\
                  with sa.create_engine(url).begin() as there:\n    \
                  there.execute(sa.text('DROP SCHEMA IF EXISTS public CASCADE'))",
        names: &["template1"],
        ..BY_REVISION
    },
];
