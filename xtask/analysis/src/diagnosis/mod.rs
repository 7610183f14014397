//! Diagnosis: a code for the failure of a call.
//!
//! `recognise.rs` holds the recognisers, in the order in which they are asked. The last one
//! recognises no cause; the whole output is then printed.

mod case;
pub mod environment;
mod recognise;
mod refusal;
mod unloaded;

pub use self::case::Known;
pub use self::refusal::refuses;
pub(crate) use self::unloaded::NO_DOWNGRADE;

use camino::{Utf8Path, Utf8PathBuf};

use model::code::{self, Severity};
use model::finding::{Finding, Place};
use model::sensitive;
use model::transcript::{Frame, Transcript};

/// Names a call that did not end well.
pub fn diagnose(said: Transcript, known: Known<'_>) -> Finding {
    let (code, message) = recognise::name(&said, known);
    // A fault of the graph lies in no line that ran: env.py only asked for the graph.
    let in_graph = code == &code::MULTIPLE_HEADS || code == &code::BROKEN_POINTER;
    let without = unloaded::without_downgrade(&said, known);
    let frame = best_frame(&said.frames, known).filter(|_| !in_graph && without.is_none());
    let in_flight = said.revision.as_ref().map(|revision| revision.id.clone()).or(without);
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
    // That the gate could not do its work is no failure of a migration.
    let sev2 = if code.infrastructure { None } else { area_in_flight(&said, place.as_ref()) };
    Finding {
        revision: in_flight,
        place,
        sev2: sev2.map(Into::into),
        transcript: Some(Box::new(said)),
        ..Finding::new(code, message)
    }
}

/// The sensitive area of a finding, by the file and the statement that it names: leftovers and
/// losses of a downgrade are faults without an exception.
pub fn sensitive_area(finding: &Finding) -> Option<&'static str> {
    if finding.code.infrastructure || finding.code.severity != Severity::Error {
        return None;
    }
    let place = finding.place.as_ref().and_then(|place| place.file.file_name());
    place.into_iter().chain(finding.statement.as_deref()).find_map(sensitive::area)
}

/// The sensitive area that the revision in flight touches, by its file and its statements.
fn area_in_flight(said: &Transcript, place: Option<&Place>) -> Option<&'static str> {
    let revision = said.revision.as_ref()?;
    let own = said.statements.iter().filter(|s| s.revision.as_ref() == Some(&revision.id));
    // The version table's own statements come from Alembic and name no schema of ours.
    let texts = own.map(|s| s.sql.as_str()).chain(said.statement.as_deref());
    place
        .and_then(|place| sensitive::area(place.file.file_name().unwrap_or_default()))
        .or_else(|| texts.filter(|sql| !sql.contains("alembic_version")).find_map(sensitive::area))
}

/// The frame that a reader wants to see: the innermost one in a revision file, else in the tree.
fn best_frame<'a>(frames: &'a [Frame], known: Known<'_>) -> Option<&'a Frame> {
    let is_revision = |frame: &&Frame| known.revisions.iter().any(|(_, file)| *file == frame.file);
    frames.iter().rev().find(is_revision).or(frames.last())
}

fn relative(file: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
    file.strip_prefix(root).unwrap_or(file).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::transcript::{Direction, End, Exception, RevisionInFlight};

    fn known(revisions: &[(String, Utf8PathBuf)]) -> Known<'_> {
        Known { root: Utf8Path::new("/repo"), revisions, before_seed: false }
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
    fn a_revision_without_downgrade_is_found_by_its_module() {
        let revisions = [("1.a".into(), "/repo/t/versions/1.a-b c.py".into())];
        let message = "module '1_a_b_c_py' has no attribute 'downgrade'".to_owned();
        let said = Transcript {
            end: End::Raised,
            frames: vec![frame("/repo/t/env.py", 9)],
            exceptions: vec![Exception {
                kind: "AttributeError".into(),
                message,
                ..Exception::default()
            }],
            ..Transcript::default()
        };
        let finding = diagnose(said, known(&revisions));
        assert_eq!(finding.code.id, "MG106");
        assert_eq!(finding.revision.as_deref(), Some("1.a"));
        assert!(finding.message.starts_with("the revision has no `downgrade()`"));
        assert_eq!(finding.place.unwrap().file, "t/versions/1.a-b c.py");
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
        let mut told = raised("XX000");
        told.exceptions[0].message = "[Errno 28] No space left on device: '/tmp/x'".into();
        assert_eq!(diagnose(told, known(&[])).code.id, "MG902");
        // A missing file is an extension or a library that the server lacks.
        let missing = diagnose(raised("58P01"), known(&[]));
        assert_eq!(missing.code.id, "MG114");
        assert!(missing.remedies()[0].contains("install the package"));
    }

    #[test]
    fn downgrade_loss_in_sensitive_schema_is_sev2() {
        let finding = |code, statement: &str, file: &str| Finding {
            statement: Some(statement.into()),
            place: Some(Place { file: file.into(), line: None, source: None }),
            ..Finding::new(code, "left behind")
        };
        let area = |code, statement, file| sensitive_area(&finding(code, statement, file));
        assert_eq!(area(&code::REMAINS, "ALTER TABLE audit_log ADD x int", "a.py"), Some("audit"));
        assert_eq!(area(&code::REMAINS, "SELECT 1", "v/0005_rbac_tables.py"), Some("RBAC"));
        assert_eq!(area(&code::REMAINS, "ALTER TABLE notes ADD x int", "audit/a.py"), None);
        // A declared state is a note, and an error of the gate is no failure of a migration.
        assert_eq!(area(&code::KEPT, "ALTER TABLE audit_log ADD x int", "a.py"), None);
        assert_eq!(area(&code::OUT_OF_RESOURCES, "INSERT INTO audit_log", "a.py"), None);
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
