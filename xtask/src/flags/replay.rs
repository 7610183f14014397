//! The options of `replay`.

use camino::Utf8PathBuf;
use clap::Args;

use super::output::ReplayFormat;

/// Which incidents to replay and how.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// The incidents: `1548`; `broken-down-revision` names all that begin with it
    #[arg(value_name = "ID", required_unless_present_any = ["all", "list", "mutants", "supplies"])]
    pub ids: Vec<String>,

    /// Replay every incident
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,

    /// Say which incidents there are, and replay none
    #[arg(long)]
    pub list: bool,

    /// Put faults into today's trees instead, and see that the gate catches and names each
    #[arg(long, conflicts_with_all = ["ids", "all", "list", "keep", "shard"])]
    pub mutants: bool,

    /// Leave out each supply of the recipes in turn, on copies, and say which revisions need it
    #[arg(long, conflicts_with_all = ["ids", "all", "list", "mutants", "keep", "shard"])]
    pub supplies: bool,

    /// With --mutants: how many
    #[arg(long, value_name = "N", requires = "mutants", default_value_t = 150, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub limit: u16,

    /// With --mutants: begin none after this long
    #[arg(long, value_name = "SECONDS", requires = "mutants", default_value_t = 600)]
    pub seconds: u64,

    /// With --mutants: draws others
    #[arg(long, value_name = "N", requires = "mutants", default_value_t = 1)]
    pub seed: u64,

    /// With --mutants: where those are written as incidents that the gate does not catch or misnames
    /// [default: target/migration-gate/survivors of the monorepo]
    #[arg(long, value_name = "DIR", requires = "mutants")]
    pub survivors: Option<Utf8PathBuf>,

    /// Leave the broken trees and their databases, and print how to connect
    #[arg(long)]
    pub keep: bool,

    /// Replay only the K-th of N equal parts of what is asked for
    #[arg(long, value_name = "K/N", value_parser = parse_shard)]
    pub shard: Option<Shard>,

    /// What goes to stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReplayFormat::Human)]
    pub format: ReplayFormat,

    /// Read the incidents from here [default: xtask/incidents of the monorepo]
    #[arg(long, value_name = "DIR")]
    pub incidents: Option<Utf8PathBuf>,

    /// The monorepo to work on [default: the one that holds the working folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<Utf8PathBuf>,

    /// Take initdb, pg_ctl and postgres from this folder
    #[arg(long, value_name = "DIR", env = "MIGRATION_GATE_POSTGRES_BIN")]
    pub postgres_bin: Option<Utf8PathBuf>,

    /// Where there is no Postgres 15, do not install one from npm into the user's cache
    #[arg(long)]
    pub no_provision: bool,

    /// Use this interpreter, which already has Alembic, and install nothing
    #[arg(long, value_name = "PATH", env = "MIGRATION_GATE_PYTHON")]
    pub python: Option<Utf8PathBuf>,

    /// The longest that one step may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
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
