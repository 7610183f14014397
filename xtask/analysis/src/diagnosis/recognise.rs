//! The recognisers: by the outcome of a call, by exception type, by SQLSTATE and the statement in
//! flight; by message only where those are not enough. Never by a substring of the output: such a
//! tool missed a real error for days, because 'already exists' occurred somewhere in the output.

use super::case::{Case, Known, Named, type_name};
use super::{environment, unloaded};
use crate::schema_diff::mentions;
use model::code;
use model::code::causes::Cause;
use model::transcript::{Direction, End, Transcript};

/// The recognisers in the order in which they are asked: the surer ones first.
const RECOGNISERS: &[fn(&Case<'_>) -> Option<Named>] = &[
    out_of_resources,
    environment::not_writable,
    environment::not_stored,
    environment::not_committed,
    environment::driver_is_not_async,
    environment::outside_of_application,
    nobody_answered,
    connection_ended,
    second_connection,
    multiple_heads,
    broken_pointer,
    unloaded::recognise,
    missing_package,
    not_python,
    asks,
    env_failed,
    missing_role,
    not_immutable,
    table_twice,
    missing_row,
    irreversible,
    downgrade_failed,
    before_seed,
    by_sqlstate,
];

/// Names a call that did not end well.
pub(super) fn name(said: &Transcript, known: Known<'_>) -> Named {
    let during = during(said);
    match said.end {
        End::TimedOut => {
            let seconds = said.elapsed.as_secs_f64();
            let waits = said.waits_for.as_ref().map(|w| format!("; {w}")).unwrap_or_default();
            (&code::TIMED_OUT, format!("still running after {seconds:.0} s{during}{waits}"))
        }
        End::WaitsForItself => {
            let waits = said.waits_for.as_deref().unwrap_or_default();
            (&code::SECOND_CONNECTION, format!("the revision waits for itself{during}: {waits}"))
        }
        End::Exited(status) => (
            &code::PROCESS_ENDED,
            format!("the process exited with status {status} before Alembic returned{during}"),
        ),
        End::Killed(signal) => {
            let by = signal_name(signal);
            (&code::PROCESS_ENDED, format!("the process was ended by {by}{during}"))
        }
        End::Lost => {
            (&code::PROCESS_ENDED, format!("the interpreter that ran Alembic is gone{during}"))
        }
        End::Raised | End::Returned => exception(said, known, &during),
    }
}

fn exception(said: &Transcript, known: Known<'_>, during: &str) -> Named {
    let Some(headline) = said.headline() else {
        return (&code::MIGRATION_FAILED, format!("`{}` failed{during}", said.command));
    };
    // The outermost exception: one that was caught before the exit is the reason for the exit, not
    // the outcome.
    if let Some(exit) = said.exceptions.first().filter(|e| e.kind == "SystemExit") {
        let mut message = format!("`sys.exit({})` was called{during}", exit.message);
        if headline != exit {
            message = format!("{message}, after {headline}");
        }
        return (&code::PROCESS_ENDED, message);
    }
    let sqlstate = headline.sqlstate.as_deref().unwrap_or_default();
    let case = Case { said, known, headline, sqlstate };
    RECOGNISERS
        .iter()
        .find_map(|recognise| recognise(&case))
        .unwrap_or_else(|| (&code::MIGRATION_FAILED, headline.to_string()))
}

/// Disk, memory and I/O. Too many connections (53300) are the fault of the migration itself,
/// because no other client connects; a missing file (58P01) is an extension or a library that the
/// server lacks.
fn out_of_resources(case: &Case<'_>) -> Option<Named> {
    let out = ["53100", "53200", "58000", "58030"].contains(&case.sqlstate);
    let full = case.said.exceptions.iter().any(|e| e.message.contains(code::DISK_FULL));
    if out || full { case.is(&code::OUT_OF_RESOURCES) } else { None }
}

/// A connection that the revision opened itself failed before a server answered; the gate's own
/// server would have answered. By SQLSTATE of `dblink` and similar modules, else by the messages of
/// libpq or pg8000.
fn nobody_answered(case: &Case<'_>) -> Option<Named> {
    let message = &case.headline.message;
    let begins = ["connection to server", "Can't create a connection"];
    let by_driver = begins.iter().any(|begin| message.starts_with(begin));
    let is_it = case.sqlstate == "08001" || (by_driver && !message.contains("FATAL:"));
    if is_it && case.said.revision.is_some() { case.is(&code::FOREIGN_DATABASE) } else { None }
}

/// The driver reports a closed connection: by SQLSTATE if the server could still send one, else by
/// the exception's type, which then has no SQLSTATE.
fn connection_ended(case: &Case<'_>) -> Option<Named> {
    let told = case.sqlstate.starts_with("08") || case.sqlstate.starts_with("57P");
    let lost =
        ["OperationalError", "InterfaceError", "AdminShutdown", "ConnectionDoesNotExistError"];
    let silent = case.sqlstate.is_empty() && lost.iter().any(|kind| case.raised(kind));
    if (told || silent) && case.said.revision.is_some() {
        case.is(&code::CONNECTION_ENDED)
    } else {
        None
    }
}

fn multiple_heads(case: &Case<'_>) -> Option<Named> {
    if case.raised("MultipleHeads") { case.is(&code::MULTIPLE_HEADS) } else { None }
}

/// Alembic 1.20 answers a parent that does not exist with a bare `KeyError` while it loads the
/// files; earlier versions, and a target that does not exist, with `Can't locate revision`.
fn broken_pointer(case: &Case<'_>) -> Option<Named> {
    if case.said.revision.is_some() {
        return None;
    }
    let loading = case.headline.raised_in.starts_with("alembic.script");
    if loading && type_name(case.headline) == "KeyError" {
        let id = case.headline.message.trim().trim_matches('\'');
        return Some((
            &code::BROKEN_POINTER,
            format!(
                "a revision names `{id}` in its `down_revision` or `depends_on`, and there is no such revision"
            ),
        ));
    }
    let unlocated = case.raised("ResolutionError")
        || (case.raised("CommandError")
            && case.headline.message.starts_with("Can't locate revision"));
    if unlocated { case.is(&code::BROKEN_POINTER) } else { None }
}

fn missing_package(case: &Case<'_>) -> Option<Named> {
    if case.raised("ModuleNotFoundError") { case.is(&code::MISSING_PACKAGE) } else { None }
}

fn not_python(case: &Case<'_>) -> Option<Named> {
    let unreadable = ["SyntaxError", "IndentationError", "TabError", "UnicodeDecodeError"];
    let loading = case.said.revision.is_none();
    if loading && unreadable.contains(&type_name(case.headline)) {
        case.is(&code::NOT_PYTHON)
    } else {
        None
    }
}

/// There is no terminal.
fn asks(case: &Case<'_>) -> Option<Named> {
    let asked = case.said.revision.is_some() && type_name(case.headline) == "EOFError";
    if asked { case.is(&code::ASKS) } else { None }
}

/// No revision runs yet, and the traceback ends in env.py.
fn env_failed(case: &Case<'_>) -> Option<Named> {
    let innermost = case.said.frames.last()?;
    let in_env = innermost.file.file_name() == Some("env.py");
    if in_env && case.said.revision.is_none() { case.is(&code::ENV_FAILED) } else { None }
}

/// 42704 is any object that does not exist; that it is a role is in the message alone.
fn missing_role(case: &Case<'_>) -> Option<Named> {
    let role = case.headline.message.starts_with("role \"");
    if case.sqlstate == "42704" && role { case.is(&code::MISSING_ROLE) } else { None }
}

/// 42P17 is any invalid object definition; that immutability is the matter is in the message alone.
fn not_immutable(case: &Case<'_>) -> Option<Named> {
    let message = case.headline.message.to_lowercase();
    if case.sqlstate == "42P17" && message.contains("immutable") {
        case.is(&code::NOT_IMMUTABLE)
    } else {
        None
    }
}

/// A second connection does not see what the first one has not committed: a statement of this call has
/// named the object that is said not to exist.
fn second_connection(case: &Case<'_>) -> Option<Named> {
    let missing = ["42P01", "42703", "42704"].contains(&case.sqlstate);
    let name = case.headline.message.split('"').nth(1)?;
    let (_, before) = case.said.statements.split_last()?;
    let is_it = case.said.apart && missing;
    let (code, message) = case.is(&code::SECOND_CONNECTION)?;
    let was_named = is_it && before.iter().any(|ran| mentions(&ran.sql, name));
    was_named.then(|| {
        let why = "Alembic's transaction, which has made it, is not committed yet";
        (code, format!("{message}, for a second connection: {why}"))
    })
}

/// 42P07 is any existing relation; the statement shows whether it is a table.
fn table_twice(case: &Case<'_>) -> Option<Named> {
    let verb = case.verb();
    let table = verb.starts_with("CREATE TABLE") || verb.starts_with("CREATE UNLOGGED TABLE");
    if case.sqlstate == "42P07" && table { case.is(&code::TABLE_TWICE) } else { None }
}

/// The migration itself raises right after a lookup of a row, or inserts a reference to a missing
/// row.
fn missing_row(case: &Case<'_>) -> Option<Named> {
    let revision = case.said.revision.as_ref()?;
    if revision.direction == Direction::Downgrade {
        return None;
    }
    if case.sqlstate == "23503" && case.verb().starts_with("INSERT") {
        return case.is(&code::MISSING_ROW);
    }
    if !case.sqlstate.is_empty() || case.said.frames.is_empty() {
        return None;
    }
    if case.raised("NoResultFound") {
        return case.is(&code::MISSING_ROW);
    }
    let looked = match case.said.statements.last() {
        Some(last) => {
            let verb = last.sql.trim_start().get(..6);
            last.revision.as_ref() == Some(&revision.id)
                && verb.is_some_and(|verb| verb.eq_ignore_ascii_case("select"))
        }
        // A log holds no statements: for a log, the revision's own message must say that a row is
        // missing.
        None => says_that_a_row_is_missing(&case.headline.message),
    };
    let own = ["RuntimeError", "ValueError", "LookupError", "Exception", "AssertionError"];
    // `row[0]` of a row that is None.
    let none = type_name(case.headline) == "TypeError"
        && case.headline.message.starts_with("'NoneType' object");
    if looked && (none || own.contains(&case.headline.kind.as_str())) {
        case.is(&code::MISSING_ROW)
    } else {
        None
    }
}

/// `… not found in the admins table.`, as the whole end of the message.
fn says_that_a_row_is_missing(message: &str) -> bool {
    let end = message.trim_end().trim_end_matches('.');
    let table = end.strip_suffix(" table").and_then(|end| end.rsplit_once(" not found in the "));
    table.is_some_and(|(_, name)| !name.is_empty() && !name.contains(char::is_whitespace))
}

fn irreversible(case: &Case<'_>) -> Option<Named> {
    let declared = case.going_down() && type_name(case.headline) == "NotImplementedError";
    if declared { case.is(&code::IRREVERSIBLE) } else { None }
}

fn downgrade_failed(case: &Case<'_>) -> Option<Named> {
    if case.going_down() { case.is(&code::DOWNGRADE_FAILED) } else { None }
}

fn before_seed(case: &Case<'_>) -> Option<Named> {
    let there = case.known.before_seed && case.said.revision.is_some();
    if there { case.is(&code::BEFORE_SEED) } else { None }
}

fn by_sqlstate(case: &Case<'_>) -> Option<Named> {
    let code = match Cause::of(case.said) {
        Some(cause) => cause.code,
        None if case.sqlstate.is_empty() => return None,
        None if case.sqlstate.starts_with("23") => &code::CONSTRAINT_VIOLATED,
        None => &code::REFUSED,
    };
    case.is(code)
}

/// The position of the failure, as far as known.
fn during(said: &Transcript) -> String {
    match (&said.revision, &said.statement) {
        (Some(revision), Some(sql)) => {
            let (id, direction) = (&revision.id, revision.direction);
            format!(" in revision {id} ({direction}), during `{}`", first_line(sql))
        }
        (Some(revision), None) => format!(" in revision {} ({})", revision.id, revision.direction),
        (None, _) => String::new(),
    }
}

fn first_line(sql: &str) -> String {
    let mut lines = sql.trim().lines();
    let first: String = lines.next().unwrap_or_default().chars().take(100).collect();
    if lines.next().is_some() { format!("{first} …") } else { first }
}

fn signal_name(signal: i32) -> String {
    match signal {
        6 => "SIGABRT".into(),
        9 => "SIGKILL (out of memory, or killed by hand)".into(),
        11 => "SIGSEGV".into(),
        15 => "SIGTERM".into(),
        other => format!("signal {other}"),
    }
}
