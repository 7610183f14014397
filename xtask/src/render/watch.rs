//! The state of a watching gate: a screen for a terminal, lines for everything else.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{fitting, human, words};
use model::redact::redact;
use model::report::{Report, Verdict};
use model::watch::{Moment, RevisionState, Watch, WatchedTree};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const BLUE: Style = AnsiColor::Blue.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// The number of new revisions shown per tree: the findings must fit on the screen below them.
const NEW_SHOWN: usize = 8;
/// The number of changed files shown.
const CHANGED_SHOWN: usize = 3;

/// The keys and their commands.
fn keys(state: &Watch) -> String {
    let trees: Vec<String> = match state.trees.as_slice() {
        [] | [_] => Vec::new(),
        trees => (1..).zip(trees).map(|(n, tree)| format!(" {n} {}", tree.label)).collect(),
    };
    format!("r run again · s stairway · o psql{} · e explain · q quit", trees.concat())
}

/// The whole screen: the trees, their new revisions, the last verdict with its findings, the keys.
/// `size`: the columns and rows of the terminal; the first error and the keys fit.
pub fn screen(state: &Watch, size: Option<(usize, usize)>) -> String {
    let mut out = heading(state);
    for tree in &state.trees {
        out.push_str(&self::tree(tree, state.running));
    }
    for told in state.reuse.iter().filter(|_| state.verbose) {
        let _ = writeln!(out, "\n  {DIM}{told}{DIM:#}");
    }
    // The keys, the lines around the report, and the cursor's line.
    let room = size.map(|(columns, rows)| (columns, rows.saturating_sub(out.lines().count() + 5)));
    let shown = match (&state.report, &state.answer, state.running) {
        (_, Some(answer), _) => fitting::cut_to(answer, "", room),
        (_, None, true) => state.predicted.iter().map(human::predicted).collect(),
        (Some(report), None, false) => fitting::report(report, room),
        (None, None, false) => String::new(),
    };
    if !shown.is_empty() {
        let _ = write!(out, "\n{shown}");
    }
    if state.keys {
        let _ = writeln!(out, "\n{DIM}{}{DIM:#}", keys(state));
    }
    out
}

/// The line of a log for a moment; `None`: no line.
pub fn line(state: &Watch, moment: Moment) -> Option<String> {
    match moment {
        Moment::Begun => Some(format!("\n{}\n", changed(state))),
        Moment::Linted => state.predicted.last().map(human::predicted),
        Moment::Verdict => {
            let report = state.report.as_ref()?;
            let seconds = state.answered_after.as_secs_f64();
            let mut out = human::standing(report);
            let _ = writeln!(out, "watching: answered {seconds:.2} s after the save");
            if state.keys && state.runs == 1 {
                let _ = writeln!(out, "{}", keys(state));
            }
            Some(out)
        }
        Moment::Rehearsed => {
            let report = &state.rehearsed;
            let mut out = human::details(report)
                + &human::besides(&Report { notes: Vec::new(), ..report.clone() });
            for line in
                report.notes.iter().flat_map(|note| words::wrap(&redact(note), words::width()))
            {
                let _ = writeln!(out, "{line}");
            }
            let seconds = report.elapsed.as_secs_f64();
            let _ = writeln!(out, "watching: rehearsed {seconds:.2} s after the save");
            Some(out)
        }
        Moment::Reused => state.reuse.last().map(|told| format!("{told}\n")),
        // Keys also work on a terminal that cannot redraw.
        Moment::Answer => state.answer.clone(),
        Moment::Progress => None,
    }
}

/// The first line: the current run, or the result of the last one.
fn heading(state: &Watch) -> String {
    let run = state.runs;
    let seconds = state.answered_after.as_secs_f64();
    let told = match (&state.report, state.running) {
        (_, true) => format!("{BLUE}RUN {run}{BLUE:#}  {}", changed(state)),
        (None, false) => "no verdict yet".to_owned(),
        (Some(report), false) => {
            let (word, style) = verdict(report);
            let since = if run == 1 { "start" } else { "save" };
            format!("{style}{word}{style:#}  run {run}, {seconds:.2} s after the {since}")
        }
    };
    format!("migration-gate  {told}\n\n")
}

fn verdict(report: &Report) -> (&'static str, Style) {
    match report.verdict() {
        Verdict::Pass => ("PASS", GREEN),
        Verdict::Fail => ("FAIL", RED),
        Verdict::Error => ("ERROR", RED),
    }
}

fn changed(state: &Watch) -> String {
    match state.changed.as_slice() {
        [] => "everything".to_owned(),
        files => {
            let names = files.iter().take(CHANGED_SHOWN).map(|file| file.as_str());
            let more = match files.len().saturating_sub(CHANGED_SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("changed: {}{more}", names.collect::<Vec<_>>().join(", "))
        }
    }
}

fn tree(tree: &WatchedTree, running: bool) -> String {
    let mut out = String::new();
    let doing = match (&tree.doing, running && tree.in_run) {
        (Some(step), true) => step.split_once(" — ").map_or(step.as_str(), |(_, step)| step),
        (None, true) => "…",
        _ if tree.new.is_empty() => "nothing new",
        _ => "",
    };
    let _ = writeln!(out, "  {:<10}{doing}", tree.label);
    for new in tree.new.iter().take(NEW_SHOWN) {
        let (word, style) = match new.state {
            RevisionState::Waiting => ("–", DIM),
            RevisionState::Upgrading => ("upgrading", BLUE),
            RevisionState::Applied => ("applied", BLUE),
            RevisionState::Downgrading => ("downgrading", BLUE),
            RevisionState::Passed => ("up, down, up", GREEN),
            RevisionState::Failed => ("failed", RED),
        };
        let file = new.file.file_name().unwrap_or(new.file.as_str());
        let _ = writeln!(out, "    {style}{word:<14}{style:#}{file}");
    }
    let more = tree.new.len().saturating_sub(NEW_SHOWN);
    if more > 0 {
        let _ = writeln!(out, "    and {more} more");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;
    use model::watch::NewRevision;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn state() -> Watch {
        let new = |file: &str, state| NewRevision {
            revision: file[..4].to_owned(),
            file: format!("console/migrations/versions/{file}").into(),
            state,
        };
        Watch {
            trees: vec![
                WatchedTree {
                    tree: "console".into(),
                    label: "Console".into(),
                    new: vec![
                        new("0044_audit_events.py", RevisionState::Applied),
                        new("0045_audit_index.py", RevisionState::Upgrading),
                    ],
                    doing: Some("Console — alembic upgrade head".into()),
                    in_run: true,
                    psql: None,
                },
                WatchedTree { label: "Raptor".into(), ..WatchedTree::default() },
            ],
            runs: 3,
            changed: vec!["console/migrations/versions/0045_audit_index.py".into()],
            running: true,
            answered_after: Duration::from_millis(180),
            keys: true,
            ..Watch::default()
        }
    }

    #[test]
    fn running_watch_shows_its_progress() {
        expect![[r#"
            migration-gate  RUN 3  changed: console/migrations/versions/0045_audit_index.py

              Console   alembic upgrade head
                applied       0044_audit_events.py
                upgrading     0045_audit_index.py
              Raptor    nothing new

            r run again · s stairway · o psql 1 Console 2 Raptor · e explain · q quit
        "#]]
        .assert_eq(&plain(&screen(&state(), None)));
    }

    #[test]
    fn finished_watch_shows_its_verdict() {
        let mut state = state();
        state.running = false;
        state.report = Some(crate::render::canonical::all().remove(0).1);
        let shown = plain(&screen(&state, None));
        assert!(shown.starts_with("migration-gate  PASS  run 3, 0.18 s after the save\n"));
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }

    #[test]
    fn watch_without_a_terminal_prints_lines() {
        let state = state();
        let line = |moment| line(&state, moment).map(|line| plain(&line));
        assert_eq!(
            line(Moment::Begun).as_deref(),
            Some("\nchanged: console/migrations/versions/0045_audit_index.py\n")
        );
        assert_eq!(line(Moment::Progress), None);
        let asked = Watch { answer: Some("psql\n".into()), ..state.clone() };
        assert_eq!(super::line(&asked, Moment::Answer).as_deref(), Some("psql\n"));
    }
}
