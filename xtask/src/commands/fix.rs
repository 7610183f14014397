//! The gate with its remedies: after a red run they are verified, and `--fix` applies them.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::Gate;
use crate::gate::context::{GateContext, RunSettings, reuse};
use crate::gate::{self, selection};
use crate::os::git::Git;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::process;
use crate::remedies::{self, RemedyBench};
use model::code::Severity;
use model::event::{Event, Tell};
use model::finding::{FileChange, Fix};
use model::report::{Report, Verdict};
use model::supply::Extra;

/// How long remedies are tried.
const BUDGET: Duration = Duration::from_secs(60);

/// Changes of a remedy.
#[derive(Default)]
struct Remedies {
    root: Utf8PathBuf,
    changes: Vec<FileChange>,
    patch: String,
    extra: Vec<Extra>,
}

impl Remedies {
    fn add(&mut self, fix: &Fix) {
        self.changes.extend(fix.changes.iter().cloned());
        self.patch += &fix.patch;
    }
}

/// Asks a person and returns the answer; `None`: there is no terminal.
pub type Ask<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Runs the gate, verifies remedies where it is red, and applies them where that was asked for.
pub fn run(flags: &Gate, ask: Ask<'_>, interrupt: &Interrupt, tell: Tell<'_>) -> Report {
    let started = Instant::now();
    let mut report = gate::run(flags, interrupt, tell);
    // With `--keep` the databases are for inspection.
    if report.verdict() == Verdict::Fail && !flags.keep {
        let verified = verify(flags, &mut report, interrupt, tell);
        let applied = verified.and_then(|remedies| match flags.fix {
            true => apply(flags, &remedies, ask, &report, (interrupt, tell)),
            false => Ok(None),
        });
        match applied {
            Ok(None) => {}
            Ok(Some(again)) => report = again,
            Err(err) if err.is::<Interrupted>() => report.interrupted = true,
            Err(err) => report.notes.push(format!("remedies: {err:#}")),
        }
        report.elapsed = started.elapsed();
    }
    report.next = gate::next::command(&report, "", &flags.which, flags.words());
    report
}

/// Tries remedies of the errors, and puts those that help into the report.
fn verify(
    flags: &Gate,
    report: &mut Report,
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Result<Remedies> {
    let (root, trees) = selection::select_to_run(&flags.which, &flags.env_py)?;
    let surveys = OnceLock::new();
    let is_set_up =
        |event: &Event<'_>| matches!(event, Event::SetUpStarted { .. } | Event::SetUpEnded { .. });
    let quiet = |event: Event<'_>| Some(event).filter(is_set_up).map_or((), tell);
    let run = GateContext {
        setting: RunSettings { in_repository: true, rehearses: true, ..RunSettings::default() },
        surveys: Some(&surveys),
        reuse: reuse(flags),
        ..GateContext::new(flags, &root, &trees, interrupt, &quiet)
    };
    let mut remedies = Remedies { root: root.clone(), ..Remedies::default() };
    let may_help = |index: &usize| {
        let survey = run.survey(*index);
        survey.is_some_and(|survey| remedies::any(&trees[*index], &root, report, survey))
    };
    let todo: Vec<usize> = (0..trees.len()).filter(may_help).collect();
    if todo.is_empty() {
        return Ok(remedies);
    }
    let (programs, pythons) = (run.programs()?, run.find_pythons(&todo)?);
    let stage = run.set_up(&todo, programs, pythons, Some(2))?;
    let deadline = Instant::now() + BUDGET;
    for index in todo {
        let (Some(survey), Some(bench)) =
            (run.survey(index), RemedyBench::of(&run, index, &stage, deadline))
        else {
            continue;
        };
        let found =
            run.setting_up("trying remedies", || remedies::verify(&bench, report, survey))?;
        if found.ran_out {
            report.notes.push(format!(
                "remedies: not all were tried for {}: the time ran out ({} s)",
                trees[index].label,
                BUDGET.as_secs()
            ));
        }
        let refused = found.refused.map(|why| format!("remedies of {}: {why}", trees[index].label));
        report.notes.extend(refused);
        remedies.extra.extend(found.extra);
    }
    process::end_strays();
    let fixes = report.findings.iter().filter_map(|finding| finding.fix.as_ref());
    fixes.for_each(|fix| remedies.add(fix));
    Ok(remedies)
}

/// Applies the verified remedies and gates again. `None`: nothing was applied.
fn apply(
    flags: &Gate,
    remedies: &Remedies,
    ask: Ask<'_>,
    before: &Report,
    (interrupt, tell): (&Interrupt, Tell<'_>),
) -> Result<Option<Report>> {
    let Remedies { root, patch, extra, changes } = remedies;
    if changes.is_empty() {
        bail!("--fix changed nothing: no remedy turned the gate green");
    }
    refuse_dirty(root, changes, interrupt)?;
    let answer = ask(&format!("{patch}apply this patch? [y/N]"));
    interrupt.check()?;
    if answer.is_some_and(|answer| !["y", "yes"].contains(&answer.to_lowercase().as_str())) {
        bail!("--fix changed nothing, as you asked");
    }
    if let Err(err) = write(root, changes, false) {
        write(root, changes, true)?;
        return Err(err);
    }
    let files: Vec<&str> = changes.iter().map(|change| change.file.as_str()).collect();
    tell(Event::Notice(&format!("--fix: changed {}; gating again", files.join(", "))));
    let mut after = gate::run_with(flags, extra, interrupt, tell);
    if after.interrupted || is_worse(&after, before) {
        write(root, changes, true)?;
        interrupt.check()?;
        let said = after.findings.first().map(|f| format!(" ({}: {})", f.code.id, f.message));
        bail!(
            "--fix has put every file back: the second run was no better{}",
            said.unwrap_or_default()
        );
    }
    let then = before.findings.iter().find_map(|finding| finding.fix.as_ref()?.then());
    let then = then.map(|then| format!("; {then}")).unwrap_or_default();
    after.notes.push(format!("--fix changed {}{then}", files.join(", ")));
    Ok(Some(after))
}

/// Files with uncommitted changes are not changed.
fn refuse_dirty(root: &Utf8Path, changes: &[FileChange], interrupt: &Interrupt) -> Result<()> {
    let git = Git::at(root, root, interrupt)?;
    let git = git.map_err(|why| anyhow::anyhow!("--fix changed nothing: it needs git: {why}"))?;
    let present = changes.iter().filter(|change| change.before.is_some());
    let dirty = git.uncommitted(&present.map(|change| change.file.clone()).collect::<Vec<_>>())?;
    if !dirty.is_empty() {
        let dirty: Vec<&str> = dirty.iter().map(|file| file.as_str()).collect();
        bail!("--fix changed nothing: commit or stash your changes to {} first", dirty.join(", "));
    }
    Ok(())
}

/// Writes the files as they are after the changes, or as they were.
fn write(root: &Utf8Path, changes: &[FileChange], back: bool) -> Result<()> {
    for FileChange { file, before, after } in changes {
        let path = root.join(file);
        let (from, to) = if back { (after, before) } else { (before, after) };
        let is = |text: &Option<String>| {
            fs::read(&path).ok().as_deref() == text.as_deref().map(str::as_bytes)
        };
        if is(to) {
            continue;
        }
        if !is(from) {
            bail!("`{path}` is not what the remedy was tried on, and is left as it is");
        }
        match to {
            Some(text) => {
                fs::write(&path, text).with_context(|| format!("cannot write `{path}`"))?;
            }
            None if path.exists() => {
                fs::remove_file(&path).with_context(|| format!("cannot remove `{path}`"))?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether a run says no less against the migrations than another, or could not say anything.
fn is_worse(after: &Report, before: &Report) -> bool {
    let errors = |report: &Report| {
        report.findings.iter().filter(|finding| finding.severity() == Severity::Error).count()
    };
    match after.verdict() {
        Verdict::Pass => false,
        Verdict::Fail => errors(after) >= errors(before),
        Verdict::Error => true,
    }
}
