//! Gives a name to what a call said.
//!
//! So far by how the call ended; every exception is one 'migration failed' with all that is known.

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::code::{self, Code};
use crate::model::finding::{Finding, Place};
use crate::model::transcript::{End, Frame, Transcript};

/// What is known beside the transcript.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The root that files are shown relative to.
    pub root: &'a Utf8Path,
    /// The revision files of the tree, with their ids, as far as Alembic could read them.
    pub revisions: &'a [(String, Utf8PathBuf)],
}

/// Names a call that did not end well.
pub fn diagnose(said: Transcript, known: Known<'_>) -> Finding {
    let (code, message) = name(&said);
    let frame = best_frame(&said.frames, known);
    let in_flight = said.revision.as_ref().map(|revision| revision.id.clone());
    let place =
        match frame {
            Some(frame) => Some(Place {
                file: relative(&frame.file, known.root),
                line: Some(frame.line),
                source: frame.source.clone(),
            }),
            None => known.revisions.iter().find(|(id, _)| Some(id) == in_flight.as_ref()).map(
                |(_, file)| Place { file: relative(file, known.root), line: None, source: None },
            ),
        };
    Finding {
        revision: in_flight,
        place,
        transcript: Some(Box::new(said)),
        ..Finding::new(code, message)
    }
}

fn name(said: &Transcript) -> (&'static Code, String) {
    let during = match (&said.revision, &said.statement) {
        (Some(revision), Some(sql)) => {
            format!(
                " in revision {} ({}), during `{}`",
                revision.id,
                revision.direction,
                first_line(sql)
            )
        }
        (Some(revision), None) => format!(" in revision {} ({})", revision.id, revision.direction),
        (None, _) => String::new(),
    };
    match said.end {
        End::TimedOut => {
            let seconds = said.elapsed.as_secs_f64();
            (&code::TIMED_OUT, format!("still running after {seconds:.0} s{during}"))
        }
        End::Exited(status) => (
            &code::PROCESS_ENDED,
            format!("the process exited with status {status} before Alembic returned{during}"),
        ),
        End::Killed(signal) => (
            &code::PROCESS_ENDED,
            format!("the process was ended by {}{during}", signal_name(signal)),
        ),
        End::Lost => {
            (&code::PROCESS_ENDED, format!("the interpreter that ran Alembic is gone{during}"))
        }
        End::Raised | End::Returned => match said.headline() {
            Some(exception) if exception.kind == "SystemExit" => (
                &code::PROCESS_ENDED,
                format!("`sys.exit({})` was called{during}", exception.message),
            ),
            Some(exception) if is_out_of_resources(exception.sqlstate.as_deref()) => {
                (&code::OUT_OF_RESOURCES, exception.to_string())
            }
            Some(exception) => (&code::MIGRATION_FAILED, exception.to_string()),
            None => (&code::MIGRATION_FAILED, format!("`{}` failed", said.command)),
        },
    }
}

/// Disk, memory and I/O. Too many connections (53300) are the migration's own doing here, where
/// nobody else connects.
fn is_out_of_resources(sqlstate: Option<&str>) -> bool {
    sqlstate.is_some_and(|code| ["53100", "53200"].contains(&code) || code.starts_with("58"))
}

/// The frame that a reader wants to see: the innermost one in a revision file, else in the tree.
fn best_frame<'a>(frames: &'a [Frame], known: Known<'_>) -> Option<&'a Frame> {
    let is_revision = |frame: &&Frame| known.revisions.iter().any(|(_, file)| *file == frame.file);
    frames.iter().rev().find(is_revision).or(frames.last())
}

fn relative(file: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
    file.strip_prefix(root).unwrap_or(file).to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::transcript::{Direction, Exception, RevisionInFlight};

    fn known(revisions: &[(String, Utf8PathBuf)]) -> Known<'_> {
        Known { root: Utf8Path::new("/repo"), revisions }
    }

    fn frame(file: &str, line: u32) -> Frame {
        Frame { file: file.into(), line, function: "upgrade".into(), source: None }
    }

    #[test]
    fn the_place_is_the_innermost_frame_of_a_revision() {
        let revisions = [("0002".into(), "/repo/t/versions/0002_b.py".into())];
        let said = Transcript {
            end: End::Raised,
            frames: vec![
                frame("/repo/t/env.py", 9),
                frame("/repo/t/versions/0002_b.py", 31),
                frame("/repo/t/helpers.py", 4),
            ],
            exceptions: vec![Exception {
                kind: "ValueError".into(),
                message: "no".into(),
                ..Exception::default()
            }],
            ..Transcript::default()
        };
        let finding = diagnose(said, known(&revisions));
        let place = finding.place.unwrap();
        assert_eq!((place.file.as_str(), place.line), ("t/versions/0002_b.py", Some(31)));
        assert_eq!(finding.message, "ValueError: no");
    }

    #[test]
    fn a_full_disk_is_not_the_migrations_fault() {
        let raised = |sqlstate: &str| Transcript {
            end: End::Raised,
            exceptions: vec![Exception { sqlstate: Some(sqlstate.into()), ..Exception::default() }],
            ..Transcript::default()
        };
        assert!(diagnose(raised("53100"), known(&[])).code.infrastructure);
        assert!(!diagnose(raised("42P07"), known(&[])).code.infrastructure);
    }

    #[test]
    fn an_end_without_an_exception_names_revision_and_statement() {
        let revisions = [("0002".into(), "/repo/t/versions/0002_b.py".into())];
        let said = Transcript {
            end: End::Exited(0),
            revision: Some(RevisionInFlight { id: "0002".into(), direction: Direction::Upgrade }),
            statement: Some("SELECT 1\nFROM t".into()),
            ..Transcript::default()
        };
        let finding = diagnose(said, known(&revisions));
        assert_eq!(finding.code.id, "MG104");
        assert_eq!(
            finding.message,
            "the process exited with status 0 before Alembic returned in revision 0002 (upgrade), \
             during `SELECT 1 …`"
        );
        assert_eq!(finding.place.unwrap().file, "t/versions/0002_b.py");
    }
}
