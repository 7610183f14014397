//! Sound migrations of awkward kinds: none may raise an alarm.

use super::support::{EACH_ITS_OWN, ONE_FOR_ALL, Revision, changes, climb, gate};

#[test]
fn sound_migrations_raise_no_alarm() {
    let sound = changes("sound.yaml");
    let said = climb(&sound, None);
    assert_eq!(said.errors(), Vec::<String>::new(), "{}", said.stderr);
    assert_eq!(said.verdict(), "pass", "{}", said.stderr);
    // What is told of the others are notes: a restored column stands at the end, and what a declaration says.
    let told: Vec<String> = sound.iter().flat_map(|c| said.about(&c.id)).map(|f| f.0).collect();
    assert_eq!(told, ["MG407", "MG406", "MG406"]);
    assert_eq!(said.about("start")[0].0, "MG408");
}

#[test]
fn a_head_that_drops_a_role_raises_no_alarm() {
    let made = "CREATE ROLE s24_role;\nGRANT SELECT ON s24 TO s24_role";
    let before = format!("CREATE TABLE s24 (a int);\n{made}");
    let gone = "DROP TABLE s24;\nDROP ROLE s24_role";
    for transactions in [EACH_ITS_OWN, ONE_FOR_ALL] {
        let dropped = "REVOKE SELECT ON s24 FROM s24_role;\nDROP ROLE s24_role";
        let chain = [Revision::new("start", &before, gone), Revision::new("head", dropped, made)];
        let said = gate(&chain, transactions, &[]);
        assert_eq!(said.errors(), Vec::<String>::new(), "{}", said.stderr);
        assert_eq!(said.verdict(), "pass", "{}", said.stderr);
    }
}

#[test]
fn branches_merges_and_dependencies_are_walked_rightly() {
    let revision = |id, up, down| Revision::new(id, up, down);
    let chain = [
        revision("root", "CREATE TABLE t_root (a int)", "DROP TABLE t_root"),
        revision("a1", "CREATE TABLE t_a1 (a int)", "DROP TABLE t_a1"),
        revision("a2", "CREATE TABLE t_a2 (a int)", "DROP TABLE t_a2"),
        Revision {
            below: Some("'root'"),
            ..revision("b1", "CREATE TABLE t_b1 (a int)", "DROP TABLE t_b1")
        },
        Revision {
            needs: "'a1'",
            ..revision("b2", "ALTER TABLE t_a1 ADD b int", "ALTER TABLE t_a1 DROP b")
        },
        Revision { below: Some("('a2', 'b2')"), ..revision("m", "SELECT 1", "SELECT 1") },
        revision("z", "CREATE TABLE t_z (a int)", "DROP TABLE t_z"),
    ];
    let said = gate(&chain, EACH_ITS_OWN, &["--stairway"]);
    assert_eq!(said.errors(), Vec::<String>::new(), "{}", said.stderr);
    assert_eq!(said.verdict(), "pass", "{}", said.stderr);
}

/// SQLAlchemy makes a type once in a process: the second revision fails alone, and not in one go.
#[test]
fn revisions_above_one_that_fails_alone_are_tried() {
    let table = |name: &str| {
        format!(
            "python: import sqlalchemy as sa; op.create_table('{name}', sa.Column('a', sa.Enum('x', name='kind')))"
        )
    };
    let (one, two) = (table("t1"), table("t2"));
    let chain = [
        Revision::new("one", &one, "DROP TABLE t1;\nDROP TYPE kind"),
        Revision::new("two", &two, "DROP TABLE t2"),
        Revision::new("three", "CREATE TABLE t3 (a int)", "SELECT 1"),
        Revision::new("four", "CREATE TABLE t4 (a int)", "DROP TABLE t4"),
    ];
    let said = gate(&chain, ONE_FOR_ALL, &["--stairway"]);
    let codes = |revision| said.about(revision).into_iter().map(|f| f.0).collect::<Vec<_>>();
    assert_eq!(codes("two"), ["MG111"], "{}", said.stderr);
    assert_eq!(codes("three"), ["MG400"], "{}", said.stderr);
    assert_eq!(said.report["trees"][0]["stairway"]["tried"], 4, "{}", said.stderr);
}
