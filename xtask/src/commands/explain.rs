//! `explain`: names the failure in a log, or says all that is known of a code or a mode.
//!
//! A JSON report names its findings by code already; a log is read into transcripts and named by the
//! same recognisers as a live run. The recipes say which steps a log may hold, and today's revision
//! files which tree and which file a line of Alembic's belongs to; a log of a tree that is not there
//! is read all the same.

use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use camino::Utf8Path;

use crate::flags::{Explain, ExplainFormat};
use crate::gate::selection;
use crate::lint;
use crate::os::interrupt::Interrupt;
use crate::recipes;
use crate::render;
use crate::steps::runner::StepRunner;
use analysis::log::{self, Course, Reading, Revision};
use model::code::causes::{CAUSES, Cause};
use model::code::{self, Code};
use model::finding::{Finding, Place};
use model::supply::Supply;
use model::tree::Tree;

/// The longest input that is read, in bytes. CI services cut their logs long before.
const INPUT_MAX: u64 = 256 * 1024 * 1024;

/// Explanation of a log, a code or a SQLSTATE.
pub enum Explanation {
    /// Of one code.
    Code(&'static Code),
    /// The causes that a SQLSTATE may have, the more exact first.
    Causes(Vec<&'static Cause>),
    /// Of a log or a report.
    Reading(Reading),
}

/// The prompt where no input was named and stdin is a terminal.
const WAITING: &str = "explain: paste a log, then press Ctrl-D; or name a file or a code:\n  \
    `explain job.log`, `explain MG003`, `explain C`, `explain 23505`";

/// Explains a code, a mode, a file or standard input. Fails where there is no such thing, or it
/// cannot be read.
pub fn run(flags: &Explain, interrupt: &Interrupt, notice: &dyn Fn(&str)) -> Result<Explanation> {
    let what = flags.what.as_str();
    if what != "-" && !Utf8Path::new(what).exists() {
        let code = code::find(what).map(Explanation::Code);
        return code.or_else(|| of_sqlstate(what)).with_context(|| {
            format!(
                "cannot explain `{what}`: it is neither a file nor a code (MG001 …) nor a failure \
                 mode (A to F) nor a SQLSTATE"
            )
        });
    }
    let mut bytes = Vec::new();
    if what == "-" {
        if std::io::stdin().is_terminal() {
            notice(WAITING);
        }
        read_stdin(&mut bytes, interrupt)?;
    } else {
        let file = std::fs::File::open(what);
        file.and_then(|file| file.take(INPUT_MAX).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read `{what}`"))?;
    }
    let text = String::from_utf8_lossy(&bytes);
    let reading = of_report(&text).unwrap_or_else(|| log::read(&text, &courses()));
    Ok(Explanation::Reading(reading))
}

/// Reads standard input to its end, or until a signal comes.
fn read_stdin(bytes: &mut Vec<u8>, interrupt: &Interrupt) -> Result<()> {
    let mut stdin = std::io::stdin().take(INPUT_MAX);
    let mut chunk = [0; 1 << 16];
    loop {
        interrupt.wait_for(std::io::stdin().as_fd());
        interrupt.check()?;
        match stdin.read(&mut chunk).context("cannot read standard input")? {
            0 => return Ok(()),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The causes of a SQLSTATE.
fn of_sqlstate(state: &str) -> Option<Explanation> {
    let state = state.to_uppercase();
    let causes: Vec<&Cause> =
        CAUSES.iter().filter(|cause| cause.state == state && !state.is_empty()).collect();
    (!causes.is_empty()).then_some(Explanation::Causes(causes))
}

/// The findings of a JSON report, as far as their codes are known here.
fn of_report(text: &str) -> Option<Reading> {
    let report: serde_json::Value = serde_json::from_str(text).ok()?;
    let findings = report.get("findings")?.as_array()?;
    let field = |finding: &serde_json::Value, name: &str| {
        finding.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    };
    let known = findings.iter().filter_map(|finding| {
        let code = code::find(finding.get("code")?.as_str()?)?;
        let line = finding.get("line").and_then(serde_json::Value::as_u64);
        let place = field(finding, "file").map(|file| Place {
            file: file.into(),
            line: line.and_then(|line| u32::try_from(line).ok()),
            source: None,
        });
        Some(Finding {
            tree: field(finding, "tree"),
            step: field(finding, "step"),
            revision: field(finding, "revision"),
            statement: field(finding, "statement"),
            place,
            ..Finding::new(code, field(finding, "message").unwrap_or_default())
        })
    });
    Some(Reading { findings: known.collect(), notes: Vec::new() })
}

/// The trees and steps that a log may be about.
fn courses() -> Vec<Course> {
    // Without the monorepo, the recipes are known all the same.
    let root = selection::root(None).unwrap_or_default();
    recipes::trees(&root).iter().map(|tree| course(tree, &root)).collect()
}

fn course(tree: &Tree, root: &Utf8Path) -> Course {
    let mut steps = StepRunner::dry_run(&tree.label);
    // A rehearsal runs nothing that could fail.
    let _ = recipes::run(tree, &mut steps);
    let done = steps.finish();
    let supplies = done.given.into_iter().filter_map(|given| match given.what {
        Supply::Row(row) => Some((given.step, row.insert)),
        Supply::Role(role) => Some((given.step, role.create)),
        // The two trees have recipes.
        Supply::Script(_) => None,
    });
    let scripts = lint::scripts(tree, root).into_iter();
    let mut revisions: Vec<Revision> = scripts
        .map(|script| Revision { id: script.revision.text, title: script.title, file: script.file })
        .collect();
    revisions.sort_by(|one, other| one.file.cmp(&other.file));
    Course {
        tree: tree.id.clone(),
        label: tree.label.clone(),
        database: tree.database.clone(),
        ini: tree.ini.clone(),
        cwd: tree.cwd.strip_prefix(root).unwrap_or(&tree.cwd).to_owned(),
        steps: done.steps.into_iter().map(|step| step.name).collect(),
        supplies: supplies.collect(),
        revisions,
    }
}

/// The answer as text.
pub fn shown(explanation: &Explanation, format: ExplainFormat) -> String {
    match (explanation, format) {
        (Explanation::Code(code), ExplainFormat::Human) => render::human::code(code),
        (Explanation::Code(code), ExplainFormat::Json) => render::explained::code(code),
        (Explanation::Causes(causes), ExplainFormat::Human) => render::human::causes(causes),
        (Explanation::Causes(causes), ExplainFormat::Json) => render::explained::causes(causes),
        (Explanation::Reading(read), ExplainFormat::Human) => {
            render::explained::human(&read.findings, &read.notes)
        }
        (Explanation::Reading(read), ExplainFormat::Json) => {
            render::explained::json(&read.findings)
        }
    }
}
