//! Headings and examples of `--help`.

/// The groups of options.
pub(super) mod heading {
    /// Which trees and revisions.
    pub const WHAT: &str = "What is checked";
    /// How they are run.
    pub const HOW: &str = "How it runs";
    /// Output and report files.
    pub const OUTPUT: &str = "Output";
    /// Where the programs are.
    pub const PROGRAMS: &str = "Postgres and Python";
    /// Trees beside the monorepo's own.
    pub const OTHER_TREE: &str = "Another Alembic tree";
}

/// Examples for the end of the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  cargo gate                      check all trees
  cargo gate console --watch      check one tree, again at every save
  cargo gate explain job.log      say what went wrong in a log of CI";

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use crate::flags::Xtask;

    /// The gate and each of its commands.
    fn commands() -> Vec<Command> {
        let mut xtask = Xtask::command().term_width(80);
        xtask.build();
        let gate = xtask.find_subcommand("migration-gate").unwrap().clone();
        let verbs: Vec<Command> = gate.get_subcommands().cloned().collect();
        std::iter::once(gate).chain(verbs).collect()
    }

    #[test]
    fn each_help_fits_and_short_help_is_short() {
        for mut command in commands() {
            let name = command.get_name().to_owned();
            let (short, long) =
                (command.render_help().to_string(), command.render_long_help().to_string());
            for line in short.lines().chain(long.lines()) {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
            if name == "help" {
                continue;
            }
            let rows = if name == "migration-gate" { 60 } else { 40 };
            assert!(short.lines().count() <= rows, "{name}:\n{short}");
            // One option, one line.
            let wrapped = |line: &&str| line.starts_with("                    ");
            assert_eq!(short.lines().find(wrapped), None, "{name}:\n{short}");
            let version = command.render_version();
            assert!(version.starts_with("migration-gate"), "{name}: {version}");
            assert!(short.contains("--color <WHEN>"), "{name}:\n{short}");
            assert!(
                !long.contains("Options:\n      --"),
                "{name} has an option in no group:\n{long}"
            );
        }
    }

    #[test]
    fn long_help_has_the_whole_text() {
        let says = [
            ("migration-gate", "Examples:\n  cargo gate "),
            ("lint", "in the whole file.\n\nExit status: 0 no error was found"),
            ("workflow", "# migration-gate: bypass REASON"),
            ("renumber", "a person must decide"),
            ("collisions", "Exit status: 0 no revision"),
            ("doctor", "Exit status: 0 the gate can run here; 2 it cannot"),
            ("explain", "gh run view --log"),
            ("replay", "Exit status: 0 each incident"),
            ("graph", "newest revision comes first"),
            ("runbook", "xtask/RUNBOOK.md"),
            ("completions", "the program `xtask`"),
        ];
        let commands = commands();
        for (name, said) in says {
            let command = commands.iter().find(|command| command.get_name() == name);
            let long = command.unwrap().clone().render_long_help().to_string();
            assert!(long.contains(said), "{name}:\n{long}");
        }
    }
}
