//! A snapshot sees what `pg_dump` and `pg_dumpall` see: whenever two states differ for them, their
//! snapshots differ, and the other way round but for the exceptions that are named here.
//!
//! The corpus makes one object of every kind; then each statement changes one thing of one of them.

use std::io::Write;
use std::process::Command;

use camino::Utf8Path;

use super::*;
use crate::drivers::postgres::binaries::Places;
use crate::drivers::postgres::cluster::{self, Cluster, Setup};
use crate::drivers::postgres::provision;
use crate::drivers::scratch::Scratch;

const CORPUS: &str = include_str!("corpus/everything.sql");
const CHANGES: &str = include_str!("corpus/changes.sql");
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
    let interrupt = Interrupt::never().unwrap();
    let places = Places::of_this_machine(None);
    let user = cluster::server_user().unwrap();
    let programs = provision::find(&places, true, &interrupt).unwrap();
    let found = programs.get(user.as_ref(), &interrupt, &|_| {}).unwrap();
    let bin = found.dir.clone();
    if !pg_dump_is_there(&bin) {
        return;
    }
    let scratch = Scratch::new(user.as_ref()).unwrap();
    let (binaries, user) = (&found, user.as_ref());
    let setup = Setup { binaries, user, scratch: &scratch, interrupt: &interrupt, tell: &|_| {} };
    let server = Cluster::start(&setup, None).unwrap();
    let mut main = Session::open(&server.endpoint, "postgres", &interrupt).unwrap();
    main.create_database("corpus", None, None).unwrap();
    let mut session = Session::open(&server.endpoint, "corpus", &interrupt).unwrap();
    session.execute(CORPUS).unwrap();
    let mut watch = Watch::new(&server.endpoint, "corpus", &interrupt);
    let socket = scratch.path().as_str();
    let (mut dumped, mut taken) = (dump(&bin, socket, "corpus"), watch.take().unwrap());
    assert_eq!(taken, take(&mut session).unwrap(), "both ways to look see the same");
    // Sees what several statements have changed.
    let mut seldom = Watch::new(&server.endpoint, "corpus", &interrupt);
    // Sees a server whose files it does not know.
    let url = format!("postgresql://postgres@{}:5432/", socket.replace('/', "%2F"));
    let given = Endpoint::from_url(&url).unwrap();
    let mut given = Watch::new(&given, "corpus", &interrupt);
    let (mut wrong, mut changes, mut paged) = (Vec::new(), 0, 0);
    for statement in CHANGES.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
        session.execute(statement).unwrap();
        let (dump_now, now) = (dump(&bin, socket, "corpus"), watch.take().unwrap());
        assert_eq!(now, take(&mut session).unwrap(), "what was seen again after {statement}");
        assert_eq!(given.take().unwrap(), now, "what was seen of a given server after {statement}");
        let is_of_pages = |watch: &Watch<'_>| watch.seen().unwrap().is_of_pages();
        paged += usize::from(is_of_pages(&watch));
        assert!(!is_of_pages(&given), "its files are not known");
        changes += 1;
        if changes % 5 == 1 {
            assert_eq!(seldom.take().unwrap(), now, "what was seen seldom after {statement}");
        }
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
    assert!(paged > changes / 2, "{paged} of {changes} looks read some pages alone");
    // Nothing changes, nothing differs.
    session
        .execute("ANALYZE; INSERT INTO store.child VALUES (1, 'x'); SELECT nextval('store.teller')")
        .unwrap();
    assert_eq!(watch.take().unwrap(), taken);
    // What another connection writes is seen when it is over, however long that takes.
    let mut late = Session::open(&server.endpoint, "corpus", &interrupt).unwrap();
    late.execute("BEGIN; CREATE TABLE store.late (id int)").unwrap();
    assert_eq!(watch.take().unwrap(), taken);
    session.execute("CREATE TABLE store.sooner (id int)").unwrap();
    assert_eq!(watch.take().unwrap(), take(&mut session).unwrap());
    late.execute("COMMIT").unwrap();
    taken = take(&mut session).unwrap();
    assert!(taken.get("table", "store.late").is_some());
    assert_eq!(watch.take().unwrap(), taken);
    // A catalogue that is written anew, in another file, and one that has fewer pages.
    let catalogues =
        ["pg_class", "pg_attribute", "pg_trigger", "pg_policy", "pg_partitioned_table"];
    for catalogue in catalogues {
        session.execute(&format!("VACUUM FULL {catalogue}")).unwrap();
        assert_eq!(watch.take().unwrap(), taken, "after VACUUM FULL {catalogue}");
        session
            .execute("COMMENT ON TABLE store.late IS 'a'; ALTER TABLE store.late ADD a int")
            .unwrap();
        assert_eq!(
            watch.take().unwrap(),
            take(&mut session).unwrap(),
            "after VACUUM FULL {catalogue}"
        );
        session
            .execute("COMMENT ON TABLE store.late IS 'b'; ALTER TABLE store.late DROP a")
            .unwrap();
        taken = take(&mut session).unwrap();
        assert_eq!(watch.take().unwrap(), taken, "after VACUUM FULL {catalogue}");
    }
    let many = |sql: &str| -> Vec<String> {
        (0..200).map(|number| sql.replace('#', &number.to_string())).collect()
    };
    session.execute(&many("CREATE TABLE store.many# (a int PRIMARY KEY)").join(";")).unwrap();
    assert_eq!(watch.take().unwrap(), take(&mut session).unwrap());
    for drop in many("DROP TABLE store.many#") {
        session.execute(&drop).unwrap();
    }
    session.execute("VACUUM").unwrap();
    assert_eq!(watch.take().unwrap(), taken);
    // What was seen outlives its connection, and is of use to others.
    watch.close();
    let before = watch.seen().unwrap().clone();
    session.execute("ALTER TABLE store.child ADD more int; CREATE ROLE corpus_other").unwrap();
    let now = take(&mut session).unwrap();
    assert_ne!(now, taken);
    assert_eq!(watch.take().unwrap(), now);
    let mut other = Watch::new(&server.endpoint, "corpus", &interrupt);
    assert_eq!(other.take_over(&before).unwrap(), now);
    drop(session);
    drop(late);
    for watch in [&mut other, &mut seldom, &mut given] {
        watch.close();
    }
    a_copy_goes_on_from_what_was_seen(&server.endpoint, &mut watch, &interrupt);
    // Another database of that name is another one.
    main.execute("DROP DATABASE corpus WITH (FORCE)").unwrap();
    main.create_database("corpus", None, None).unwrap();
    let mut session = Session::open(&server.endpoint, "corpus", &interrupt).unwrap();
    assert_eq!(watch.take().unwrap(), take(&mut session).unwrap());
    other.close();
    assert_eq!(other.take().unwrap(), take(&mut session).unwrap());
}

/// The database `corpus`, which only the watch is connected to, is copied on its connection.
fn a_copy_goes_on_from_what_was_seen(
    endpoint: &Endpoint,
    watch: &mut Watch<'_>,
    interrupt: &Interrupt,
) {
    let mut copy = Watch::new(endpoint, "corpus_copy", interrupt);
    copy.go_on_from(watch);
    // Between the look and the copy.
    watch.ask(|session| session.execute("ALTER TABLE store.child ADD sooner int")).unwrap();
    watch
        .ask(|session| session.create_database("corpus_copy", Some("corpus"), Some("file_copy")))
        .unwrap();
    let anew =
        |database: &str| take(&mut Session::open(endpoint, database, interrupt).unwrap()).unwrap();
    let copied = copy.take().unwrap();
    assert_eq!(copied, anew("corpus_copy"), "the copy as it was made");
    assert!(copied.get("column", "store.child.sooner").is_some());
    assert!(copy.seen().unwrap().is_of_pages());
    copy.ask(|session| {
        session.execute("ALTER TABLE store.child DROP sooner, ADD later int; DROP TABLE store.late")
    })
    .unwrap();
    let changed = copy.take().unwrap();
    assert_eq!(changed, anew("corpus_copy"), "the copy later");
    assert_ne!(changed, copied);
    assert_eq!(watch.take().unwrap(), anew("corpus"), "what it was copied from");
    // Another copy of that name is another one, and nobody has looked at it.
    copy.close();
    watch
        .ask(|session| {
            session.drop_database("corpus_copy")?;
            session.create_database("corpus_copy", Some("corpus"), Some("file_copy"))
        })
        .unwrap();
    assert_eq!(copy.take().unwrap(), copied, "another copy");
}
