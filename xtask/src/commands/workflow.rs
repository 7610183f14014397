//! `cargo xtask migration-gate workflow`: reads the CI workflows and the actions of this repository,
//! and has them audited.

use std::time::Instant;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::flags::WorkflowArgs;
use crate::gate::selection;
use crate::os::git::Git;
use crate::os::interrupt::Interrupt;
use crate::recipes::{TREES, TreeSpec};
use analysis::workflow::{self, Gated, Source};
use model::code;
use model::finding::Finding;
use model::report::Report;

/// Audits the workflows. A file that cannot be read is a finding.
pub fn run(args: &WorkflowArgs, interrupt: &Interrupt) -> Report {
    let started = Instant::now();
    let mut report = Report::default();
    match read(args) {
        Ok(sources) => {
            let default = default_branch(args, interrupt).unwrap_or_default();
            report.findings = workflow::audit(&sources, &gated(), default.as_deref());
            report.workflows = sources.into_iter().map(|source| source.file).collect();
        }
        Err(err) => report.findings.push(Finding::new(&code::CANNOT_WORK, format!("{err:#}"))),
    }
    report.elapsed = started.elapsed();
    report
}

/// The name of the default branch, by the job's event or the remote.
fn default_branch(args: &WorkflowArgs, interrupt: &Interrupt) -> Result<Option<String>> {
    let event = std::env::var("GITHUB_EVENT_PATH").ok();
    let event = event.and_then(|path| std::fs::read(path).ok());
    let event: Option<Value> = event.and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(name) = event.as_ref().and_then(|it| it["repository"]["default_branch"].as_str()) {
        return Ok(Some(name.to_owned()));
    }
    let root = selection::root(args.repository.root.as_deref())?;
    match Git::at(&root, &root, interrupt)? {
        Ok(git) => git.default_name(),
        Err(_) => Ok(None),
    }
}

/// The trees that a workflow must gate.
fn gated() -> Vec<Gated> {
    let gated = |spec: &TreeSpec| Gated {
        tree: spec.id,
        folder: spec.folder,
        ini: format!("{}/{}", spec.folder, spec.ini),
        migrations: spec.migrations,
        supplied: spec.supplied,
    };
    TREES.iter().map(gated).collect()
}

fn read(args: &WorkflowArgs) -> Result<Vec<Source>> {
    let root = selection::root(args.repository.root.as_deref())?;
    let files = if args.files.is_empty() {
        let mut files = yaml_files(&root.join(".github/workflows"), 1)?;
        files.extend(yaml_files(&root.join(".github/actions"), 4).unwrap_or_default());
        files
    } else {
        let here = |file: &Utf8PathBuf| {
            file.canonicalize_utf8().with_context(|| format!("cannot read the workflow `{file}`"))
        };
        args.files.iter().map(here).collect::<Result<_>>()?
    };
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read the workflow `{path}`"))?;
            let file = path.strip_prefix(&root).map(Utf8Path::to_owned).unwrap_or(path);
            Ok(Source { file, text })
        })
        .collect()
}

/// The YAML files of a folder and `depth` levels below, in order.
fn yaml_files(folder: &Utf8Path, depth: usize) -> Result<Vec<Utf8PathBuf>> {
    let entries = folder.read_dir_utf8().with_context(|| {
        format!("cannot read `{folder}`; name the workflows, or the monorepo with --root")
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read `{folder}`"))?.into_path();
        if path.is_dir() && depth > 1 {
            files.extend(yaml_files(&path, depth - 1)?);
        } else if matches!(path.extension(), Some("yml" | "yaml")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use analysis::workflow::{Gated, Source, audit};
    use model::code;

    #[test]
    fn new_tree_that_triggers_nothing_is_found() {
        let source = Source {
            file: ".github/workflows/ci-pr.yml".into(),
            text: include_str!("../../../.github/workflows/ci-pr.yml").to_owned(),
        };
        let mut trees = super::gated();
        let missed = |trees: &[Gated]| {
            let findings = audit(std::slice::from_ref(&source), trees, None);
            let mut missed = findings.into_iter().filter(|it| it.code == &code::PATH_NOT_COVERED);
            missed.next().map(|finding| finding.message)
        };
        assert_eq!(missed(&trees), None);
        trees.push(Gated {
            tree: "shop",
            folder: "shop",
            ini: "shop/alembic.ini".into(),
            migrations: "shop/alembic",
            supplied: &[],
        });
        let said = missed(&trees).unwrap();
        for file in ["versions/9999_new.py", "env.py"].map(|file| format!("shop/alembic/{file}")) {
            assert!(said.contains(&file), "{said}");
        }
        assert!(said.contains("shop/alembic.ini, shop/requirements.txt"), "{said}");
    }
}
