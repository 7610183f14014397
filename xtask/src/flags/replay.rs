//! The options of `replay`.

use camino::Utf8PathBuf;
use clap::Args;

use super::help::heading;
use super::output::ReplayFormat;
use super::shared::{Programs, Repository};

/// Replay past incidents, to check the gate itself
///
/// For each incident the gate breaks a copy of the tree, must report the expected code, fixes the copy,
/// and must then be green.
///
/// Exit status: 0 each incident was reproduced and fixed; 1 not each; 2 the replay could not do its
/// work; 130 or 143 interrupted.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("root", |root| root.hide_short_help(true)))]
pub struct Replay {
    /// The incidents, by id or its beginning
    ///
    /// `1548`; `broken-down-revision` names all that begin with it.
    #[arg(value_name = "ID", required_unless_present_any = ["all", "list", "mutants", "supplies"])]
    pub ids: Vec<String>,

    /// Replay every incident
    #[arg(long, conflicts_with = "ids", help_heading = heading::WHAT)]
    pub all: bool,

    /// List the incidents, and replay none
    #[arg(long, help_heading = heading::WHAT)]
    pub list: bool,

    /// Put faults into today's trees, and see that each is caught
    #[arg(
        long,
        conflicts_with_all = ["ids", "all", "list", "keep", "shard"],
        help_heading = heading::WHAT
    )]
    pub mutants: bool,

    /// Say which revisions need which supply of the recipes
    ///
    /// Each supply is left out in turn, on copies of the database.
    #[arg(
        long,
        conflicts_with_all = ["ids", "all", "list", "mutants", "keep", "shard"],
        help_heading = heading::WHAT
    )]
    pub supplies: bool,

    /// With --mutants: how many [default: 150]
    #[arg(
        long,
        value_name = "N",
        requires = "mutants",
        default_value_t = 150,
        hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(1..=400),
        help_heading = heading::HOW
    )]
    pub limit: u16,

    /// With --mutants: time to start in [default: 600]
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "mutants",
        default_value_t = 600,
        hide_default_value = true,
        help_heading = heading::HOW
    )]
    pub seconds: u64,

    /// With --mutants: the seed of the draw [default: 1]
    #[arg(
        long,
        value_name = "N",
        requires = "mutants",
        default_value_t = 1,
        hide_default_value = true,
        help_heading = heading::HOW
    )]
    pub seed: u64,

    /// With --mutants: where to write those that were missed
    ///
    /// A fault that the gate does not catch, or names wrongly, is written as an incident. Default:
    /// target/migration-gate/survivors of the monorepo.
    #[arg(long, value_name = "DIR", requires = "mutants", help_heading = heading::OUTPUT)]
    pub survivors: Option<Utf8PathBuf>,

    /// Leave broken trees, and print how to connect
    #[arg(long, help_heading = heading::HOW)]
    pub keep: bool,

    /// Replay only the K-th of N equal parts
    #[arg(long, value_name = "K/N", value_parser = parse_shard, help_heading = heading::WHAT)]
    pub shard: Option<Shard>,

    /// What goes to stdout: human or json
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t = ReplayFormat::Human,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    pub format: ReplayFormat,

    /// Read the incidents from this folder
    ///
    /// Default: xtask/incidents of the monorepo.
    #[arg(long, value_name = "DIR", hide_short_help = true, help_heading = heading::WHAT)]
    pub incidents: Option<Utf8PathBuf>,

    /// The repository.
    #[command(flatten)]
    pub repository: Repository,

    /// The programs.
    #[command(flatten)]
    pub programs: Programs,

    /// Stop a step that takes longer [default: 300]
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        hide_default_value = true,
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        help_heading = heading::HOW
    )]
    pub timeout: u64,
}

/// One of several equal parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match numbers {
        Some((part, of)) if 1 <= part && part <= of => Ok(Shard { part, of }),
        _ => Err("write it as K/N, with K from 1 to N".into()),
    }
}
