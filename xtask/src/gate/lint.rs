//! Lints of the trees that were selected, as a report.

use std::time::Instant;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::selection;
use crate::flags::TreeSelection;
use crate::lint::{self, LintOptions, TreeLint};
use crate::os::interrupt::{Interrupt, Interrupted};
use analysis::once;
use model::code;
use model::finding::Finding;
use model::report::{Report, TreeReport};
use model::tree::Tree;

/// The report of the chosen trees; an error is part of the report.
pub fn report(which: &TreeSelection, terms: LintOptions<'_>, interrupt: &Interrupt) -> Report {
    let started = Instant::now();
    let mut report = Report::default();
    match surveys(which, terms, interrupt) {
        Ok((root, surveys)) => {
            for (tree, survey) in surveys {
                report.compared_with(&survey.base);
                report.trees.push(tree_report(&tree, &root, &survey));
                report.findings.extend(survey.findings);
                report.allowed.extend(survey.allowed);
                // The process ends after the report. Freeing the values one by one would take
                // longer than the lint.
                std::mem::forget(survey.scripts);
            }
        }
        Err(err) if err.is::<Interrupted>() => report.interrupted = true,
        Err(err) => {
            report.findings.push(Finding::new(&code::CANNOT_WORK, format!("{err:#}")));
        }
    }
    once::fold(&mut report.findings);
    if which.ini.is_some() {
        report.forget_operators();
    }
    report.elapsed = started.elapsed();
    report
}

/// The root, and the trees with their lint results. Fails where an ini or git cannot be read.
pub fn surveys(
    which: &TreeSelection,
    terms: LintOptions<'_>,
    interrupt: &Interrupt,
) -> Result<(Utf8PathBuf, Vec<(Tree, TreeLint)>)> {
    let (root, trees) = selection::select(which)?;
    for tree in &trees {
        let ini = tree.ini_path();
        std::fs::metadata(&ini).with_context(|| {
            format!(
                "cannot read `{ini}`, which makes {} an Alembic tree\n\
                 hint: --root names the monorepo, --ini any other tree",
                tree.label
            )
        })?;
    }
    let surveys = lint::survey(&trees, &root, terms, interrupt)?;
    Ok((root, trees.into_iter().zip(surveys).collect()))
}

fn tree_report(tree: &Tree, root: &Utf8Path, survey: &TreeLint) -> TreeReport {
    let mut heads = survey.graph.ids(&survey.graph.heads);
    heads.sort();
    TreeReport {
        heads,
        graph: Some(survey.graph.clone()),
        wrong_graph: survey.wrong_graph(),
        new_revisions: survey.new_revisions(),
        ..TreeReport::new(tree, root)
    }
}
