//! Lints on files, on the base branch's revisions, and the comments that silence.

use expect_test::expect;

use super::{Files, chain, finds, finds_nothing, finds_since, found, more, rev, with};

#[test]
fn mg200_computed_at_run_time() {
    finds(
        with(("0003_c.py", "import x\nrevision = '0003'\ndown_revision = x.last()\n".into())),
        expect![[r#"
            warning MG200 0003_c.py:3
              `down_revision` is computed at run time in line 3; heads, bases and missing parents of this tree cannot be judged from its text
        "#]],
    );
}

#[test]
fn mg201_no_revision() {
    finds(
        with(("helpers.py", "def f():\n    pass\n".into())),
        expect![[r#"
        error MG201 helpers.py
          it sets no `revision`, and Alembic takes every `.py` file here for one
    "#]],
    );
}

#[test]
fn mg202_unreadable() {
    finds(
        with(("0003_c.py", "<<<<<<< HEAD\nrevision = '0003'\n".into())),
        expect![[r#"
            error MG202 0003_c.py:1
              the text is no valid Python here, so Alembic cannot load the file
        "#]],
    );
}

#[test]
fn mg206_not_on_the_head_of_the_base_branch() {
    let older = || vec![rev("0001_a.py", "0001", ""), rev("0002_b.py", "0002", "0001")];
    // Main has advanced to 0003, which this branch does not have yet.
    let mut branch = older();
    branch.push(rev("0004_d.py", "0004", "0002"));
    finds_since(
        chain(),
        branch,
        expect![[r#"
        warning MG207 0003_c.py
          revision 0003 of main was deleted
        error MG206 0004_d.py:2
          it descends from 0002, not from 0003, the head of main: merged, they make two heads
    "#]],
    );
    finds_since(older(), chain(), expect![[r#""#]]);
}

#[test]
fn a_base_branch_that_went_on_has_taken_the_id() {
    let taken = |ahead, expected: expect_test::Expect| {
        let now = with(rev("0004_mine.py", "0004", "0003"));
        let files = Files { now, base: Some(chain()), ahead: vec![ahead] };
        expected.assert_eq(&super::found(&files));
    };
    taken(
        rev("0004_theirs.py", "0004", "0003"),
        expect![[r#"
            error MG216 0004_mine.py:1
              0004 is taken on main by 0004_theirs.py: merged, both have it
        "#]],
    );
    taken(
        rev("a1b2_theirs.py", "a1b2", "0003"),
        expect![[r#"
            error MG206 0004_mine.py:2
              it descends from 0003, not from a1b2, the head of main: merged, they make two heads
        "#]],
    );
    // The file is merged already, with the same contents.
    taken(rev("0004_mine.py", "0004", "0003"), expect![[r#""#]]);
}

#[test]
fn mg207_changed_on_the_base_branch() {
    let edited = more(rev("0002_b.py", "0002", "0001"), "\ndef upgrade():\n    pass\n");
    finds_since(
        chain(),
        with(edited),
        expect![[r#"
        warning MG207 0002_b.py:4
          revision 0002 of main was edited
    "#]],
    );
    // A comment and a docstring are no code.
    let (file, text) = rev("0002_b.py", "0002", "0001");
    finds_since(
        chain(),
        with((file, format!("\"\"\"doc\"\"\"\n\n# why\n{text}"))),
        expect![[r#""#]],
    );
    let mut renamed = chain();
    renamed[2].0 = "0003_other.py";
    finds_since(
        chain(),
        renamed,
        expect![[r#"
        warning MG207 0003_other.py:1
          revision 0003 of main was renamed, it was 0003_c.py
    "#]],
    );
    finds_since(
        chain(),
        chain()[..2].to_vec(),
        expect![[r#"
        warning MG207 0003_c.py
          revision 0003 of main was deleted
    "#]],
    );
}

#[test]
fn mg208_the_number_in_the_name() {
    finds(
        with(rev("0002_c.py", "0003", "0002")).into_iter().filter(|f| f.0 != "0003_c.py").collect(),
        expect![[r#"
            warning MG208 0002_c.py:1
              the file's name says 0002, its `revision` is `0003`
        "#]],
    );
    finds_nothing(vec![rev("20260511_0001_a.py", "0001", "")]);
    finds_nothing(vec![rev("2026_05_11_a.py", "a1b2c3d4e5f6", "")]);
    finds_nothing(vec![rev("2026_05_11_a.py", "123456789012", "")]);
    finds_nothing(vec![rev("a.py", "0001", "")]);
    finds_nothing(vec![rev("0001_a.py", "0001_a", "")]);
}

#[test]
fn mg211_and_mg212_allow() {
    let base = |comment: &str| {
        let text = format!("revision = '0003'\ndown_revision = None  {comment}\n");
        with(("0003_c.py", text))
    };
    let reason = "# migration-gate: allow MG205 another product's history";
    let found = found(&Files { now: base(reason), ..Files::default() });
    assert!(!found.contains("MG205") && !found.contains("MG21"), "{found}");
    finds(
        base("# migration-gate: allow MG205"),
        expect![[r#"
            error MG003 0003_c.py:2
              Tree has 2 heads, expected exactly 1: 0002 (0002_b.py), 0003 (0003_c.py).
              Head 0002 shares nothing with the others: 0001, 0002.
              Head 0003 shares nothing with the others: 0003.
            warning MG205 0003_c.py:2
              it has no parent, so it starts a history of its own beside 0001 (0001_a.py)
            warning MG212 0003_c.py:2
              no reason is given, so MG205 is not silenced
        "#]],
    );
    finds(
        base("# migration-gate: allow MG999 because"),
        expect![[r#"
            error MG003 0003_c.py:2
              Tree has 2 heads, expected exactly 1: 0002 (0002_b.py), 0003 (0003_c.py).
              Head 0002 shares nothing with the others: 0001, 0002.
              Head 0003 shares nothing with the others: 0003.
            warning MG205 0003_c.py:2
              it has no parent, so it starts a history of its own beside 0001 (0001_a.py)
            warning MG212 0003_c.py:2
              `MG999` is not the code of a lint
        "#]],
    );
    let (file, text) = rev("0003_c.py", "0003", "0002");
    finds(
        with((file, format!("\"\"\"doc\"\"\"\n# migration-gate: allow MG205 why\n{text}"))),
        expect![[r#"
            warning MG211 0003_c.py:2
              it silences MG205, which is not found here
        "#]],
    );
    finds_nothing(with((file, format!("x = '# migration-gate: allow MG205 why'\n{text}"))));
    let (file, text) = rev("0002_c.py", "0003", "0002");
    let mut top = chain();
    top[2] = (file, format!("# migration-gate: allow MG208 kept for the links to it\n{text}"));
    finds_nothing(top);
}

#[test]
fn mg212_names_what_is_nearest_to_a_typo() {
    let with_body = |comment: &str, upgrade: &str| {
        let text = format!(
            "from alembic import op\n{comment}\nrevision = '0003'\ndown_revision = '0002'\n\n\n\
             def upgrade():\n    op.execute(\"{upgrade}\")\n\n\ndef downgrade():\n    pass\n"
        );
        found(&Files { now: with(("0003_c.py", text)), ..Files::default() })
    };
    let made = "CREATE TYPE macro_kind AS ENUM ('a')";
    let guarded = "CREATE TABLE IF NOT EXISTS macro_kind (a int)";
    for (comment, upgrade, expected) in [
        ("# migration-gate: keeps table macro_kind, the archive", guarded, None),
        ("# migration-gate: keeps type macro_kind, the archive", made, Some("MG233 0003_c.py:8")),
        (
            "# migration-gate: keeps type macro_knd, the archive",
            made,
            Some("did you mean `macro_kind`?"),
        ),
        (
            "# migration-gate: rows macro_kinds, the archive",
            guarded,
            Some("did you mean `macro_kind`?"),
        ),
        ("# migration-gate: keep type macro_kind, x", made, Some("did you mean `keeps`?")),
        (
            "# migration-gate keeps type macro_kind, x",
            made,
            Some("must begin with `# migration-gate:`"),
        ),
    ] {
        let said = with_body(comment, upgrade);
        let is_said = expected
            .map_or(!said.contains("MG21") && !said.contains("MG233"), |text| said.contains(text));
        assert!(is_said, "{comment}: {said}");
    }
}
