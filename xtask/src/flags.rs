//! The command line as data, and nothing else: the feature list.

#[cfg(test)]
mod documented;
mod explain;
mod files;
mod help;
mod output;
mod replay;
mod revisions;
mod shared;
mod tree;
mod upkeep;

use clap::{Args, ColorChoice, Parser, Subcommand};

use self::help::{EXAMPLES, heading};
use self::shared::Programs;

pub use self::explain::{Explain, ExplainFormat};
pub use self::files::{Collisions, Graph, Lint, Renumber};
pub use self::replay::Replay;
pub use self::revisions::{AlembicArgs, New};
pub use self::shared::OtherTree;
pub use self::tree::{EnvPy, TargetName, TreeSelection};
pub use self::upkeep::{Completions, Doctor, DoctorFormat, Runbook, WorkflowArgs};
pub use output::{Format, GraphFormat, Output, ReplayFormat, ReportFile};

/// Tasks of this monorepo.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, propagate_version = true)]
pub struct Xtask {
    /// Which task.
    #[command(subcommand)]
    pub command: Command,
}

/// The tasks.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    MigrationGate(Box<Gate>),
}

/// Check that the Alembic trees can be applied, rolled back and applied again
///
/// Each tree is applied to a fresh Postgres 15, must have one head, is rolled back and applied
/// again.
///
/// Exit status: 0 every step passed and no error was found; 1 the migrations are at fault; 2 the
/// gate could not do its work; 130 or 143 interrupted.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, display_name = "migration-gate")]
#[command(after_help = EXAMPLES)]
pub struct Gate {
    /// Something else than the gate itself.
    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// Treat revisions that are not in REV as new
    ///
    /// Default: the merge base with the default branch.
    #[arg(long, value_name = "REV", help_heading = heading::WHAT)]
    pub since: Option<String>,

    /// Judge merged revisions as strictly as new ones
    #[arg(long, help_heading = heading::WHAT)]
    pub all: bool,

    /// Step every revision down and up, not only new ones
    #[arg(long, help_heading = heading::WHAT)]
    pub stairway: bool,

    /// Skip trees that the change does not touch
    ///
    /// Where it touches none, the gate passes and says so.
    #[arg(long, conflicts_with = "watch", help_heading = heading::WHAT)]
    pub only_changed: bool,

    /// Apply the remedies that were verified, then run again
    ///
    /// Asks first on a terminal. Refused where a file that it changes has uncommitted changes, and
    /// outside of git. Where the second run is no better, every file is put back.
    #[arg(long, conflicts_with_all = ["watch", "keep"], help_heading = heading::HOW)]
    pub fix: bool,

    /// Stay, and run again at every save
    ///
    /// After each verdict the new revisions are rehearsed on a database in use; a save ends that.
    #[arg(long, conflicts_with_all = ["keep", "quiet"], help_heading = heading::HOW)]
    pub watch: bool,

    /// Leave the databases and print how to connect
    #[arg(long, help_heading = heading::HOW)]
    pub keep: bool,

    /// Stop a step that takes longer [default: 300]
    ///
    /// The step fails then, and names the revision and the statement that it was at.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        hide_default_value = true,
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        help_heading = heading::HOW
    )]
    pub timeout: u64,

    /// Reuse nothing from an earlier run
    ///
    /// This is the default where CI=true.
    #[arg(long, help_heading = heading::HOW)]
    pub no_cache: bool,

    /// How it is reported.
    #[command(flatten)]
    pub output: Output,

    /// Show each note in full, and what is reused and why
    #[arg(short, long, conflicts_with = "quiet", help_heading = heading::OUTPUT)]
    pub verbose: bool,

    /// Show on stderr where the time went
    #[arg(long, hide_short_help = true, help_heading = heading::OUTPUT)]
    pub timings: bool,

    /// Colour the output: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value_t = ColorChoice::Auto,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    pub color: ColorChoice,

    /// Use this running Postgres 15
    ///
    /// The URL's role must be allowed to create databases and roles. Also read from
    /// MIGRATION_GATE_POSTGRES_URL, which keeps a password off the command line.
    #[arg(
        long,
        value_name = "URL",
        env = "MIGRATION_GATE_POSTGRES_URL",
        hide_env = true,
        help_heading = heading::PROGRAMS
    )]
    pub postgres_url: Option<String>,

    /// Allow --postgres-url to name another machine
    #[arg(long, hide_short_help = true, help_heading = heading::PROGRAMS)]
    pub allow_remote: bool,

    /// The programs.
    #[command(flatten)]
    pub programs: Programs,

    /// Let migrations see this environment variable; repeatable
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = heading::PROGRAMS)]
    pub pass_env: Vec<String>,

    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,

    /// How its env.py is told of the databases.
    #[command(flatten)]
    pub env_py: EnvPy,
}

impl Gate {
    /// The options that decide what is judged, as a command line has them.
    pub fn words(&self) -> Vec<String> {
        let stairway = self.stairway.then(|| "--stairway".to_owned());
        let python = self.programs.interpreter.python.as_ref();
        let python = python.map(|python| ["--python".to_owned(), python.to_string()]);
        let python = python.into_iter().flatten();
        let base = base_words(self.all, self.since.as_deref()).into_iter();
        base.chain(stairway).chain(python).chain(self.env_py.words()).collect()
    }
}

/// The options of what counts as new.
pub fn base_words(all: bool, since: Option<&str>) -> Vec<String> {
    let since = since.map(|since| ["--since".to_owned(), since.to_owned()]);
    all.then(|| "--all".to_owned()).into_iter().chain(since.into_iter().flatten()).collect()
}

/// What there is beside the gate itself. The help of each stands at its arguments.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    Lint(Lint),
    Graph(Graph),
    Explain(Explain),
    Replay(Replay),
    Runbook(Runbook),
    New(New),
    Alembic(AlembicArgs),
    Renumber(Renumber),
    Collisions(Collisions),
    Workflow(WorkflowArgs),
    Doctor(Doctor),
    Completions(Completions),
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
