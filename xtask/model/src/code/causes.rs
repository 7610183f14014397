//! Causes: SQLSTATEs and exceptions that migrations meet, each with its code and its fix. The fix
//! is more precise than the code's own remedy, and replaces it.

use super::bodies::NO_WAY_BACK;
use super::{
    BEFORE_SEED, CONSTRAINT_VIOLATED, Code, DOWNGRADE_FAILED, DUPLICATE_OBJECT, ENV_FAILED,
    FAILS_ON_ROWS, LOCKED, MIGRATION_FAILED, MODELS_DIFFER, NO_PRIVILEGE, REFUSED,
    UNDEFINED_OBJECT,
};
use crate::transcript::Transcript;

/// A kind of failure that is known by a SQLSTATE or an exception's type.
#[derive(Debug)]
pub struct Cause {
    /// The SQLSTATE; empty for an exception of Python.
    pub state: &'static str,
    /// The exception's type without its module; empty where the SQLSTATE decides.
    pub kind: &'static str,
    /// A part of the message, where neither the SQLSTATE nor the type decides.
    pub says: &'static str,
    /// The code of this cause.
    pub code: &'static Code,
    /// The fix, step by step.
    pub remedy: &'static [&'static str],
}

/// Codes that name the place of a failure and not its reason: any cause may lie behind them.
const OF_ANY_CAUSE: &[&Code] = &[
    &MIGRATION_FAILED,
    &BEFORE_SEED,
    &DOWNGRADE_FAILED,
    &ENV_FAILED,
    &FAILS_ON_ROWS,
    &MODELS_DIFFER,
];

/// A cause known by the SQLSTATE of a Postgres error.
const fn state(state: &'static str, code: &'static Code, remedy: &'static [&'static str]) -> Cause {
    Cause { state, kind: "", says: "", code, remedy }
}

/// A cause known by the type of a Python exception.
const fn raised(kind: &'static str, says: &'static str, remedy: &'static [&'static str]) -> Cause {
    Cause { state: "", kind, says, code: &MIGRATION_FAILED, remedy }
}

impl Cause {
    const fn saying(self, says: &'static str) -> Cause {
        Cause { says, ..self }
    }

    /// The cause of the error in a transcript.
    pub fn of(said: &Transcript) -> Option<&'static Cause> {
        let headline = said.headline()?;
        let state = headline.sqlstate.as_deref().unwrap_or_default();
        let is_kind = |kind: &str| {
            said.exceptions.iter().any(|e| e.kind.rsplit('.').next().unwrap_or_default() == kind)
        };
        // Postgres repeats a word as the statement writes it.
        let says = |part: &str| {
            let part = part.to_lowercase();
            said.exceptions.iter().any(|e| e.message.to_lowercase().contains(&part))
        };
        CAUSES.iter().find(|cause| {
            let known =
                if cause.kind.is_empty() { cause.state == state } else { is_kind(cause.kind) };
            known && (cause.kind.is_empty() || state.is_empty()) && says(cause.says)
        })
    }

    /// Whether the cause explains a failure with this code better than the code itself does.
    pub fn explains(&self, code: &Code) -> bool {
        self.code == code || OF_ANY_CAUSE.contains(&code)
    }
}

/// Every cause; among those with one SQLSTATE, the more precise first.
pub static CAUSES: &[Cause] = &[
    state("0A000", &REFUSED, &[
        "the server lacks the extension: install its package where the server runs (on Debian and Ubuntu `postgresql-15-cron`), or give the gate a server that has it (`--postgres-url`)",
    ]).saying("extension \"pg_cron\" is not available"),
    state("0A000", &REFUSED, &[
        "the server lacks the extension: install its package where the server runs (on Debian and Ubuntu `postgresql-15-postgis-3`), or give the gate a server that has it (`--postgres-url`)",
    ]).saying("extension \"postgis\" is not available"),
    state("0A000", &REFUSED, &[
        "the server lacks the extension: install its package where the server runs (on Debian and Ubuntu `postgresql-15-pgvector`), or give the gate a server that has it (`--postgres-url`)",
    ]).saying("extension \"vector\" is not available"),
    state("0A000", &REFUSED, &[
        "the server lacks the extension: install its package where the server runs, or give the gate a server that has it (`--postgres-url`)",
        "on Debian and Ubuntu: `postgresql-contrib` for pg_trgm, citext, hstore and the like",
    ]).saying("is not available"),
    state("0A000", &REFUSED, &[
        "drop the view, rule, trigger or policy that the message names, alter the column, then create it again; do the same in `downgrade()`",
    ]).saying("cannot alter type of a column used"),
    state("0A000", &REFUSED, &["this version of Postgres cannot do it: write the statement in another way"]),
    state("21000", &REFUSED, &[
        "the subquery finds several rows where one value is needed: look the row up by a unique key, or take one (`ORDER BY … LIMIT 1`)",
    ]),
    state("22001", &REFUSED, &[
        "a revision id has more than 32 characters, which is all that `alembic_version` holds: shorten the id",
    ]).saying("character varying(32)"),
    state("22001", &REFUSED, &["make the column wider (`sa.String(n)`), or shorten the values with an `UPDATE` first"]),
    state("22003", &REFUSED, &["use a wider type (`sa.BigInteger`, a larger `sa.Numeric`), or correct the values first"]),
    state("22007", &REFUSED, &["correct the values that are no dates with an `UPDATE` before the type changes"]),
    state("22012", &REFUSED, &["guard the division: `x / NULLIF(y, 0)`"]),
    state("22P02", &REFUSED, &["an enum lacks this label: add it in a revision before this one, or use one of its labels"])
        .saying("for enum"),
    state("22P02", &REFUSED, &[
        "write a default that has quotes or a cast of its own as SQL: `server_default=sa.text(\"'{}'::json\")`",
        "where values of rows are meant: correct them with an `UPDATE` first, or convert them in `postgresql_using`",
    ]).saying("for type json"),
    state("22P02", &REFUSED, &[
        "some values cannot be read as the new type: correct them with an `UPDATE` first, or convert them in `postgresql_using`",
    ]),
    state("23502", &CONSTRAINT_VIOLATED, &[
        "rows have NULL there: fill them with an `UPDATE` before `nullable=False`, or add the column with a `server_default`",
        "an `INSERT` must give the column a value",
    ]),
    state("23503", &CONSTRAINT_VIOLATED, &[
        "rows of the table that the message names last still refer to these: delete or change them first",
    ])
    .saying("update or delete on table"),
    state("23503", &CONSTRAINT_VIOLATED, &[
        "rows refer to others that are not there: insert the missing ones first, or delete or correct those that refer to them before the key is added",
    ]),
    state("23505", &CONSTRAINT_VIOLATED, &[
        "two rows have the same key: remove the duplicates before the unique constraint or index is created",
        "after rows with explicit ids, move the sequence on: `SELECT setval(pg_get_serial_sequence('t', 'id'), (SELECT max(id) FROM t))`",
    ]),
    state("23514", &CONSTRAINT_VIOLATED, &[
        "rows do not fit the check: correct them with an `UPDATE` before it is added, or add it with `NOT VALID`, correct them, and validate it in a later revision",
    ]),
    state("23P01", &CONSTRAINT_VIOLATED, &["rows overlap: correct them before the exclusion constraint is added"]),
    state("25001", &REFUSED, &[
        "put the statement into `with op.get_context().autocommit_block():`: it cannot run inside a transaction, and Alembic began one",
    ]),
    state("25006", &REFUSED, &[
        "the transaction is read-only: take out `SET TRANSACTION READ ONLY` or `default_transaction_read_only`, or connect to the primary server and not to a replica",
    ]),
    state("25P02", &REFUSED, &[
        "an earlier statement failed, and its exception was caught: fix that statement, or run it in `with op.get_bind().begin_nested():` so that only it is rolled back",
    ]),
    state("2BP01", &REFUSED, &[
        "drop what the detail names first (views, foreign keys, columns of the type), in the reverse order of creation",
        "an index that belongs to a constraint goes with `op.drop_constraint`, not with `op.drop_index`",
    ]),
    state("3F000", &UNDEFINED_OBJECT, &[
        "create the schema first: `op.execute(\"CREATE SCHEMA IF NOT EXISTS name\")`, or correct its name",
    ]),
    state("40001", &LOCKED, &["another transaction changed the same rows: run the migration alone, or try it again"]),
    state("40P01", &LOCKED, &[
        "two transactions wait for each other: lock the tables in the same order everywhere, and use one connection (`op.get_bind()`)",
    ]),
    state("42501", &NO_PRIVILEGE, &[
        "the object belongs to another role: let that role own the migration's connection, or have ownership given first (`ALTER … OWNER TO`)",
    ]).saying("must be owner"),
    state("42501", &NO_PRIVILEGE, &[
        "have the role that deploys granted the right first, or let the migration do without it (extensions and roles are best created where the server is set up)",
    ]),
    state("42601", &REFUSED, &[
        "backticks quote names in MySQL alone: write double quotes, or no quotes for a name in small letters",
    ]).saying("at or near \"`\""),
    state("42601", &REFUSED, &[
        "`MODIFY` and `CHANGE` are MySQL's: use `op.alter_column`, in SQL `ALTER COLUMN a TYPE …`, `ALTER COLUMN a SET NOT NULL` and `RENAME COLUMN a TO b`",
    ]).saying("at or near \"MODIFY\""),
    state("42601", &REFUSED, &[
        "`AUTO_INCREMENT` is MySQL's: use `sa.Column(\"id\", sa.Integer, primary_key=True)`, in SQL `GENERATED BY DEFAULT AS IDENTITY`",
    ]).saying("at or near \"AUTO_INCREMENT\""),
    state("42601", &REFUSED, &[
        "`PRAGMA` is SQLite's: ask `op.get_bind().dialect.name` first, and leave it out for Postgres",
    ]).saying("at or near \"PRAGMA\""),
    state("42601", &REFUSED, &[
        "correct the SQL at the word that the message names; several statements in one string need a `;` between them",
        "with psycopg 3 and asyncpg, DDL takes no bound parameters: write the value into the statement",
    ]),
    state("42611", &REFUSED, &["correct the column's definition: the message names the part that does not fit"]),
    state("42701", &DUPLICATE_OBJECT, &[
        "the table has the column already: delete this `op.add_column`, or drop the column in the `downgrade()` that left it",
    ]),
    state("42702", &REFUSED, &["write the table before the column (`t.a`): two tables of the query have a column of that name"]),
    state("42703", &UNDEFINED_OBJECT, &[
        "correct the column's name, or add the column in an earlier revision; names with capitals need quotes in SQL",
        "a name that was renamed by an earlier revision has its new name from there on",
    ]),
    state("42704", &UNDEFINED_OBJECT, &[
        "`sa.DATETIME` is MySQL's: write `sa.DateTime()`, in SQL `timestamp` or `timestamptz`",
    ]).saying("type \"datetime\""),
    state("42704", &UNDEFINED_OBJECT, &["Postgres has no `blob`: write `sa.LargeBinary()`, in SQL `bytea`"])
        .saying("type \"blob\""),
    state("42704", &UNDEFINED_OBJECT, &["Postgres has no `clob`: write `sa.Text()`, in SQL `text`"])
        .saying("type \"clob\""),
    state("42704", &UNDEFINED_OBJECT, &["Postgres has no `nvarchar`: write `sa.Unicode(n)`, in SQL `varchar(n)`"])
        .saying("type \"nvarchar\""),
    state("42704", &UNDEFINED_OBJECT, &["Postgres has no `tinyint`: write `sa.SmallInteger()`, or `sa.Boolean()` for true and false"])
        .saying("type \"tinyint\""),
    state("42704", &UNDEFINED_OBJECT, &["Postgres has no `double`: write `sa.Double()`, in SQL `double precision`"])
        .saying("type \"double\""),
    state("42704", &UNDEFINED_OBJECT, &[
        "the access method takes no such type by itself: `CREATE EXTENSION IF NOT EXISTS btree_gin` (for gist: `btree_gist`) in an earlier revision; for parts of texts `pg_trgm` and `postgresql_ops={\"name\": \"gin_trgm_ops\"}`; or leave `postgresql_using` out",
    ]).saying("no default operator class"),
    state("42704", &UNDEFINED_OBJECT, &[
        "create the type before the column that uses it (`kind.create(op.get_bind(), checkfirst=True)`), or correct its name",
        "a type of an extension needs `CREATE EXTENSION IF NOT EXISTS …` in an earlier revision",
    ]).saying("type \""),
    state("42704", &UNDEFINED_OBJECT, &[
        "correct the name: `\\d table` in psql shows what constraints and indexes are called, and a naming convention gives them other names than the model",
        "what goes with its table or column is dropped before it, or not at all",
    ]),
    state("42710", &DUPLICATE_OBJECT, &[
        "where another revision created the type, use that one: write `postgresql.ENUM(…, name=\"…\", create_type=False)` here, and do not drop it in `downgrade()`",
        "where this revision alone creates it, its `downgrade()` left it, as a type does not go with its table: drop it there (`sa.Enum(name=\"…\").drop(op.get_bind())`)",
    ]).saying("type \""),
    state("42710", &DUPLICATE_OBJECT, &[
        "find what created it first: delete one of the two, or drop it in the `downgrade()` that left it",
    ]),
    state("42723", &DUPLICATE_OBJECT, &[
        "write `CREATE OR REPLACE FUNCTION`, and put the earlier text back in `downgrade()`; or drop the function first",
    ]),
    state("42803", &REFUSED, &["name the column in `GROUP BY`, or put it into an aggregate"]),
    state("42804", &REFUSED, &[
        "write the default as a value of the column's type: for a boolean `server_default=sa.text(\"true\")`, not `1`",
    ]).saying("but default expression is of type"),
    state("42804", &REFUSED, &[
        "a boolean is not a number in Postgres: write `true` or `false`",
    ]).saying("is of type boolean but expression is of type integer"),
    state("42804", &REFUSED, &[
        "drop the default, change the type, set the new default: Postgres cannot convert the default by itself",
    ]).saying("default for column"),
    state("42804", &REFUSED, &[
        "give the column of the foreign key the type of the column that it names",
    ]).saying("foreign key constraint"),
    state("42804", &REFUSED, &[
        "say how the values are converted: `postgresql_using=\"a::integer\"` in `op.alter_column` (from one enum to another: `a::text::order_side`), or a cast in the statement",
    ]),
    state("42809", &REFUSED, &["it is another kind of object: `DROP VIEW` for a view, `DROP MATERIALIZED VIEW`, `DROP INDEX`, `op.drop_constraint`"]),
    state("42830", &REFUSED, &[
        "give the columns that the foreign key names a primary key or a unique constraint first",
    ]),
    state("42846", &REFUSED, &["there is no cast between the two types: convert through text (`a::text::kind`) in `postgresql_using`"]),
    state("42883", &UNDEFINED_OBJECT, &[
        "a boolean is not a number in Postgres: compare it with `true` or `false`, or write `WHERE a` and `WHERE NOT a`",
    ]).saying("operator does not exist: boolean = integer"),
    state("42883", &UNDEFINED_OBJECT, &["Postgres has no `ifnull`: write `coalesce(a, b)`"])
        .saying("function ifnull("),
    state("42883", &UNDEFINED_OBJECT, &["Postgres has no `group_concat`: write `string_agg(a, ',')`"])
        .saying("function group_concat("),
    state("42883", &UNDEFINED_OBJECT, &[
        "the types do not fit: add a cast on one side (`a::text`); an enum or a uuid is not compared with text",
    ]).saying("operator does not exist"),
    state("42883", &UNDEFINED_OBJECT, &[
        "create the function before its first use, or correct its name or the types of its arguments",
        "a function of an extension needs `CREATE EXTENSION IF NOT EXISTS …` in an earlier revision (`uuid_generate_v4`: uuid-ossp; `gen_random_uuid` needs none)",
    ]),
    state("42P01", &UNDEFINED_OBJECT, &[
        "create the table before this statement, in this revision or an earlier one, or correct its name or schema",
        "on an empty database only what the chain has created is there, and what an earlier revision renamed or dropped is not",
    ]),
    state("42P02", &UNDEFINED_OBJECT, &["DDL takes no bound parameters: write the value into the statement"]),
    state("42P06", &DUPLICATE_OBJECT, &["write `CREATE SCHEMA IF NOT EXISTS`, or drop the schema in `downgrade()`"]),
    state("42P07", &DUPLICATE_OBJECT, &[
        "find what created it first: delete one of the two, or drop it in the `downgrade()` that left it",
        "indexes, sequences and views share their names with tables: give this one another name",
    ]),
    state("42P10", &REFUSED, &["`ON CONFLICT` needs a unique constraint or index on exactly these columns: create it first"]),
    state("42P16", &REFUSED, &["a table has one primary key: drop the old one first (`op.drop_constraint(\"t_pkey\", \"t\")`)"])
        .saying("multiple primary keys"),
    state("42P16", &REFUSED, &[
        "`CREATE OR REPLACE VIEW` cannot drop, rename or retype columns: drop the view and create it again, in `downgrade()` too",
    ]).saying("view"),
    state("42P16", &REFUSED, &["correct the table's definition: the message names the part that does not fit"]),
    state("42P17", &REFUSED, &["correct the object's definition: the message names the part that does not fit"]),
    state("42P18", &REFUSED, &["Postgres cannot tell the type: add a cast (`NULL::text`, `:name::uuid`)"]),
    state("55000", &REFUSED, &[
        "the object is not in the state that the statement needs: a materialized view is refreshed before it is read, a sequence is used before `currval`",
    ]),
    state("55006", &REFUSED, &[
        "something still uses the object: run what is pending first (close cursors; `SET CONSTRAINTS ALL IMMEDIATE` before `ALTER TABLE` after rows were changed), or put the two into two revisions",
    ]),
    state("55P03", &LOCKED, &[
        "another connection holds the lock: use one connection (`op.get_bind()`) in a revision, or allow a longer `lock_timeout`",
    ]),
    state("55P04", &REFUSED, &[
        "add the label in a revision of its own, before this one, with `transaction_per_migration=True` in env.py",
        "or add the value in `with op.get_context().autocommit_block():`, and use it after that block",
    ]),
    state("57014", &LOCKED, &[
        "the statement ran past `statement_timeout`: make it faster (in batches, with an index), or raise the timeout in the revision: `SET LOCAL statement_timeout = '10min'`",
    ]),
    state("58P01", &REFUSED, &[
        "a file is missing on the server, which is no fault of its disk: install the package that has the extension or the library, or correct the path",
    ]),
    state("P0001", &REFUSED, &[
        "the migration or a trigger raised this error itself: where it checks for data that production has, supply that data (see 'Adding a supply' in README.md; for a tree given with `--ini`, `before.REVISION = FILE` in its section `[migration-gate]`)",
    ]),
    raised("CompileError", "it has no name", &[
        "give `op.drop_constraint` the constraint's name; `None` names nothing. The `naming_convention` of `target_metadata` named it; where there is none, Postgres did: `t_a_fkey`, `t_a_key`, `t_a_check` or `t_pkey`",
    ]),
    raised("UnsupportedCompilationError", "can't render element of type", &[
        "the type belongs to another database: write a general one (`sa.SmallInteger()`, `sa.Text()`, `sa.LargeBinary()`); where that database is used too, `sa.Text().with_variant(mysql.LONGTEXT(), \"mysql\")`",
    ]),
    raised("CompileError", "requires that", &["give the column or constraint what the message names"]),
    raised("CompileError", "requires a name", &["give the enum a name: `sa.Enum(…, name=\"order_side\")`; Postgres keeps an enum as a type of its own"]),
    raised("AttributeError", "has no attribute 'downgrade'", &[
        "write a `downgrade()` that undoes `upgrade()`, in reverse order: all migrations are reversible",
        NO_WAY_BACK,
    ]),
    raised("TypeError", "execute() takes", &[
        "`op.execute` takes no parameters: `op.get_bind().execute(sa.text(\"…\"), {\"name\": value})`, or `sa.text(\"…\").bindparams(name=value)`",
    ]),
    raised("TypeError", "missing 1 required positional argument: 'table_name'", &["give the operation the table's name"]),
    raised("TypeError", "tuple indices must be integers", &[
        "a row of SQLAlchemy 2 has its columns as attributes: `row.id`; for names in brackets, take `result.mappings()`",
    ]),
    raised("AttributeError", "Could not locate column in row", &[
        "the row has no such column; of a row of SQLAlchemy 2, `row._mapping` has `keys()`, `items()` and names in brackets",
    ]),
    raised("AttributeError", "set attribute", &[
        "a row that a query gave cannot be changed: write the new value with an UPDATE",
    ]),
    raised("NameError", "is not defined", &["define or import the name, or correct it"]),
    raised("IdentifierError", "exceeds maximum length", &["shorten the name to 63 characters: Postgres keeps no more"]),
    raised("InvalidRequestError", "is already defined for this MetaData instance", &[
        "give each revision a `sa.MetaData()` of its own inside `upgrade()`, or describe the table with `sa.table(…)`; a model of the application that two imports load is defined twice as well",
    ]),
    raised("InvalidRequestError", "Naming convention including", &["give the constraint a name: the naming convention builds on it"]),
    raised("InvalidRequestError", "isolation_level may not be altered", &[
        "use `with op.get_context().autocommit_block():` in place of `execution_options(isolation_level=\"AUTOCOMMIT\")`",
    ]),
    raised("InvalidRequestError", "A value is required for bind parameter", &[
        "`sa.text` and `op.execute` read `:name` as a parameter: write `\\:name` for a colon that is meant as it stands, or give the value with `.bindparams(name=…)`",
    ]),
    raised("InvalidRequestError", "closed transaction", &["take out the `commit()` or `rollback()` in the revision: Alembic ends its own transaction"]),
    raised("PendingRollbackError", "", &["an earlier statement failed and its exception was caught: fix that statement, or run it in `with op.get_bind().begin_nested():`"]),
    raised("CommandError", "Ambiguous walk", &[
        "a merge revision has several parents: name the one to step down to, `alembic downgrade PARENT`",
    ]),
    raised("InterpolationSyntaxError", "", &["write `%%` for each `%` in the ini (in a password, say), or `url.replace(\"%\", \"%%\")` in env.py before `config.set_main_option`"]),
    raised("ValueError", "invalid interpolation syntax", &["write `url.replace(\"%\", \"%%\")` in env.py before `config.set_main_option`: the ini's parser reads `%`"]),
    raised("InterpolationMissingOptionError", "", &["define the option that `%(name)s` names in the ini, or write `%%` for a `%` that is meant as it stands"]),
    raised("TypeError", "not all arguments converted", &["`exec_driver_sql` reads `%` as a parameter: write `%%`, or use `op.execute`"]),
    raised("TypeError", "dict is not a sequence", &["`exec_driver_sql` reads `%` as a parameter: write `%%`, or use `op.execute`"]),
    raised("ValueError", "unsupported format character", &["`exec_driver_sql` reads `%` as a parameter: write `%%`, or use `op.execute`"]),
    raised("ProgrammingError", "are allowed as placeholders", &["`exec_driver_sql` reads `%` as a parameter: write `%%`, or use `op.execute`"]),
    raised("ObjectNotExecutableError", "", &["wrap the SQL: `bind.execute(sa.text(\"…\"))`"]),
    raised("ArgumentError", "explicitly declared as text", &["wrap the SQL: `sa.text(\"…\")`"]),
    raised("NoReferencedTableError", "", &["use `op.create_foreign_key`, which names tables, or put both tables into one `MetaData`"]),
    Cause {
        code: &UNDEFINED_OBJECT,
        ..raised("NoSuchTableError", "", &["the table that is read from the catalogue is not there: create it in an earlier revision, or correct its name or schema"])
    },
    Cause {
        code: &ENV_FAILED,
        ..raised("ImportError", "Can't find Python file", &[
            "the folder that `script_location` names has no env.py: correct `script_location` in the ini, or write the file (`alembic init` in an empty folder makes one to begin with)",
        ])
    },
    raised("NoSuchModuleError", "", &["begin the URL with `postgresql://` or `postgresql+driver://`: SQLAlchemy knows no `postgres://`"]),
];

#[cfg(test)]
mod tests;
