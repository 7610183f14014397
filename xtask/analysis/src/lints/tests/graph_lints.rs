//! The graph's own lints.

use expect_test::expect;

use super::{Files, chain, finds, finds_nothing, finds_since, found, more, rev, with};

#[test]
fn mg003_several_heads() {
    finds_nothing(chain());
    finds(
        with(rev("0004_d.py", "0004", "0002")),
        expect![[r#"
        error MG003 0004_d.py:2
          Tree has 2 heads, expected exactly 1: 0003 (0003_c.py), 0004 (0004_d.py).
          Head 0003 adds 0003 to 0002.
          Head 0004 adds 0004 to 0002.
    "#]],
    );
    // Issue 1548: the one to move is the one that is not on the base branch.
    finds_since(
        with(rev("0004_d.py", "0004", "0003")),
        vec![
            rev("0001_a.py", "0001", ""),
            rev("0002_b.py", "0002", "0001"),
            rev("0003_c.py", "0003", "0002"),
            rev("0003_new.py", "0003n", "0002"),
            rev("0004_d.py", "0004", "0003"),
        ],
        expect![[r#"
            error MG003 0003_new.py:2
              Tree has 2 heads, expected exactly 1: 0003n (0003_new.py), 0004 (0004_d.py).
              Head 0003n adds 0003n to 0002.
              Head 0004 adds 0003, 0004 to 0002.
        "#]],
    );
    // A merge revision makes one head of two.
    let mut merged = with(rev("0004_d.py", "0004", "0002"));
    merged.push(("0005_m.py", "revision = '0005'\ndown_revision = ('0003', '0004')\n".into()));
    finds_nothing(merged);
}

#[test]
fn mg003_a_revision_id_used_twice() {
    finds(
        with(rev("0003_d.py", "0003", "0002")),
        expect![[r#"
        error MG003 0003_d.py:1
          revision id 0003 is used twice: 0003_c.py and 0003_d.py. Alembic warns, keeps the second and drops the first.
    "#]],
    );
}

#[test]
fn mg005_a_parent_that_does_not_exist() {
    for named in ["002", "0002_b", "0002_b.py", "0020", "zzzzzzzz"] {
        let found =
            found(&Files { now: with(rev("0003_c.py", "0003", named)), ..Files::default() });
        let expected = match named {
            "002" => "`down_revision` names `002`, which no file here has: did you mean `0002`?",
            "0002_b" | "0002_b.py" => "that is the name of a file, whose revision is `0002`",
            "0020" => "did you mean `0002`?",
            _ => "which no file here has.",
        };
        assert!(found.contains("error MG005 0003_c.py:2\n") && found.contains(expected), "{found}");
    }
    let hashes = vec![rev("a.py", "abcd1234ef", ""), rev("b.py", "ffff1234ef", "abcd12")];
    finds(
        hashes,
        expect![[r#"
            error MG005 b.py:2
              `down_revision` names `abcd12`, which no file here has: `abcd1234ef` starts with it, and a file must name it whole
        "#]],
    );
    finds_since(
        chain(),
        vec![rev("0001_a.py", "0001", ""), rev("0003_c.py", "0003", "0002")],
        expect![[r#"
            warning MG207 0002_b.py
              revision 0002 of main was deleted
            error MG005 0003_c.py:2
              `down_revision` names `0002`, which no file here has: this change deletes 0002_b.py
        "#]],
    );
}

#[test]
fn mg203_cycles() {
    finds(
        with(rev("0001_a.py", "0001", "0003")),
        expect![[r#"
        error MG203 0001_a.py:2
          each of these comes before the next, in a circle: 0001 → 0002 → 0003 → 0001
    "#]],
    );
    finds(
        with(rev("0003_c.py", "0003", "0003")),
        expect![[r#"
        error MG203 0003_c.py:2
          it names itself as its `down_revision`
    "#]],
    );
    finds(
        with(more(rev("0002_b.py", "0002", "0001"), "depends_on = '0003'\n")),
        expect![[r#"
        error MG203 0002_b.py:2
          each of these comes before the next, in a circle: 0002 → 0003 → 0002
    "#]],
    );
    finds_nothing(with(more(rev("0003_c.py", "0003", "0002"), "depends_on = '0001'\n")));
}

/// Alembic looks only whether everything can be reached from a head and from a base.
#[test]
fn a_circle_that_alembic_walks_for_ever() {
    let mut files = with(more(rev("0002_b.py", "0002", ""), "down_revision = '0001', '0003'\n"));
    files.push(rev("0004_d.py", "0004", "0003"));
    finds(
        files,
        expect![[r#"
        error MG203 0002_b.py:3
          each of these comes before the next, in a circle: 0002 → 0003 → 0002. Alembic does not look for a circle that can be reached from a head and from a base: its commands may run for ever
    "#]],
    );
}

#[test]
fn mg204_a_dependency_that_does_not_exist() {
    finds(
        with(more(rev("0003_c.py", "0003", "0002"), "depends_on = ['0001',\n  '0009']\n")),
        expect![[r#"
            error MG204 0003_c.py:4
              `depends_on` names `0009`, which no file here has: did you mean `0001`?
        "#]],
    );
}

#[test]
fn mg205_several_bases() {
    finds(
        with(rev("0003_c.py", "0003", "")),
        expect![[r#"
        error MG003 0003_c.py:2
          Tree has 2 heads, expected exactly 1: 0002 (0002_b.py), 0003 (0003_c.py).
          Head 0002 shares nothing with the others: 0001, 0002.
          Head 0003 shares nothing with the others: 0003.
        warning MG205 0003_c.py:2
          it has no parent, so it starts a history of its own beside 0001 (0001_a.py)
    "#]],
    );
}

#[test]
fn mg209_an_illegal_id() {
    finds(
        vec![rev("a.py", "a-b", "")],
        expect![[r#"
        error MG209 a.py:1
          Alembic does not allow `-` in the id `a-b`
    "#]],
    );
}

#[test]
fn mg210_a_label_used_twice() {
    let labelled = |file, id, down| more(rev(file, id, down), "branch_labels = ('api',)\n");
    finds(
        vec![labelled("a.py", "a", ""), labelled("b.py", "b", "a")],
        expect![[r#"
        error MG210 b.py:3
          the label `api` is that of a (a.py)
    "#]],
    );
}
