//! Arguments of the commands that work on revision files and run none.

use clap::Args;

use super::help::heading;
use super::output::{GraphFormat, Output};
use super::tree::TreeSelection;

/// Find what is wrong with the migrations without running them
///
/// Needs neither Postgres nor Python, and takes milliseconds.
///
/// `# migration-gate: allow MGnnn REASON` silences a finding on its line, or, at the top of a file,
/// in the whole file.
///
/// Exit status: 0 no error was found; 1 one was; 2 the trees could not be read.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = analysis::directive::help())]
pub struct Lint {
    /// Treat revisions that are not in REV as new
    ///
    /// Default: the merge base with the default branch.
    #[arg(long, value_name = "REV", help_heading = heading::WHAT)]
    pub since: Option<String>,

    /// Judge merged revisions as strictly as new ones
    #[arg(long, help_heading = heading::WHAT)]
    pub all: bool,

    /// Does nothing: trees of any size are read whole
    #[arg(long, hide = true)]
    pub whole: bool,

    /// How it is reported.
    #[command(flatten)]
    pub output: Output,

    /// Show each note in full
    #[arg(short, long, conflicts_with = "quiet", help_heading = heading::OUTPUT)]
    pub verbose: bool,

    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,
}

/// Draw the revision graph
///
/// The newest revision comes first. Heads, bases, merges, new revisions and broken links are marked.
#[derive(Clone, Debug, Args)]
pub struct Graph {
    /// Treat revisions that are not in REV as new
    ///
    /// Default: the merge base with the default branch.
    #[arg(long, value_name = "REV", help_heading = heading::WHAT)]
    pub since: Option<String>,

    /// How to draw it: text, mermaid, dot or json
    ///
    /// text is as `git log --graph` draws; mermaid is a flowchart, which GitHub shows in Markdown; dot is
    /// for Graphviz; json is what `lint --format json` prints. Default: text.
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t = GraphFormat::Text,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    pub format: GraphFormat,

    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,
}

/// Fix two heads, or a revision id used twice (failure mode C)
///
/// The revision that git shows to be newer gets the next free number and moves to the end of the
/// chain; only the bytes that must change do. A revision that is on the base, on the default branch or
/// in a tag is never moved; without a base, none is.
///
/// The gate tries whether the order matters: it runs each order on a fresh copy, and compares the
/// schemas. Where they differ, a person must decide, and nothing is changed.
///
/// Exit status: 0 fixed, or nothing to fix; 1 it cannot be fixed here, and nothing was changed; 2 the
/// trees could not be read.
#[derive(Clone, Debug, Args)]
pub struct Renumber {
    /// Treat revisions that are not in REV as new
    ///
    /// Default: the merge base with the default branch.
    #[arg(long, value_name = "REV", help_heading = heading::WHAT)]
    pub since: Option<String>,

    /// Write a revision that merges the heads; move none
    ///
    /// As `alembic merge` does. This is the remedy where both heads are merged already. Refused where
    /// the order of the two matters; and, where that could not be tried, if one of them names what the
    /// other changes.
    #[arg(long, help_heading = heading::HOW)]
    pub merge: bool,

    /// Change nothing, and print a patch
    ///
    /// `git apply` takes the patch at the top of the repository.
    #[arg(long, help_heading = heading::HOW)]
    pub dry_run: bool,

    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,
}

/// Find revisions of other branches that collide with yours
///
/// Compares the revisions that other branches add with those of this branch and of the base: the same
/// id, the same parent, the same file name, the same table or column. Looks only at branches and pull
/// requests that were fetched.
///
/// Exit status: 0 no revision of this branch collides; 1 one does; 2 git could not tell.
#[derive(Clone, Debug, Args)]
pub struct Collisions {
    /// Treat revisions that are not in REV as new
    ///
    /// Default: the merge base with the default branch.
    #[arg(long, value_name = "REV", help_heading = heading::WHAT)]
    pub since: Option<String>,

    /// Which trees.
    #[command(flatten)]
    pub which: TreeSelection,
}
