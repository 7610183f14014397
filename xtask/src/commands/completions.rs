//! `cargo xtask migration-gate completions`: completions of the command line for a shell.

use clap::CommandFactory;

use crate::flags::{Completions, Xtask};

/// The name under which `cargo install` puts the program on PATH.
const PROGRAM: &str = "xtask";

/// The script that the shell reads.
pub fn run(args: &Completions) -> String {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Xtask::command(), PROGRAM, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
