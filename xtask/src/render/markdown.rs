//! Format for people on GitHub: the comment on a pull request, and the summary of a job; the same
//! report, in two sizes.
//!
//! Text of a migration is put into fences and code spans, where GitHub renders neither mentions nor
//! pictures. If the report is too long, the least important parts are left out, and a line says
//! that they are missing.

use std::fmt::Write as _;

use super::markup::{prose, span, text, whole};
use super::{diagram, remedy, rollback, words};
use model::code::Severity;
use model::finding::{Finding, Standing};
use model::redact::redact;
use model::report::{Next, Report, TreeReport, Verdict};
use model::shown::printable;
use model::stairs::Stairs;
use model::step::Status;

/// The next run finds the comment to replace by this marker.
const MARKER: &str = "<!-- migration-gate -->";
/// GitHub accepts 65,536 characters in a comment.
const COMMENT_BYTES: usize = 64_000;
/// GitHub accepts 1 MiB in a summary, and drops a longer one as a whole.
const SUMMARY_BYTES: usize = 1_000_000;
/// The number of lines shown of a statement and of the output, and the length of each.
const LINES_SHOWN: usize = 20;
const LINE_CHARACTERS: usize = 300;
/// The number of characters that fit in a fence beside a pull request.
const WRAPPED_CHARACTERS: usize = 96;
/// Room for the line that names the missing parts.
const POINTER_BYTES: usize = 400;

/// The comment on a pull request. `run`: the page where the artifacts are.
pub fn comment(report: &Report, run: Option<&str>) -> String {
    format!("{MARKER}\n{}", within(COMMENT_BYTES, report, run))
}

/// The summary of a job.
pub fn summary(report: &Report, run: Option<&str>) -> String {
    within(SUMMARY_BYTES, report, run)
}

/// The parts in the order of reading; they are added in the order of importance while room is left:
/// the verdict, the steps, the findings, the graph if the graph is at fault, then the SQL.
fn within(bytes: usize, report: &Report, run: Option<&str>) -> String {
    let verdict = verdict(report);
    let mut steps = steps(report);
    let mut room = bytes.saturating_sub(POINTER_BYTES + verdict.len() + MARKER.len());
    if steps.len() > room {
        steps.clear();
    }
    room -= steps.len();
    let (mut findings, mut left_out) = (String::new(), 0);
    let mut told = report.by_weight();
    told.retain(|f| f.standing != Standing::Merged && !words::is_brief(f, report));
    for finding in told {
        let text = if left_out == 0 {
            self::finding(finding, words::is_again(finding, report))
        } else {
            String::new()
        };
        if left_out == 0 && text.len() <= room {
            room -= text.len();
            findings.push_str(&text);
        } else {
            left_out += 1;
        }
    }
    let mut pictures = String::new();
    let parts = |tree| [picture(tree, &report.findings), rollback::card(tree)];
    for text in report.trees.iter().flat_map(parts) {
        if text.len() <= room {
            room -= text.len();
            pictures.push_str(&text);
        }
    }
    let (mut sql, mut sql_left_out) = (String::new(), false);
    for tree in &report.trees {
        let text = self::sql(tree);
        if text.len() <= room {
            room -= text.len();
            sql.push_str(&text);
        } else {
            sql_left_out = true;
        }
    }
    for note in words::notes_by_code(report).into_iter().chain(words::merged(report)) {
        let note = format!("ℹ️ {}\n\n", prose(&redact(&note)));
        if note.len() <= room {
            room -= note.len();
            findings.push_str(&note);
        }
    }
    let allowed = allowed(report);
    let allowed = if allowed.len() <= room { allowed } else { String::new() };
    let mut out = verdict + &findings + &pictures + &steps + &sql + &allowed;
    if left_out > 0 || sql_left_out {
        out.push_str(&pointer(left_out, sql_left_out, run));
    }
    out
}

fn pointer(findings: usize, sql: bool, run: Option<&str>) -> String {
    let mut what = Vec::new();
    match findings {
        0 => {}
        1 => what.push("1 more finding".to_owned()),
        many => what.push(format!("{many} more findings")),
    }
    if sql {
        what.push("SQL".to_owned());
    }
    let place = match run {
        Some(url) => format!("[the run's artifacts]({url})"),
        None => "the run's artifacts".to_owned(),
    };
    format!("\nThere is no room here for {}: see {place}.\n", what.join(" and "))
}

fn verdict(report: &Report) -> String {
    let what = if report.workflows.is_empty() {
        "The migration gate"
    } else {
        "The audit of the CI workflows"
    };
    let (icon, word) = match report.verdict() {
        Verdict::Pass => ("✅", "passed"),
        Verdict::Fail => ("❌", "failed"),
        Verdict::Error if report.interrupted => ("⚠️", "was interrupted"),
        Verdict::Error => ("⚠️", "could not do its work"),
    };
    let seconds = report.elapsed.as_secs_f64();
    let mut out = format!("## {icon} {what} {word}\n\n");
    let _ = write!(out, "{} in {seconds:.1} s", words::counts(report));
    if let Some(postgres) = &report.postgres {
        let _ = write!(out, " · Postgres {}", text(&postgres.version));
    }
    for python in &report.python {
        let _ = write!(out, " · {}", text(python));
    }
    for compared in words::compared(report) {
        let _ = write!(out, "\n\n{}", text(&compared));
    }
    out.push_str("\n\n");
    if let Some(Next { when, command }) = &report.next {
        let _ = writeln!(out, "**Next**, {when}: {}\n", span(command));
    }
    if report.verdict() == Verdict::Error {
        out.push_str("This says nothing about the migrations.\n\n");
    }
    out
}

/// The impact on production, an item each.
fn impact(finding: &Finding) -> String {
    let items: String = remedy::seen(finding)
        .map(|(word, told)| format!("- **{word}**: {}\n", prose(&redact(told))))
        .collect();
    if items.is_empty() { items } else { items + "\n" }
}

fn finding(finding: &Finding, again: bool) -> String {
    let code = finding.code;
    let icon = match finding.severity() {
        Severity::Error if code.infrastructure => "⚠️",
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
        Severity::Note => "ℹ️",
    };
    let suffix = if again { ", again" } else { "" };
    let mut out = format!("### {icon} {} {}{suffix}\n\n", code.id, words::title(finding));
    let mut facts = Vec::new();
    if let Some(place) = &finding.place {
        facts.push(span(&words::place(place)));
    }
    facts.extend(finding.step.as_ref().map(|step| format!("step {}", span(step))));
    facts.extend(finding.revision.as_ref().map(|revision| format!("revision {}", span(revision))));
    facts.extend(finding.owner.map(|owner| format!("owner **{}**", words::owner(owner))));
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    if let Some(reason) = &finding.allowed {
        let _ = writeln!(out, "Allowed: {}\n", text(&redact(reason)));
    }
    out.push_str(&fence("text", &wrapped(&words::message(finding)), LINES_SHOWN));
    let said = finding.transcript.as_deref();
    if let Some(sql) = said.and_then(|said| said.statement.as_deref()).filter(|_| !again) {
        out.push_str(&fence("sql", sql, LINES_SHOWN));
    }
    out.push_str(&excerpt(finding));
    out.push_str(&impact(finding));
    if let Some(escalation) = finding.escalation() {
        let _ = writeln!(out, "**SEV-2:** {}\n", text(&escalation));
    }
    if again {
        return out;
    }
    out.push_str(&to_fix(finding));
    let _ = writeln!(out, "**Then:** {}\n", code.check());
    let output = said.map(|said| said.output.trim()).unwrap_or_default();
    if !output.is_empty() {
        out.push_str("<details><summary>What it printed</summary>\n\n");
        out.push_str(&fence("text", &words::both_ends(output, LINES_SHOWN), LINES_SHOWN + 1));
        out.push_str("</details>\n\n");
    }
    if !finding.by_hand.is_empty() {
        out.push_str("<details><summary>Run it by hand</summary>\n\n");
        out.push_str(&fence("sh", &finding.by_hand.join("\n"), LINES_SHOWN));
        out.push_str("</details>\n\n");
    }
    out
}

/// The steps of a finding's remedy.
fn to_fix(finding: &Finding) -> String {
    let label = match (&finding.fix, finding.instead()) {
        (Some(_), _) => "After the change",
        (None, Some(_)) => "Instead",
        (None, None) => "To fix it",
    };
    match remedy::further_steps(finding).as_slice() {
        [] => String::new(),
        [only] => format!("**{label}:** {only}\n\n"),
        several => format!("**{label}:**\n\n- {}\n\n", several.join("\n- ")),
    }
}

/// The line at fault, and the change that fixes it, if known.
fn excerpt(finding: &Finding) -> String {
    let Some(place) = &finding.place else { return String::new() };
    let mut out = String::new();
    // A change that removes the line shows it already.
    let shown = finding.edit.as_ref().is_some_and(|edit| {
        edit.file == place.file && Some(edit.line) == place.line && !edit.before.is_empty()
    });
    if let (Some(number), Some(source), false) = (place.line, &place.source, shown) {
        let language = match place.file.extension() {
            Some("py") => "python",
            Some("yml" | "yaml") => "yaml",
            _ => "text",
        };
        out.push_str(&fence(language, &format!("{number} | {}", source.trim()), 1));
    }
    if let Some(fix) = &finding.fix {
        let _ = write!(out, "**Verified:** {}", prose(&remedy::verified(fix)));
        match fix.own_patch() {
            Some(patch) => {
                out.push_str(" (`git apply` takes it):\n\n");
                out.push_str(&whole("diff", &printable(&redact(patch.trim_end()))));
            }
            None => out.push_str("\n\n"),
        }
    } else if let Some(edit) = &finding.edit {
        // GitHub applies a `suggestion` only in a review comment on its line; this is a plain
        // comment.
        out.push_str("**This change fixes it** (`git apply --unidiff-zero` takes it):\n\n");
        out.push_str(&whole("diff", &printable(&redact(remedy::patch(edit).trim_end()))));
    }
    if remedy::change(finding).is_none() && !finding.lacks.is_empty() {
        out.push_str("**Add:**\n\n");
        out.push_str(&whole("python", &printable(&redact(&finding.lacks.join("\n")))));
    }
    out
}

/// The graph of a tree, if the graph is at fault.
fn picture(tree: &TreeReport, findings: &[Finding]) -> String {
    let graph = tree.wrong_graph.as_ref();
    let Some(chart) = graph.and_then(|graph| diagram::trouble(graph, findings, &tree.tree)) else {
        return String::new();
    };
    // The chart escapes every character that could end the fence.
    format!(
        "**The revisions of {}**, the oldest at the top:\n\n```mermaid\n{chart}```\n\n",
        text(&tree.label)
    )
}

fn steps(report: &Report) -> String {
    let mut all = report.trees.iter().flat_map(|tree| &tree.steps).peekable();
    if all.peek().is_none() {
        return String::new();
    }
    if all.all(|step| step.status == Status::Skipped) {
        return "No step was run.\n\n".to_owned();
    }
    let mut out = "| | step | time |\n|---|---|---:|\n".to_owned();
    for step in report.trees.iter().flat_map(|tree| &tree.steps) {
        let (icon, time) = match step.status {
            Status::Passed => ("✅", format!("{:.2} s", step.elapsed.as_secs_f64())),
            Status::Failed => ("❌", format!("{:.2} s", step.elapsed.as_secs_f64())),
            Status::Skipped => ("⏭️", "skipped".to_owned()),
        };
        let _ = writeln!(out, "| {icon} | {} | {time} |", text(&step.name));
    }
    out.push('\n');
    for tree in &report.trees {
        for told in tree.stairs.iter().filter(|stairs| stairs.count() > 1).flat_map(Stairs::told) {
            let _ = writeln!(out, "{}: {}\n", text(&tree.label), text(&redact(&told)));
        }
    }
    out
}

/// The findings that the files allow.
fn allowed(report: &Report) -> String {
    let mut out = String::new();
    for (code, place, reason) in words::allowed(report) {
        let _ = writeln!(out, "- {code} {}: {}", span(&place), text(&reason));
    }
    match report.allowed.len() {
        0 => out,
        count => format!(
            "<details><summary>Allowed by the files: {count}</summary>\n\n{out}\n</details>\n\n"
        ),
    }
}

/// The SQL of a tree's new revisions.
fn sql(tree: &TreeReport) -> String {
    if tree.sql.is_empty() {
        return String::new();
    }
    let mut all = String::new();
    let mut revision = None;
    for statement in &tree.sql {
        if revision != Some(&statement.revision) {
            revision = Some(&statement.revision);
            let _ = writeln!(all, "-- {}", statement.revision.as_deref().unwrap_or("alembic"));
        }
        let _ = writeln!(all, "{};", statement.sql.trim().trim_end_matches(';'));
    }
    let summary = format!("The SQL of {}’s new revisions", text(&tree.label));
    let lines = all.lines().count();
    format!("<details><summary>{summary}</summary>\n\n{}</details>\n\n", fence("sql", &all, lines))
}

/// A text broken between words, since GitHub does not break lines in a fence.
fn wrapped(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().flat_map(|line| words::wrap(line, WRAPPED_CHARACTERS)).collect();
    lines.join("\n")
}

/// A fenced block that its content cannot end.
fn fence(language: &str, content: &str, lines: usize) -> String {
    let content = words::first_lines(&printable(&redact(content)), lines);
    let cut = content.lines().map(|line| words::cut(line, LINE_CHARACTERS));
    whole(language, &cut.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::fence;

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("text", "a\n```\nb", 9), "````text\na\n```\nb\n````\n\n");
    }
}
