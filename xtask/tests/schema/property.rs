//! A snapshot sees what `pg_dump` and `pg_dumpall` see: whenever two states differ for them, their
//! snapshots differ, and the other way round but for the exceptions that are named here.
//!
//! The corpus makes one object of every kind; then each statement changes one thing of one of them.

use std::io::Write;
use std::process::Command;

use camino::Utf8Path;

use super::*;
use crate::test_server::TestServer;

const CORPUS: &str = include_str!("../../test_data/corpus/everything.sql");
const CHANGES: &str = include_str!("../../test_data/corpus/changes.sql");
/// Changes that a dump of the schema alone does not tell, and a snapshot does.
const ONLY_IN_SNAPSHOTS: &[&str] = &[
    // Data for a dump: `REFRESH` stands in its data section.
    "REFRESH MATERIALIZED VIEW",
    // Not part of a dump without `--create`.
    "ALTER DATABASE",
    "ALTER ROLE corpus_reader IN DATABASE",
    "COMMENT ON DATABASE",
    "GRANT CONNECT ON DATABASE",
    // A dump says nothing of the triggers behind a foreign key.
    "ALTER TABLE shop.line DISABLE TRIGGER ALL",
];

/// Whether these binaries come with `pg_dump`. Where they do not, nothing is compared, and that is said;
/// in CI it is an error.
pub(super) fn pg_dump_is_there(bin: &Utf8Path) -> bool {
    let there = bin.join("pg_dump").is_file() && bin.join("pg_dumpall").is_file();
    assert!(there || std::env::var_os("CI").is_none(), "no pg_dump in {bin}: install Postgres 15");
    if !there {
        // Past the test runner, which would keep it to itself.
        let told = "SKIPPED: without pg_dump no snapshot is compared; there is none in";
        writeln!(std::io::stderr(), "{told} {bin}").unwrap();
    }
    there
}

/// What the dumps of a database's schema and of its cluster say.
pub(super) fn dump(bin: &Utf8Path, socket: &str, database: &str) -> String {
    let run = |program: &str, options: &[&str]| {
        let out = Command::new(bin.join(program))
            .args(["-h", socket, "-U", "postgres", "--restrict-key=fixed"])
            .args(options)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    run("pg_dump", &["--schema-only", database]) + &run("pg_dumpall", &["--globals-only"])
}

#[test]
fn a_snapshot_differs_whenever_a_dump_does() {
    let server = TestServer::start();
    let TestServer { cluster, bin, interrupt, .. } = &server;
    if !pg_dump_is_there(bin) {
        return;
    }
    server.session("postgres").create_database("corpus", None, None).unwrap();
    let mut session = server.session("corpus");
    session.execute(CORPUS).unwrap();
    let mut watch = SchemaReader::new(&cluster.endpoint, "corpus", interrupt);
    let socket = server.scratch.path().as_str();
    let (mut dumped, mut taken) = (dump(bin, socket, "corpus"), watch.read().unwrap());
    let mut wrong = Vec::new();
    for statement in CHANGES.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
        session.execute(statement).unwrap();
        let (dump_now, now) = (dump(bin, socket, "corpus"), watch.read().unwrap());
        let only = ONLY_IN_SNAPSHOTS.iter().any(|start| statement.starts_with(start));
        let expected = if only { (false, true) } else { (true, true) };
        let seen = (dump_now != dumped, now != taken);
        if seen != expected {
            wrong
                .push(format!("{statement}: dump differs {}, snapshot differs {}", seen.0, seen.1));
        }
        (dumped, taken) = (dump_now, now);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing changes, nothing differs.
    session
        .execute("ANALYZE; INSERT INTO store.child VALUES (1, 'x'); SELECT nextval('store.teller')")
        .unwrap();
    assert_eq!(watch.read().unwrap(), taken);
    // Another connection sees the same, and so does one that was ended and opened anew.
    let mut other = SchemaReader::new(&cluster.endpoint, "corpus", interrupt);
    assert_eq!(other.read().unwrap(), taken);
    session.end_others().unwrap();
    assert_eq!(other.read().unwrap(), taken);
}
