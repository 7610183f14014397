//! Arguments that name trees, and how a tree's env.py is told of the databases.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::help::heading;
use super::revisions::tree_names;
use super::shared::Repository;

/// Help of `--root` beside `--ini`.
const ROOT_HELP: &str = "\
Work on the repository in this folder

Default: the one that holds the working folder; with --ini, the top of the git repository that holds \
the ini, else the ini's folder.";

/// Trees to work on.
#[derive(Clone, Debug, Default, Args)]
#[command(mut_arg("root", |root| root.hide_short_help(true).long_help(ROOT_HELP)))]
pub struct TreeSelection {
    /// The trees; all unless named
    #[arg(value_name = "TREE", conflicts_with = "ini", value_parser = tree_names())]
    pub trees: Vec<String>,

    /// Work on this alembic.ini or pyproject.toml instead
    ///
    /// Its section `[migration-gate]` (`[tool.migration-gate]`) may hold the options of this
    /// group, with `_` for `-`, several values one a line. It may also name files with SQL that
    /// can run twice: `before = FILE` supplies what must be there before the first revision,
    /// `before.REVISION = FILE` what must be there before that one.
    #[arg(long, value_name = "PATH", help_heading = heading::OTHER_TREE)]
    pub ini: Option<Utf8PathBuf>,

    /// With --ini: the folder where Alembic runs
    ///
    /// Default: the folder of the ini.
    #[arg(
        long,
        value_name = "DIR",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub cwd: Option<Utf8PathBuf>,

    /// With --ini: the section that configures Alembic
    ///
    /// As `alembic --name` takes it. Default: alembic.
    #[arg(
        long,
        value_name = "SECTION",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub name: Option<String>,

    /// With --ini: how many heads the tree may have
    ///
    /// Default: head.
    #[arg(
        long,
        value_name = "TARGET",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub target: Option<TargetName>,

    /// The repository.
    #[command(flatten)]
    pub repository: Repository,
}

impl TreeSelection {
    /// The same selection as words of a command line; of the monorepo's trees those that are named.
    pub fn words(&self, trees: &[String]) -> Vec<String> {
        let mut words = if self.ini.is_some() { Vec::new() } else { trees.to_vec() };
        let path = |path: &Option<Utf8PathBuf>| path.as_ref().map(ToString::to_string);
        let target = self.target.and_then(|target| target.to_possible_value());
        let values = [
            ("--ini", path(&self.ini)),
            ("--cwd", path(&self.cwd)),
            ("--name", self.name.clone()),
            ("--target", target.map(|target| target.get_name().to_owned())),
            ("--root", path(&self.repository.root)),
        ];
        for (option, value) in values {
            words.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
        }
        words
    }
}

/// How the env.py of an --ini tree is told of the gate's databases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct EnvPy {
    /// With --ini: set a variable that env.py reads; repeatable
    ///
    /// TEMPLATE may hold {url}, {driver}, {host}, {port}, {user}, {password}, {database};
    /// {url:NAME} and {database:NAME} stand for one more database, which the gate makes; {{ and }}
    /// stand for braces.
    #[arg(
        long,
        value_name = "NAME=TEMPLATE",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub set_env: Vec<String>,

    /// With --ini: the variable from which env.py takes its URL
    ///
    /// The same as `--set-env NAME={url}`. Default: DATABASE_URL.
    #[arg(
        long,
        value_name = "NAME",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub url_env: Option<String>,

    /// With --ini: pass to env.py, as `alembic -x`; VALUE may be a template; repeatable
    #[arg(
        short = 'x',
        value_name = "KEY=VALUE",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub x: Vec<String>,

    /// With --ini: the SQLAlchemy driver to name in its URL
    ///
    /// Default: that of the ini's own URL where its Python has it, else the first of psycopg2,
    /// psycopg, asyncpg, pg8000 that it has.
    #[arg(
        long,
        value_name = "NAME",
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub driver: Option<String>,

    /// With --ini: fail where models and migrations differ
    ///
    /// The models are the `target_metadata` of its env.py. Without this option a difference is a warning.
    #[arg(
        long,
        requires = "ini",
        hide_short_help = true,
        help_heading = heading::OTHER_TREE
    )]
    pub strict_models: bool,
}

impl EnvPy {
    /// The same as words of a command line.
    pub fn words(&self) -> Vec<String> {
        let values = |option: &str, values: &[String]| -> Vec<String> {
            values.iter().flat_map(|value| [option.to_owned(), value.clone()]).collect()
        };
        [
            values("--set-env", &self.set_env),
            values("--url-env", self.url_env.as_slice()),
            values("-x", &self.x),
            values("--driver", self.driver.as_slice()),
        ]
        .concat()
    }
}

/// How many heads a tree means to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// One
    Head,
    /// One for each base
    Heads,
}
