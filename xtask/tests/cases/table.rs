//! The cases: a folder below `test_data/trees`, how it is gated, and what is right.

/// The interpreter of a case.
pub enum Python {
    /// What the gate makes.
    Own,
    /// One with psycopg 3 alone.
    Psycopg3,
    /// One with psycopg2, asyncpg and pydantic-settings.
    Asyncpg,
}

/// A tree and what the gate must say of it.
pub struct Case {
    /// Its folder.
    pub folder: &'static str,
    /// Its ini, in the folder.
    pub ini: &'static str,
    /// Empty, or `lint`.
    pub verb: &'static str,
    /// What is typed besides; `TREE` stands for the folder.
    pub options: &'static [&'static str],
    pub python: Python,
    /// The exit status.
    pub status: i32,
    /// What the report holds: codes, lines, words of messages and remedies.
    pub says: &'static [&'static str],
    /// What it does not hold.
    pub never: &'static [&'static str],
}

const GREEN: Case = Case {
    folder: "",
    ini: "alembic.ini",
    verb: "",
    options: &[],
    python: Python::Own,
    status: 0,
    says: &[],
    never: &[],
};
const RED: Case = Case { status: 1, ..GREEN };
const SICK: Case = Case { status: 2, ..GREEN };
/// The parts of a URL.
const PARTS: &[&str] = &[
    "--set-env=DB_HOST={host}",
    "--set-env=DB_PORT={port}",
    "--set-env=DB_NAME={database}",
    "--set-env=DB_USER={user}",
    "--set-env=DB_PASSWORD={password}",
];
/// Two databases.
const TWO_DATABASES: &[&str] =
    &["--set-env=MAIN_URL={url:main}", "--set-env=STATS_URL={url:stats}"];
/// A DSN as libpq takes it.
const LIBPQ: &str =
    "--set-env=DATABASE_URL=postgresql://{user}:{password}@{host}:{port}/{database}";

/// All of them.
pub const ALL: &[Case] = &[
    Case { folder: "cases/hardcoded-url", says: &["127.0.0.1", "54391", "devdb"], ..SICK },
    Case { folder: "cases/required-parts", options: PARTS, ..GREEN },
    Case { folder: "cases/required-parts", says: &["MG906", "--set-env DB_"], ..SICK },
    Case { folder: "cases/x-argument", options: &["-x", "schema=tenant_a"], ..GREEN },
    Case { folder: "cases/x-argument", says: &["MG906", "-x schema="], ..SICK },
    Case { folder: "cases/multidb-env", options: TWO_DATABASES, ..GREEN },
    Case { folder: "cases/searchpath-tenant-ok", ..GREEN },
    Case { folder: "cases/vts-ok", ..GREEN },
    Case { folder: "cases/depends-merge", ..GREEN },
    Case { folder: "cases/two-bases", options: &["--target", "heads"], ..GREEN },
    Case { folder: "cases/two-bases", says: &["MG003"], ..RED },
    Case {
        folder: "cases/advlock-rollback-bad",
        says: &["MG130", "env.py", "connection.commit()"],
        ..RED
    },
    Case {
        folder: "cases/longid-bad",
        says: &["MG131", "\"line\": 4", "give 0002_item_ownership_and_public_channel the id"],
        ..RED
    },
    Case { folder: "cases/psycopg3-param-bad", python: Python::Psycopg3, ..RED },
    Case {
        folder: "cases/c-function-bad",
        says: &["MG114", "58P01", "install the package"],
        ..RED
    },
    Case { folder: "cases/seed-noid-bad", says: &["setval"], ..RED },
    Case { folder: "cases/long-name-sql", ..GREEN },
    Case {
        folder: "cases/ini-elsewhere",
        ini: "conf/alembic.ini",
        verb: "lint",
        says: &["MG213", "script_location", "--cwd"],
        ..RED
    },
    Case {
        folder: "cases/ini-elsewhere",
        ini: "conf/alembic.ini",
        options: &["--cwd", "TREE"],
        ..GREEN
    },
    Case { folder: "cases/addvalue-use-bad2", says: &["autocommit"], ..RED },
    Case { folder: "habits/generic-template", ..GREEN },
    Case { folder: "habits/async-template", python: Python::Asyncpg, ..GREEN },
    Case {
        folder: "habits/async-without-url",
        says: &["is not async", "--driver"],
        python: Python::Asyncpg,
        ..RED
    },
    Case {
        folder: "habits/async-without-url",
        options: &["--driver", "asyncpg"],
        python: Python::Asyncpg,
        ..GREEN
    },
    Case { folder: "habits/multidb-template", ..GREEN },
    Case { folder: "habits/pyproject-template", ..GREEN },
    Case { folder: "habits/pyproject-template", ini: "pyproject.toml", ..GREEN },
    Case { folder: "habits/pyproject-alone", ini: "pyproject.toml", ..GREEN },
    Case { folder: "habits/settings-class", ..GREEN },
    Case {
        folder: "habits/pydantic-settings",
        options: &["--driver", "asyncpg", "--strict-models"],
        python: Python::Asyncpg,
        says: &["models match migrations"],
        ..GREEN
    },
    Case {
        folder: "habits/models-differ",
        says: &[
            "MG132",
            "\"severity\": \"warning\"",
            "add: op.add_column('item', sa.Column('tags', postgresql.JSONB(",
        ],
        ..GREEN
    },
    Case {
        folder: "habits/models-differ",
        options: &["--strict-models"],
        says: &["MG132", "\"severity\": \"error\"", "models match migrations"],
        ..RED
    },
    Case { folder: "habits/libpq-dsn", options: &[LIBPQ], ..GREEN },
    Case { folder: "habits/split-url", options: &[LIBPQ], ..GREEN },
    Case { folder: "habits/tenants-loop", ..GREEN },
    Case { folder: "habits/tenants-translated", ..GREEN },
    Case { folder: "habits/main-option", ..GREEN },
    Case { folder: "habits/each-in-its-transaction", ..GREEN },
    Case { folder: "habits/engine-event", ..GREEN },
    Case { folder: "habits/engine-refuses-reading", ..GREEN },
    Case { folder: "habits/engine-begin", ..GREEN },
    Case { folder: "habits/dev-section", ..GREEN },
    Case {
        folder: "habits/flask-like",
        options: &["--url-env", "SQLALCHEMY_DATABASE_URI"],
        ..GREEN
    },
    Case { folder: "habits/three-bases", ..GREEN },
    Case {
        folder: "habits/two-heads-on-a-base",
        options: &["--target", "heads"],
        says: &["MG003", "one for each base"],
        ..RED
    },
    Case { folder: "habits/merge-of-a-long-side", ..GREEN },
    Case {
        folder: "habits/dump-empties-path",
        says: &["MG131", "\"revision\": \"0002\"", "search_path"],
        ..RED
    },
    Case {
        folder: "habits/autocommit-in-transaction",
        says: &["MG130", "env.py", "connection.commit()"],
        ..RED
    },
    Case { folder: "habits/missing-package", says: &["MG108", "--python"], ..RED },
    Case {
        folder: "habits/flask-context",
        says: &["application context", "app_context().push()", "\"line\": 5"],
        ..RED
    },
    Case {
        folder: "habits/own-exception",
        says: &["MG906", "\"line\": 3", "--set-env SHOP_DSN=", "SHOP_DSN must be set"],
        ..SICK
    },
    Case { folder: "habits/nothing-run", says: &["MG101", "holds nothing"], ..RED },
    Case { folder: "habits/parts-by-getenv", says: &["MG905", "--set-env", "shop"], ..SICK },
    Case {
        folder: "habits/parts-by-getenv",
        options: &[
            "--set-env=PG_HOST={host}",
            "--set-env=PG_PORT={port}",
            "--set-env=PG_USER={user}",
            "--set-env=PG_PASS={password}",
            "--set-env=PG_NAME={database}",
        ],
        ..GREEN
    },
    Case { folder: "habits/branches-in-folders", options: &["--target", "heads"], ..GREEN },
    Case {
        folder: "habits/env-makes-its-ground",
        says: &["MG002", "\"severity\": \"note\""],
        ..GREEN
    },
    Case {
        folder: "habits/wide-version-column",
        says: &["MG217", "\"severity\": \"note\""],
        ..GREEN
    },
    Case { folder: "habits/connection-in-attributes", ..GREEN },
    Case { folder: "habits/version-table-a-schema", ..GREEN },
    Case { folder: "habits/locked-and-limited", ..GREEN },
    Case { folder: "habits/session-in-a-revision", says: &["MG501", "warning"], ..GREEN },
    Case { folder: "habits/create-all", ..GREEN },
    Case {
        folder: "habits/lowered-to-notes",
        says: &["MG416", "MG406", "whose rows need a value", "MG502"],
        never: &["\"severity\": \"error\"", "\"severity\": \"warning\""],
        ..GREEN
    },
    Case {
        folder: "habits/drops-in-one-list",
        says: &["`a` was dropped", "`b` was dropped", "`c.n` was dropped", "MG503: rows of `b`"],
        never: &["\"code\": \"MG503\"", "MG502\",\n      \"severity\": \"warning\""],
        ..GREEN
    },
    Case {
        folder: "habits/label-without-guard",
        says: &["MG402", "`ADD VALUE IF NOT EXISTS`", "\"verified\": true"],
        never: &["MG110"],
        ..RED
    },
    Case {
        folder: "habits/begins-on-tables",
        verb: "lint",
        says: &["MG225", "creates the tables `orders` and `parts`", "MG221", "line 22: index"],
        never: &["MG223"],
        ..RED
    },
    Case {
        folder: "habits/narrower-downgrade",
        says: &["MG402", "too long for type character varying(20)", "TYPE character varying(30)"],
        never: &["MG415", "column total"],
        ..RED
    },
    Case {
        folder: "habits/waits-of-one-statement",
        says: &["MG500", "nobody can write `customers` for a time that grows with the size of"],
        never: &["read or write"],
        ..GREEN
    },
    Case { folder: "habits/relative-dependency", ..GREEN },
    Case {
        folder: "habits/second-database-left-behind",
        options: TWO_DATABASES,
        says: &["MG400", "visits", "in database second_database_left_behind_ci_stats"],
        ..RED
    },
    Case {
        folder: "habits/second-database-fails",
        options: TWO_DATABASES,
        says: &["MG006", "hits", "in database second_database_fails_ci_stats"],
        ..RED
    },
    Case {
        folder: "habits/url-by-x",
        options: &["-x", "db={url}", "-x", "note={\"a\": 1}"],
        ..GREEN
    },
    Case { folder: "habits/url-by-x", says: &["MG906", "-x db="], ..SICK },
    Case {
        folder: "habits/begun-by-a-look",
        says: &["MG130", "env.py", "\"line\": 8", "connection.commit()"],
        ..RED
    },
    Case {
        folder: "habits/begun-in-a-module",
        says: &["MG130", "env.py", "\"line\": 10", "connection.commit()"],
        ..RED
    },
    Case {
        folder: "habits/begun-in-async",
        options: &["--driver", "asyncpg"],
        python: Python::Asyncpg,
        says: &["MG130", "env.py", "\"line\": 18", "connection.commit()"],
        ..RED
    },
    Case {
        folder: "habits/setting-is-none",
        says: &["MG906", "--set-env NAME=", "got None"],
        ..SICK
    },
    Case {
        folder: "habits/exits-without-x",
        says: &["MG906", "pass -x tenant=NAME", "`-x"],
        ..SICK
    },
    Case { folder: "habits/exits-without-x", options: &["-x", "tenant=a"], ..GREEN },
    Case {
        folder: "habits/takes-url-apart",
        says: &["MG905", "{host}:{port}/{database}'"],
        ..SICK
    },
    Case { folder: "habits/takes-url-apart", options: &[LIBPQ], ..GREEN },
    Case {
        folder: "habits/no-revision-found",
        verb: "lint",
        says: &["MG213", "version_locations"],
        ..RED
    },
    Case { folder: "habits/no-revision-found", says: &["MG213", "finds no revision"], ..RED },
    Case { folder: "habits/unknown-option", says: &["no option `set-env`"], ..SICK },
];
