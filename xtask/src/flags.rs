//! The command line as data, and nothing else: the feature list.

mod explain;
mod output;
mod replay;
mod upkeep;

use camino::Utf8PathBuf;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::recipes::TREES;

pub use self::explain::{Explain, ExplainFormat};
pub use self::replay::Replay;
pub use self::upkeep::{Doctor, DoctorFormat, Runbook, WorkflowArgs};
pub use output::{FileFormat, Format, GraphFormat, Output, ReplayFormat, ReportFile};

/// Tasks of this monorepo.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Xtask {
    /// Which task.
    #[command(subcommand)]
    pub command: Command,
}

/// The tasks.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Prove that the Alembic trees can be applied, rolled back and applied again
    ///
    /// Each tree is applied to a fresh Postgres 15, must have one head, is rolled back and applied
    /// again. Exit status: 0 every step passed and no error was found; 1 the migrations are at fault; 2 the gate could not
    /// do its work; 130 or 143 interrupted.
    MigrationGate(Box<Gate>),
}

/// What the gate works on and how.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Gate {
    /// Something else than the gate itself.
    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,

    /// Use this running Postgres 15, as a role that may create databases and roles
    #[arg(long, value_name = "URL", env = "MIGRATION_GATE_POSTGRES_URL", hide_env_values = true)]
    pub postgres_url: Option<String>,

    /// Take initdb, pg_ctl and postgres from this folder
    #[arg(long, value_name = "DIR", env = "MIGRATION_GATE_POSTGRES_BIN")]
    pub postgres_bin: Option<Utf8PathBuf>,

    /// Where there is no Postgres 15, do not install one from npm into the user's cache
    #[arg(long)]
    pub no_provision: bool,

    /// Use this interpreter, which already has Alembic, and install nothing
    #[arg(long, value_name = "PATH", env = "MIGRATION_GATE_PYTHON")]
    pub python: Option<Utf8PathBuf>,

    /// How its env.py is told of the databases.
    #[command(flatten)]
    pub env_py: EnvPy,

    /// Count as new each migration that this git revision does not have [default: the merge base with the
    /// default branch]
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// How it is reported.
    #[command(flatten)]
    pub output: Output,

    /// Judge merged revisions as strictly as new ones
    #[arg(long)]
    pub all: bool,

    /// Step every revision down and up again, not only the new ones
    #[arg(long)]
    pub stairway: bool,

    /// The longest that one step may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,

    /// Leave the databases and print how to connect
    #[arg(long)]
    pub keep: bool,

    /// Apply the remedies that were verified, then gate again; asks first on a terminal. Refused where
    /// a file that it changes has uncommitted changes, and outside of git; where the second run is no better,
    /// every file is put back
    #[arg(long, conflicts_with_all = ["watch", "keep"])]
    pub fix: bool,

    /// Stay, and gate again at every save
    #[arg(long, conflicts_with = "keep")]
    pub watch: bool,

    /// Gate only the trees that the change touches; where it touches none, pass
    #[arg(long, conflicts_with = "watch")]
    pub only_changed: bool,

    /// Reuse nothing from an earlier run [implied by CI=true]
    #[arg(long)]
    pub no_cache: bool,

    /// Tell each note in full, and on stderr what is reused from an earlier run, and why not
    #[arg(short, long)]
    pub verbose: bool,

    /// Show on stderr where the time went
    #[arg(long)]
    pub timings: bool,

    /// Connect to a Postgres that is neither a socket nor loopback
    #[arg(long)]
    pub allow_remote: bool,

    /// Let the migrations see this environment variable; repeatable
    #[arg(long, value_name = "NAME")]
    pub pass_env: Vec<String>,
}

/// What there is beside the gate itself.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Find what can be known to be wrong without running anything
    Lint(Lint),
    /// Draw the revision graph
    Graph(Graph),
    /// Name the failure in a CI log or Alembic output, or explain a code or failure mode
    Explain(Explain),
    /// Replay past incidents: break a copy of the tree, check that the gate says so, fix the copy
    ///
    /// Exit status: 0 each incident was reproduced and fixed; 1 not each; 2 the replay could not
    /// do its work; 130 or 143 interrupted.
    Replay(Replay),
    /// Write `xtask/RUNBOOK.md` from the gate's own tables
    Runbook(Runbook),
    /// Fix colliding revisions (failure mode C)
    Renumber(Renumber),
    /// Say which revisions of other branches will collide with this one's
    Collisions(Collisions),
    /// Find where the CI workflows weaken the gate
    Workflow(WorkflowArgs),
    /// Say what was found on this machine, what is missing and the command that installs or fixes it
    Doctor(Doctor),
}

impl Verb {
    /// How it is reported, where it ends with a report.
    pub fn output(&self) -> Option<&Output> {
        match self {
            Verb::Lint(args) => Some(&args.output),
            Verb::Workflow(args) => Some(&args.output),
            _ => None,
        }
    }
}

/// Trees to work on.
#[derive(Clone, Debug, Args)]
pub struct TreeSelection {
    /// The trees; both unless named
    #[arg(value_name = "TREE", conflicts_with = "ini", value_parser = tree_names())]
    pub trees: Vec<String>,

    /// Work on another Alembic tree: its alembic.ini, or pyproject.toml. Its section `[migration-gate]`
    /// (`[tool.migration-gate]`) may hold the options that need --ini, with `_` for `-`, several values
    /// one a line; and files with SQL that can run twice: `before = FILE` supplies what is there
    /// before all revisions, `before.REVISION = FILE` what is there before that one
    #[arg(long, value_name = "PATH")]
    pub ini: Option<Utf8PathBuf>,

    /// With --ini: the folder where Alembic runs [default: the folder of the ini]
    #[arg(long, value_name = "DIR", requires = "ini")]
    pub cwd: Option<Utf8PathBuf>,

    /// With --ini: the section of the ini that configures Alembic, as `alembic --name` takes it [default: alembic]
    #[arg(long, value_name = "SECTION", requires = "ini")]
    pub name: Option<String>,

    /// With --ini: `heads` where the tree means to have several, one a base [default: head]
    #[arg(long, value_name = "TARGET", requires = "ini")]
    pub target: Option<TargetName>,

    /// The monorepo to work on [default: the one that holds this xtask; with --ini: the top of the git
    /// repository that holds the ini, else its folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,
}

/// How the env.py of an --ini tree is told of the gate's databases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct EnvPy {
    /// With --ini: a variable that its env.py reads, made of {url}, {driver}, {host}, {port}, {user},
    /// {password}, {database}; {url:NAME} and {database:NAME} stand for one more database, which the
    /// gate makes; {{ and }} for braces; repeatable
    #[arg(long, value_name = "NAME=TEMPLATE", requires = "ini")]
    pub set_env: Vec<String>,

    /// With --ini: as `--set-env NAME={url}`; in the place of the default, DATABASE_URL
    #[arg(long, value_name = "NAME", requires = "ini")]
    pub url_env: Option<String>,

    /// With --ini: what is handed to its env.py as `alembic -x` does, made of the same; repeatable
    #[arg(short = 'x', value_name = "KEY=VALUE", requires = "ini")]
    pub x: Vec<String>,

    /// With --ini: the SQLAlchemy driver to name in its URL [default: that of the ini's own URL where
    /// its Python has it, else the first of psycopg2, psycopg, asyncpg, pg8000 that it has]
    #[arg(long, value_name = "NAME", requires = "ini")]
    pub driver: Option<String>,
}

/// How many heads a tree means to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// One.
    Head,
    /// One a base.
    Heads,
}

/// Finds what can be known to be wrong with the migrations without Postgres, without Python and
/// without running any of them.
///
/// `# migration-gate: allow MGnnn reason` silences a finding on its line, or, at the top of a file,
/// in the whole file. Exit status: 0 no error was found; 1 one was; 2 the trees could not be read.
#[derive(Clone, Debug, Args)]
pub struct Lint {
    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,

    /// Count as new each migration that this git revision does not have [default: the merge base with the
    /// default branch]
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// Judge merged revisions as strictly as new ones
    #[arg(long)]
    pub all: bool,

    /// Does nothing: trees of any size are read whole
    #[arg(long)]
    pub whole: bool,

    /// Tell each note in full
    #[arg(short, long)]
    pub verbose: bool,

    /// How it is reported.
    #[command(flatten)]
    pub output: Output,
}

/// Draws the revision graph, newest first, with heads, bases, merges, new revisions and broken links
/// marked.
#[derive(Clone, Debug, Args)]
pub struct Graph {
    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,

    /// Count as new each migration that this git revision does not have [default: the merge base with the
    /// default branch]
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// How it is drawn
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = GraphFormat::Text)]
    pub format: GraphFormat,
}

/// Fixes colliding revisions as the runbook says for failure mode C: what came later by git goes on
/// top, under the next free number, and only the bytes that must change do. A revision that is on the
/// base, on the default branch or in a tag is never moved; without a base none is.
///
/// Whether the order matters is tried: the gate runs each order on a fresh copy, and the schemas are
/// compared. Where they differ, a person must decide, and nothing is changed. Exit status: 0 fixed, or
/// nothing to fix; 1 it cannot be fixed here, and nothing was changed; 2 the trees could not be read.
#[derive(Clone, Debug, Args)]
pub struct Renumber {
    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,

    /// Count as new each migration that this git revision does not have [default: the merge base with the
    /// default branch]
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// Move nothing, and write a revision that merges the heads, as `alembic merge` does: the remedy
    /// where both are merged already. Refused where their order matters, and where that could not be
    /// tried and one of them names what the other changes
    #[arg(long)]
    pub merge: bool,

    /// Change nothing, and print a patch that `git apply` takes at the top of the repository
    #[arg(long)]
    pub dry_run: bool,
}

/// Holds the revisions that other branches add against those of this branch and of the base: one id, one
/// parent, one file name, one table or column. Only branches and pull requests that were fetched are
/// looked at.
///
/// Exit status: 0 no revision of this branch collides; 1 one does; 2 git could not tell.
#[derive(Clone, Debug, Args)]
pub struct Collisions {
    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,

    /// Count as new each migration that this git revision does not have [default: the merge base with the
    /// default branch]
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
}

/// The names of the monorepo's trees.
fn tree_names() -> PossibleValuesParser {
    PossibleValuesParser::new(
        TREES.iter().map(|spec| PossibleValue::new(spec.id).help(format!("`{}`", spec.migrations))),
    )
}
