//! Plans, shown as the resulting files.

use camino::Utf8Path;
use expect_test::{Expect, expect};

use super::{patch, plan};
use crate::script::Script;

fn file(name: &'static str, id: &str, down: &str) -> (&'static str, String) {
    let text = format!(
        "\"\"\"what {id} does\n\nRevision ID: {id}\nRevises: {down}\n\"\"\"\n\
         revision: str = '{id}'  # {id}\ndown_revision = \"{down}\"\n"
    );
    (name, text)
}

/// Plans with the files in the order of their arrival.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect!` is written in the call")]
fn check(files: &[(&'static str, String)], expected: Expect) {
    let scripts: Vec<Script> = files
        .iter()
        .filter_map(|(name, text)| Script::read(Utf8Path::new(name), text.as_bytes()).0)
        .collect();
    let bytes: Vec<Vec<u8>> = files.iter().map(|(_, text)| text.clone().into_bytes()).collect();
    let out = match plan(&scripts, &bytes, &|index| index, &|_| None) {
        Ok(plan) => {
            format!(
                "{}\n{}",
                plan.because.join("\n"),
                patch::patch(&plan.changes, camino::Utf8Path::to_owned)
            )
        }
        Err(why) => why,
    };
    // An empty context line would be lost in the indentation of the expected text.
    expected.assert_eq(&out.replace("\n \n", "\n ~\n"));
}

#[test]
fn a_branch_is_put_on_top_and_keeps_a_number_that_fits() {
    check(
        &[file("0001_a.py", "0001", "0000"), file("0002_b.py", "0002", "0001")],
        expect!["the graph is broken in other ways; `lint` says how, fix that first"],
    );
    check(
        &[
            ("0001_a.py", "revision = '0001'\ndown_revision = None\n".into()),
            file("0002_b.py", "0002", "0001"),
            file("0003_c.py", "0003", "0001"),
        ],
        expect![[r#"
            two branches begin at 0001: that of 0003_c.py is newer; it moves after 0002, as 0003
            diff --git a/0003_c.py b/0003_c.py
            --- a/0003_c.py
            +++ b/0003_c.py
            @@ -1,7 +1,7 @@
             """what 0003 does
             ~
             Revision ID: 0003
            -Revises: 0001
            +Revises: 0002
             """
             revision: str = '0003'  # 0003
            -down_revision = "0001"
            +down_revision = "0002"
        "#]],
    );
}

#[test]
fn a_tree_without_numbers_is_only_given_new_parents() {
    check(
        &[
            ("0001_a.py", "revision = '0001'\ndown_revision = None\n".into()),
            file("0002_x.py", "0002", "0001"),
            file("0003_x.py", "0003", "0002"),
            file("0002_y.py", "0002y", "0001"),
        ],
        expect![[r#"
            two branches begin at 0001: that of 0002_y.py is newer; it moves after 0003, as 0002y
            diff --git a/0002_y.py b/0002_y.py
            --- a/0002_y.py
            +++ b/0002_y.py
            @@ -1,7 +1,7 @@
             """what 0002y does
             ~
             Revision ID: 0002y
            -Revises: 0001
            +Revises: 0003
             """
             revision: str = '0002y'  # 0002y
            -down_revision = "0001"
            +down_revision = "0003"
        "#]],
    );
}

#[test]
fn a_chain_gets_new_numbers_in_order() {
    check(
        &[
            ("0001_a.py", "revision = '0001'\ndown_revision = None\n".into()),
            file("0005_x.py", "0005", "0001"),
            file("0002_y.py", "0002", "0001"),
            file("0003_y.py", "0003", "0002"),
        ],
        expect![[r#"
            two branches begin at 0001: that of 0002_y.py is newer; it moves after 0005, as 0006, 0007
            diff --git a/0002_y.py b/0006_y.py
            similarity index 90%
            rename from 0002_y.py
            rename to 0006_y.py
            --- a/0002_y.py
            +++ b/0006_y.py
            @@ -1,7 +1,7 @@
             """what 0002 does
             ~
            -Revision ID: 0002
            -Revises: 0001
            +Revision ID: 0006
            +Revises: 0005
             """
            -revision: str = '0002'  # 0002
            -down_revision = "0001"
            +revision: str = '0006'  # 0002
            +down_revision = "0005"
            diff --git a/0003_y.py b/0007_y.py
            similarity index 90%
            rename from 0003_y.py
            rename to 0007_y.py
            --- a/0003_y.py
            +++ b/0007_y.py
            @@ -1,7 +1,7 @@
             """what 0003 does
             ~
            -Revision ID: 0003
            -Revises: 0002
            +Revision ID: 0007
            +Revises: 0006
             """
            -revision: str = '0003'  # 0003
            -down_revision = "0002"
            +revision: str = '0007'  # 0003
            +down_revision = "0006"
        "#]],
    );
}

#[test]
fn an_id_that_is_used_twice_gets_the_next_number() {
    check(
        &[
            ("0001_a.py", "revision = '0001'\ndown_revision = None\n".into()),
            file("0001_x.py", "0002", "0001"),
            file("0003_x.py", "0003", "0002"),
            file("0002_y.py", "0002", "0001"),
        ],
        expect![[r#"
            revision id 0002 is used twice: 0002_y.py is newer; it moves after 0003, as 0004
            diff --git a/0001_x.py b/0002_x.py
            similarity index 100%
            rename from 0001_x.py
            rename to 0002_x.py
            diff --git a/0002_y.py b/0004_y.py
            similarity index 90%
            rename from 0002_y.py
            rename to 0004_y.py
            --- a/0002_y.py
            +++ b/0004_y.py
            @@ -1,7 +1,7 @@
             """what 0002 does
             ~
            -Revision ID: 0002
            -Revises: 0001
            +Revision ID: 0004
            +Revises: 0003
             """
            -revision: str = '0002'  # 0002
            -down_revision = "0001"
            +revision: str = '0004'  # 0002
            +down_revision = "0003"
        "#]],
    );
}

#[test]
fn unsafe_renumbering_is_refused() {
    check(
        &[
            ("a.py", "revision = 'abc'\ndown_revision = None\n".into()),
            ("b.py", "revision = 'abc'\ndown_revision = None\n".into()),
        ],
        expect![
            "a.py and b.py have the id abc, which is no number: write a revision with `cargo gate new`, and move the code of the later one there"
        ],
    );
    check(
        &[
            ("0001_a.py", "revision = '0001'\ndown_revision = None\n".into()),
            ("0002_a.py", "revision = '0002'\ndown_revision = '00' '01'\n".into()),
            ("0003_a.py", "revision = '0003'\ndown_revision = '00' '01'\n".into()),
        ],
        expect![
            "0003_a.py writes its `revision` in a way that cannot be edited safely; edit it yourself"
        ],
    );
}

#[test]
fn reversed_ages_keep_merged_and_new_revisions_apart() {
    let ages = [0, 1, super::NEW + 3, usize::MAX, usize::MAX];
    let reversed = super::reversed(&ages);
    let mut order: Vec<usize> = (0..ages.len()).collect();
    order.sort_by_key(|index| reversed[*index]);
    assert_eq!(order, [4, 3, 2, 1, 0]);
    assert!(reversed.iter().zip(&ages).all(|(r, age)| (*r >= super::NEW) != (*age >= super::NEW)));
}
