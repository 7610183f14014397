//! `runbook`: writes `xtask/RUNBOOK.md` from the tables that the gate itself runs on.

use anyhow::{Context, Result};
use camino::Utf8Path;

use crate::flags;
use crate::gate::selection;
use crate::recipes;
use crate::render::runbook::{self, Plan};
use crate::steps::runner::StepRunner;

/// Where the runbook lies below the root.
pub const FILE: &str = "xtask/RUNBOOK.md";

/// The runbook's text, from the recipes and the codes.
pub fn text() -> String {
    let root = Utf8Path::new("");
    let trees = recipes::trees(root);
    let plans: Vec<Plan> = trees
        .iter()
        .map(|tree| {
            let mut steps = StepRunner::dry_run(&tree.label);
            // A rehearsal touches nothing that could fail.
            let _ = recipes::run(tree, &mut steps);
            let done = steps.finish();
            let steps = done.steps.into_iter().map(|step| step.name).collect();
            Plan { tree: tree.clone(), steps, given: done.given }
        })
        .collect();
    runbook::render(&plans)
}

/// Writes the file, and returns the text to print.
pub fn run(flags: &flags::Runbook) -> Result<String> {
    let text = text();
    if flags.print {
        return Ok(text);
    }
    let file = selection::root(flags.repository.root.as_deref())?.join(FILE);
    std::fs::write(&file, text).with_context(|| format!("cannot write `{file}`"))?;
    Ok(format!("wrote {FILE}\n"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_runbook_is_what_the_tables_say() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/RUNBOOK.md");
        let written = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            written == super::text(),
            "xtask/RUNBOOK.md is stale: run `cargo xtask migration-gate runbook`"
        );
    }

    #[test]
    fn the_readme_lists_the_kinds_of_directives() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let readme = std::fs::read_to_string(file).unwrap();
        let words = readme.split_whitespace().collect::<Vec<_>>().join(" ");
        let kinds = analysis::directive::kinds().into_iter().collect::<Vec<_>>().join(", ");
        assert!(words.contains(&format!("The kinds: {kinds}.")), "README.md lacks: {kinds}");
    }
}
