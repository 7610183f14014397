//! Lines of a log that are no exception, but are a failure's own name.

use super::clean::Line;
use super::course::Course;
use model::code::{self, Code};
use model::finding::{Finding, Place};

/// A log's own name of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The old job's own count of the heads.
    Heads(String),
    /// Alembic's warning that two files carry this id.
    Twice(String),
    /// The server, or the container that it was to run in, did not start.
    NoServer(String),
    /// The database could not be created.
    NoDatabase(String),
    /// The command ended with this status and no message.
    Exited(i32),
    /// The job ran past its time.
    TimedOut,
}

/// The name in the first of these lines.
pub(super) fn by_lines(lines: &[Line]) -> Option<Told> {
    let text = lines.first()?.text.trim();
    if let Some(rest) = text.strip_prefix("ERROR: ")
        && rest.contains(" alembic has ")
        && rest.contains(" heads — expected exactly 1")
    {
        return Some(Told::Heads(rest.to_owned()));
    }
    if let Some((before, id)) = text.split_once("UserWarning: Revision ")
        && before.contains("alembic")
        && let Some(id) = id.strip_suffix(" is present more than once")
    {
        return Some(Told::Twice(id.to_owned()));
    }
    if let Some(why) = text.strip_prefix("createdb: error: database creation failed: ") {
        let why = why.strip_prefix("ERROR:  ").unwrap_or(why);
        return Some(Told::NoDatabase(format!("cannot create the database: {why}")));
    }
    // The server's own log: a fatal error ends the server if the next line reports the shutdown.
    if let Some((_, fatal)) = text.split_once("FATAL:  ")
        && lines
            .get(1)
            .is_some_and(|next| next.text.ends_with("LOG:  database system is shut down"))
    {
        return Some(Told::NoServer(format!("{fatal}.")));
    }
    let no_server = [
        "Failed to initialize container postgres",
        "One or more containers failed to start.",
        "pg_ctl: could not start server",
    ];
    if no_server.iter().any(|start| text.starts_with(start)) {
        return Some(Told::NoServer(text.to_owned()));
    }
    let past_time = text.starts_with("The job running on runner ")
        && text.contains(" has exceeded the maximum execution time");
    past_time.then_some(Told::TimedOut)
}

/// `Process completed with exit code 1.`, as GitHub writes it, or Docker Compose's `exited with code`.
pub(super) fn exit_status(text: &str) -> Option<i32> {
    let text = text.trim();
    let status = text.strip_prefix("Process completed with exit code ").or_else(|| {
        let (before, status) = text.split_once(" exited with code ")?;
        (!before.contains(' ')).then_some(status)
    })?;
    status.trim_end_matches('.').parse().ok()
}

/// Findings that the gate itself printed. They are readable without the lines around them.
pub(super) fn by_the_gate(lines: &[Line], courses: &[Course]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut lines = lines.iter().map(|line| line.text.as_str()).peekable();
    while let Some(line) = lines.next() {
        let Some(code) = heading(line) else { continue };
        let mut finding = Finding::new(code, String::new());
        let mut name = String::new();
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
            if let Some(at) = line.trim().strip_prefix("--> ") {
                finding.place = Some(place(at));
            } else if let Some((own, text)) = field(line) {
                if let Some(own) = own {
                    own.clone_into(&mut name);
                }
                take(&mut finding, &name, text);
            }
        }
        let step = finding.step.as_deref().unwrap_or_default();
        let of = courses.iter().find(|c| step.strip_prefix(&c.label).is_some());
        finding.tree = of.map(|course| course.tree.clone());
        found.push(finding);
    }
    found
}

/// `error[MG003]: multiple heads (failure mode C)`.
fn heading(line: &str) -> Option<&'static Code> {
    let (word, rest) = line.split_once('[')?;
    let (id, title) = rest.split_once("]: ")?;
    let code = ["error", "warning", "note"].contains(&word).then(|| code::find(id))??;
    (code.id == id && title.starts_with(code.title)).then_some(code)
}

/// `console/migrations/versions/0044_b.py:9`.
fn place(at: &str) -> Place {
    let (file, line) = match at.rsplit_once(':') {
        Some((file, line)) if line.parse::<u32>().is_ok() => (file, line.parse().ok()),
        _ => (at, None),
    };
    Place { file: file.into(), line, source: None }
}

/// A line of a field, `     step: text`, with its name where it is the first one.
fn field(line: &str) -> Option<(Option<&str>, &str)> {
    if let Some(text) = line.strip_prefix("             ") {
        return Some((None, text));
    }
    let (name, text) = line.split_once(": ")?;
    let name = name.trim();
    (name.chars().count() <= 9 && line.starts_with("  ")).then_some((Some(name), text))
}

fn take(finding: &mut Finding, name: &str, text: &str) {
    let goes_on =
        |old: &str| if old.is_empty() { text.to_owned() } else { format!("{old} {text}") };
    match name {
        "" => finding.message = goes_on(&finding.message),
        "step" => finding.step = Some(goes_on(finding.step.as_deref().unwrap_or_default())),
        "revision" => finding.revision = text.split(' ').next().map(str::to_owned),
        _ => {}
    }
}
