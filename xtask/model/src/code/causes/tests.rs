//! Tests of the table of causes.

use super::*;
use crate::transcript::Exception;

/// The SQLSTATEs that migrations of public projects meet.
const MET: &[&str] = &[
    "0A000", "22001", "22P02", "23502", "23503", "23505", "23514", "25001", "25006", "25P02",
    "2BP01", "3F000", "40P01", "42501", "42601", "42701", "42703", "42704", "42710", "42723",
    "42804", "42830", "42846", "42883", "42P01", "42P07", "42P16", "42P17", "55000", "55006",
    "55P03", "55P04", "57014", "58P01",
];

fn of(kind: &str, state: Option<&str>, message: &str) -> Option<&'static Cause> {
    let sqlstate = state.map(str::to_owned);
    let (kind, message) = (kind.to_owned(), message.to_owned());
    let raised = Exception { kind, sqlstate, message, ..Exception::default() };
    Cause::of(&Transcript { exceptions: vec![raised], ..Transcript::default() })
}

#[test]
fn each_sqlstate_that_migrations_meet_has_a_remedy_of_its_own() {
    let mut seen: Vec<&[&str]> = Vec::new();
    for state in MET {
        let cause = of("psycopg2.Error", Some(state), "").unwrap();
        assert!(!seen.contains(&cause.remedy), "{state} has that of another one");
        seen.push(cause.remedy);
    }
    for cause in CAUSES {
        assert!(!cause.remedy.is_empty() && cause.state.is_empty() != cause.kind.is_empty());
    }
}

#[test]
fn the_general_cause_of_a_sqlstate_comes_last() {
    for (index, cause) in CAUSES.iter().enumerate().filter(|(_, cause)| cause.says.is_empty()) {
        let mut later = CAUSES[index + 1..].iter();
        let hidden = |other: &&Cause| other.state == cause.state && other.kind == cause.kind;
        assert!(later.find(hidden).is_none(), "{cause:?} hides others");
    }
}

#[test]
fn the_message_tells_causes_of_one_sqlstate_apart() {
    let extension = of("psycopg2.Error", Some("0A000"), "extension \"vector\" is not available");
    assert!(extension.unwrap().remedy[0].contains("pgvector"));
    let long = "value too long for type character varying(32)";
    assert!(of("x.Error", Some("22001"), long).unwrap().remedy[0].contains("revision id"));
    assert!(of("x.Error", Some("22001"), "too long").unwrap().remedy[0].contains("wider"));
    let word = "syntax error at or near \"modify\"";
    assert!(of("x.Error", Some("42601"), word).unwrap().remedy[0].contains("alter_column"));
    let colon = "A value is required for bind parameter 'name'";
    assert!(of("sqlalchemy.exc.InvalidRequestError", None, colon).is_some());
    assert!(of("sqlalchemy.exc.InvalidRequestError", None, "other").is_none());
    // The SQLSTATE from Postgres outweighs the type in which SQLAlchemy wraps the error.
    assert!(of("ProgrammingError", Some("99999"), "are allowed as placeholders").is_none());
    assert!(of("KeyError", None, "'x'").is_none());
    let no_env = of("ImportError", None, "Can't find Python file /srv/migrations/env.py");
    assert_eq!(no_env.unwrap().code, &ENV_FAILED);
    assert!(of("ImportError", None, "cannot import name 'x'").is_none());
}
