//! Python tracebacks, Alembic's `FAILED:` and Postgres's `ERROR:`, as they are printed.

use super::clean::Line;
use super::sqlstate;
use model::transcript::{Exception, Frame, Transcript};

/// One failure, as read from the log.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    /// Outermost first, as in a live run.
    pub(super) exceptions: Vec<Exception>,
    pub(super) statement: Option<String>,
    pub(super) frames: Vec<Frame>,
}

const TRACEBACK: &str = "Traceback (most recent call last):";
/// Python's lines between an exception and the one that followed from it.
const LINKS: [&str; 2] = [
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
];

/// The type of an error of psql itself, which has no connection.
pub(super) const PSQL: &str = "psql";
/// The type of a server error that psql passes on.
const BY_PSQL: &str = "ERROR";
/// The type of an error in the server's own log.
const BY_SERVER: &str = "server";
/// The packages whose exceptions are known by their name alone, without a traceback above them:
/// often only the end of a log is available.
const KNOWN: [&str; 5] = ["sqlalchemy.", "psycopg2.", "psycopg.", "asyncpg.", "alembic."];

/// Whether the message is psql's.
pub(super) fn is_psql(exception: &Exception) -> bool {
    exception.kind == PSQL || exception.kind == BY_PSQL
}

/// Whether the line is from the server's own log, which may repeat an error that the client got.
pub(super) fn is_of_server(exception: &Exception) -> bool {
    exception.kind == BY_SERVER
}

/// The exception that starts at the first of these lines, and its number of lines; `None`: no
/// exception.
pub(super) fn starting_at(lines: &[Line]) -> Option<(usize, Read)> {
    let line = lines.first()?;
    let first = line.text.trim_end();
    if first.trim_start() == TRACEBACK {
        return Some(traceback(lines, 1));
    }
    // The top of a traceback may be cut off.
    if first.starts_with("  File \"") && frame(first).is_some() {
        return Some(traceback(lines, 0)).filter(|(_, read)| !read.exceptions.is_empty());
    }
    let known = KNOWN.iter().any(|package| first.starts_with(package));
    if (known || line.raised) && exception_line(first).is_some_and(|e| !e.message.is_empty()) {
        return Some(traceback(lines, 0));
    }
    if let Some(read) = no_connection(lines) {
        return Some(read);
    }
    let exception =
        alembic_failed(first).or_else(|| postgres_error(first)).or_else(|| server_error(first))?;
    let mut read = Read { exceptions: vec![exception], ..Read::default() };
    let mut length = 1;
    // psql prints the detail, the hint and the line of the statement below.
    while let Some(line) = lines.get(length) {
        let text = line.text.trim();
        // Each line of the server's log begins with its time and its process.
        let text = text.split_once("] ").map_or(text, |(_, rest)| rest);
        match text.split_once(":  ").or_else(|| text.split_once(": ")) {
            Some(("DETAIL", detail)) => read.exceptions[0].detail = Some(detail.trim().to_owned()),
            Some(("HINT", hint)) => read.exceptions[0].hint = Some(hint.trim().to_owned()),
            Some(("STATEMENT", sql)) => read.statement = Some(sql.trim().to_owned()),
            Some((label, sql)) if label.starts_with("LINE ") => {
                read.statement = Some(sql.trim().to_owned());
            }
            Some(("CONTEXT", context)) => {
                let inner = context.trim().strip_prefix("SQL statement \"");
                let inner = inner.and_then(|sql| sql.strip_suffix('"')).map(str::to_owned);
                read.statement = read.statement.or(inner);
            }
            _ if text == "^" || text.starts_with("PL/pgSQL function ") => {}
            _ => break,
        }
        length += 1;
    }
    Some((length, read))
}

/// The SQL that psql was running, as far as psql printed it.
pub(super) fn supplying(said: &Transcript) -> Option<String> {
    let sql = said.statement.as_deref()?.trim_end_matches("...").trim();
    (!sql.is_empty()).then(|| sql.to_owned())
}

/// `psql: error: connection to server … failed: …`, which may go on in further lines.
fn no_connection(lines: &[Line]) -> Option<(usize, Read)> {
    let first = lines.first()?.text.as_str();
    let of_createdb = first.strip_prefix("createdb: ").filter(|rest| rest.contains("connect"));
    let rest = first.strip_prefix("psql: ").or(of_createdb)?;
    let mut message = rest.strip_prefix("error: ").unwrap_or(rest).trim().to_owned();
    let goes_on = |line: &&Line| {
        line.text.starts_with(['\t', ' ']) || line.text.starts_with("connection to server ")
    };
    let further: Vec<&Line> = lines[1..].iter().take_while(goes_on).collect();
    for line in &further {
        message = format!("{message}\n{}", line.text.trim());
    }
    let exception = Exception { kind: PSQL.into(), message, ..Exception::default() };
    Some((1 + further.len(), Read { exceptions: vec![exception], ..Read::default() }))
}

/// A traceback with the tracebacks of its causes, which precede it. `at`: the start of its frames.
fn traceback(lines: &[Line], mut at: usize) -> (usize, Read) {
    let mut read = Read::default();
    loop {
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
            Some(skip) => at += skip + 1,
            None => return (at.max(1), read),
        }
    }
}

/// The number of lines until the next traceback of the chain, if one follows.
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
            if in_tree && module.is_empty() {
                frames.push(Frame { source: source.map(|l| l.text.trim().to_owned()), ..frame });
            }
        }
        at += 1;
    }
    (at, module)
}

/// `…/site-packages/alembic/script/revision.py` is `alembic.script.revision`.
fn module_of(file: &str) -> String {
    let packages = ["site-packages/", "dist-packages/"];
    let Some((_, path)) = packages.iter().find_map(|folder| file.rsplit_once(folder)) else {
        return String::new();
    };
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

/// `module.Type: message`, with its further lines: the rest of the message, and SQLAlchemy's `[SQL:
/// …]`.
fn exception(lines: &[Line]) -> (usize, Option<Exception>, Option<String>) {
    let Some(first) = lines.first() else { return (0, None, None) };
    let Some(mut exception) = exception_line(first.text.trim_end()) else { return (0, None, None) };
    let mut statement = None;
    let mut at = 1;
    while let Some(line) = lines.get(at) {
        let text = line.text.trim_end();
        if text.starts_with("[SQL:") {
            let (length, sql) = sent(&lines[at..]);
            at += length - 1;
            statement = Some(sql);
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

/// SQLAlchemy's `[SQL: …]`, up to a bracket at the end of a line that no line of the statement
/// follows. Returns its lines and the statement.
fn sent(lines: &[Line]) -> (usize, String) {
    let ends = |at: usize| {
        let closed = lines[at].text.trim_end().ends_with(']');
        closed && lines.get(at + 1).is_none_or(|next| belongs_to_exception(next.text.trim_end()))
    };
    // Without the closing bracket, the rest is the statement.
    let length = (0..lines.len()).find(|at| ends(*at)).map_or(lines.len(), |at| at + 1);
    let all: Vec<&str> = lines[..length].iter().map(|line| line.text.trim_end()).collect();
    let sql = all.join("\n");
    let sql = sql.strip_prefix("[SQL:").unwrap_or(&sql);
    (length, sql.strip_suffix(']').unwrap_or(sql).trim().to_owned())
}

/// Whether SQLAlchemy or a driver prints this line below the exception's own.
fn belongs_to_exception(text: &str) -> bool {
    let starts = [
        "LINE ",
        "QUERY:",
        "CONTEXT:",
        "[parameters:",
        "(Background on this error",
        "\t",
        "connection to server ",
        "Multiple connection attempts failed",
        "- host: ",
    ];
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
    Some(of_server(BY_PSQL, message))
}

/// `2026-05-11 09:26:53.123 UTC [77] ERROR:  …`, in the server's own log. `FATAL` in that log is
/// not the failure of a statement, most often a health check that names no role.
fn server_error(text: &str) -> Option<Exception> {
    let (before, message) = text.split_once("] ERROR:  ")?;
    let (time, process) = before.rsplit_once('[')?;
    let stamped = time.starts_with(|c: char| c.is_ascii_digit()) && time.contains(':');
    let numbered = process.chars().all(|c| c.is_ascii_digit());
    (stamped && numbered).then(|| of_server(BY_SERVER, message))
}

fn of_server(kind: &str, message: &str) -> Exception {
    let message = message.trim();
    Exception {
        kind: kind.into(),
        message: message.to_owned(),
        sqlstate: sqlstate::of_message(message).map(str::to_owned),
        ..Exception::default()
    }
}
