//! The command line as data, and nothing else: the feature list. `contract.md`'s 'Commands' rules.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Tasks of this monorepo.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Xtask {
    /// Which task.
    #[command(subcommand)]
    pub command: Command,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prove that the Alembic trees can be applied, rolled back and applied again
    ///
    /// Each tree is applied to a fresh Postgres 15, must have one head, is rolled back and applied
    /// again. Exit status: 0 every step passed; 1 the migrations are at fault; 2 the gate could not
    /// do its work; 130 or 143 interrupted.
    MigrationGate(Box<Gate>),
}

/// What the gate works on and how.
#[derive(Debug, Args)]
pub struct Gate {
    /// The trees to gate; both unless named
    #[arg(value_name = "TREE", conflicts_with = "ini")]
    pub trees: Vec<TreeName>,

    /// Use this running Postgres 15, as a role that may create databases and roles
    #[arg(long, value_name = "URL", env = "MIGRATION_GATE_POSTGRES_URL", hide_env_values = true)]
    pub postgres_url: Option<String>,

    /// Take initdb, pg_ctl and postgres from this folder
    #[arg(long, value_name = "DIR", env = "MIGRATION_GATE_POSTGRES_BIN")]
    pub postgres_bin: Option<Utf8PathBuf>,

    /// Use this interpreter, which already has Alembic, and install nothing
    #[arg(long, value_name = "PATH", env = "MIGRATION_GATE_PYTHON")]
    pub python: Option<Utf8PathBuf>,

    /// Gate another Alembic tree, which needs nothing supplied
    #[arg(long, value_name = "PATH")]
    pub ini: Option<Utf8PathBuf>,

    /// With --ini: the folder where Alembic runs [default: the folder of the ini]
    #[arg(long, value_name = "DIR", requires = "ini")]
    pub cwd: Option<Utf8PathBuf>,

    /// With --ini: the variable through which its env.py takes its URL
    #[arg(long, value_name = "NAME", requires = "ini", default_value = "DATABASE_URL")]
    pub url_env: String,

    /// With --ini: the SQLAlchemy driver to name in its URL [default: the first that its Python has
    /// of psycopg2, psycopg, asyncpg, pg8000]
    #[arg(long, value_name = "NAME", requires = "ini")]
    pub driver: Option<String>,

    /// The monorepo to work on [default: the one that holds this xtask]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,

    /// What goes to stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub format: Format,

    /// Also write a report, as json=PATH; repeatable
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report)]
    pub reports: Vec<ReportFile>,

    /// Step every revision down and up again, not only the new ones
    #[arg(long)]
    pub stairway: bool,

    /// The longest that one step may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,

    /// Leave the databases and print how to connect
    #[arg(long)]
    pub keep: bool,

    /// Connect to a Postgres that is neither a socket nor loopback
    #[arg(long)]
    pub allow_remote: bool,

    /// Let the migrations see this environment variable; repeatable
    #[arg(long, value_name = "NAME")]
    pub pass_env: Vec<String>,
}

/// A tree of the monorepo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TreeName {
    /// `console/migrations`
    Console,
    /// `backend_v2/alembic`
    Raptor,
}

/// What goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Human,
    /// For a program: the contract's JSON
    Json,
}

/// A report to write beside what goes to stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Where.
    pub path: Utf8PathBuf,
}

fn parse_report(text: &str) -> Result<ReportFile, String> {
    match text.split_once('=') {
        Some(("json", path)) if !path.is_empty() => Ok(ReportFile { path: path.into() }),
        _ => Err("write it as json=PATH".into()),
    }
}
