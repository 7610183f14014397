//! Python tracebacks, Alembic's `FAILED:` and Postgres's `ERROR:`, as they are printed.

use super::clean::Line;
use super::sqlstate;
use crate::model::transcript::{Exception, Frame};

/// What was read of one failure.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    /// Outermost first, as in a live run.
    pub(super) exceptions: Vec<Exception>,
    pub(super) statement: Option<String>,
    pub(super) frames: Vec<Frame>,
}

const TRACEBACK: &str = "Traceback (most recent call last):";
/// What Python prints between an exception and the one that came of it.
const LINKS: [&str; 2] = [
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
];

/// What starts at the first of these lines and how many lines it takes; `None`: nothing.
pub(super) fn starting_at(lines: &[Line]) -> Option<(usize, Read)> {
    let first = lines.first()?.text.trim_end();
    if first.trim_start() == TRACEBACK {
        return Some(traceback(lines));
    }
    let exception = alembic_failed(first).or_else(|| postgres_error(first))?;
    let mut read = Read { exceptions: vec![exception], ..Read::default() };
    let mut length = 1;
    // psql prints the detail, the hint and the line of the statement below.
    while let Some(line) = lines.get(length) {
        let text = line.text.trim();
        match text.split_once(":  ").or_else(|| text.split_once(": ")) {
            Some(("DETAIL", detail)) => read.exceptions[0].detail = Some(detail.trim().to_owned()),
            Some(("HINT", hint)) => read.exceptions[0].hint = Some(hint.trim().to_owned()),
            Some((label, sql)) if label.starts_with("LINE ") => {
                read.statement = Some(sql.trim().to_owned());
            }
            _ if text == "^" => {}
            _ => break,
        }
        length += 1;
    }
    Some((length, read))
}

/// A traceback with those that it came of, which stand before it.
fn traceback(lines: &[Line]) -> (usize, Read) {
    let mut read = Read::default();
    let mut at = 0;
    loop {
        at += 1;
        let (length, raised_in) = frames(&lines[at..], &mut read.frames);
        at += length;
        let (length, exception, statement) = exception(&lines[at..]);
        at += length;
        // The last one printed is the outermost.
        if let Some(exception) = exception {
            read.exceptions.insert(0, Exception { raised_in, ..exception });
        }
        read.statement = statement.or(read.statement);
        match next_traceback(&lines[at..]) {
            Some(skip) => at += skip,
            None => return (at, read),
        }
    }
}

/// How many lines on the next traceback of the chain starts, if there is one.
fn next_traceback(lines: &[Line]) -> Option<usize> {
    let mut filled = lines.iter().enumerate().filter(|(_, line)| !line.text.trim().is_empty());
    let (_, link) = filled.next()?;
    if !LINKS.contains(&link.text.trim()) {
        return None;
    }
    let (at, next) = filled.next()?;
    (next.text.trim() == TRACEBACK).then_some(at)
}

/// Reads `  File "…", line 3, in upgrade` and the source line below each. Returns how many lines that
/// takes, and the module that the last one lies in.
fn frames(lines: &[Line], frames: &mut Vec<Frame>) -> (usize, String) {
    let (mut at, mut module) = (0, String::new());
    while let Some(line) = lines.get(at).filter(|line| line.text.starts_with("  ")) {
        if let Some(frame) = frame(&line.text) {
            module = module_of(frame.file.as_str());
            let source = lines.get(at + 1).filter(|next| next.text.starts_with("    "));
            let in_tree = frame.file.as_str().contains("/versions/")
                || frame.file.file_name() == Some("env.py");
            if in_tree && !frame.file.as_str().contains("site-packages") {
                frames.push(Frame { source: source.map(|l| l.text.trim().to_owned()), ..frame });
            }
        }
        at += 1;
    }
    (at, module)
}

/// `…/site-packages/alembic/script/revision.py` is `alembic.script.revision`.
fn module_of(file: &str) -> String {
    let Some((_, path)) = file.rsplit_once("site-packages/") else { return String::new() };
    path.trim_end_matches(".py").replace('/', ".")
}

fn frame(text: &str) -> Option<Frame> {
    let rest = text.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, "<module>"));
    Some(Frame {
        file: file.into(),
        line: line.trim().parse().ok()?,
        function: function.trim().to_owned(),
        source: None,
    })
}

/// `module.Type: message`, with what belongs to it: further lines of the message, and SQLAlchemy's
/// `[SQL: …]`.
fn exception(lines: &[Line]) -> (usize, Option<Exception>, Option<String>) {
    let Some(first) = lines.first() else { return (0, None, None) };
    let Some(mut exception) = exception_line(first.text.trim_end()) else { return (0, None, None) };
    let mut statement = None;
    let mut at = 1;
    while let Some(line) = lines.get(at) {
        let text = line.text.trim_end();
        if let Some(sql) = text.strip_prefix("[SQL: ") {
            let mut sql = sql.to_owned();
            while !sql.ends_with(']') && at + 1 < lines.len() {
                at += 1;
                sql = format!("{sql}\n{}", lines[at].text.trim_end());
            }
            statement = Some(sql.trim_end_matches(']').to_owned());
        } else if let Some(detail) = text.strip_prefix("DETAIL:  ") {
            exception.detail = Some(detail.to_owned());
        } else if let Some(hint) = text.strip_prefix("HINT:  ") {
            exception.hint = Some(hint.to_owned());
        } else if !belongs_to_exception(text) || next_traceback(&lines[at..]).is_some() {
            break;
        }
        at += 1;
    }
    (at, Some(exception), statement)
}

/// What SQLAlchemy and the drivers print below the exception's own line.
fn belongs_to_exception(text: &str) -> bool {
    let starts = ["LINE ", "[parameters:", "(Background on this error"];
    text.is_empty() || text.trim() == "^" || starts.iter().any(|start| text.starts_with(start))
}

fn exception_line(text: &str) -> Option<Exception> {
    let (kind, message) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
    let name = kind.rsplit('.').next()?;
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    if kind.is_empty() || !kind.chars().all(is_name) || !name.starts_with(char::is_uppercase) {
        return None;
    }
    // SQLAlchemy puts the driver's class in front of the driver's message, and asyncpg's adapter
    // its own in between: `(pkg.Adapter) <class 'asyncpg.exceptions.X'>: message`.
    let (driver, message) = match message.strip_prefix('(').and_then(|m| m.split_once(") ")) {
        Some((driver, message)) if driver.chars().all(is_name) => (Some(driver), message),
        _ => (None, message),
    };
    let (driver, message) =
        match message.strip_prefix("<class '").and_then(|m| m.split_once("'>: ")) {
            Some((class, message)) => (Some(class), message),
            None => (driver, message),
        };
    let message = message.strip_prefix("ERROR: ").unwrap_or(message).trim();
    let told = driver.unwrap_or(kind);
    let sqlstate = sqlstate::of_class(told).or_else(|| sqlstate::of_message(message));
    Some(Exception {
        kind: told.to_owned(),
        message: message.to_owned(),
        sqlstate: sqlstate.map(str::to_owned),
        ..Exception::default()
    })
}

/// `FAILED: …`, and the log line `ERROR [alembic.util.messaging] …`.
fn alembic_failed(text: &str) -> Option<Exception> {
    let message = text
        .strip_prefix("FAILED: ")
        .or_else(|| text.strip_prefix("ERROR [alembic.util.messaging] "))?
        .trim();
    // Alembic prints the words of its exception and not its type; these are its own texts.
    let kind = if message.starts_with("Multiple head revisions are present") {
        "alembic.script.revision.MultipleHeads"
    } else {
        "alembic.util.exc.CommandError"
    };
    Some(Exception { kind: kind.into(), message: message.to_owned(), ..Exception::default() })
}

/// `ERROR:  …`, or `psql:file:1: ERROR:  …`.
fn postgres_error(text: &str) -> Option<Exception> {
    let (before, message) = text.split_once("ERROR:  ")?;
    if !(before.is_empty() || before.starts_with("psql:")) {
        return None;
    }
    let message = message.trim();
    Some(Exception {
        kind: "ERROR".into(),
        message: message.to_owned(),
        sqlstate: sqlstate::of_message(message).map(str::to_owned),
        ..Exception::default()
    })
}
