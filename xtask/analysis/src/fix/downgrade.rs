//! One change for all that a downgrade lacks or does wrong.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use camino::Utf8Path;
use tree_sitter::Node;

use super::changes::{StatementChange, WrongStatement, changed, edit_to};
use super::text::{applied, function};
use crate::edit::{binds, raw_line, shifted};
use crate::python::Module;
use crate::script::Script;
use model::code::{self, Code};
use model::finding::{Edit, Finding};
use model::transcript::Statement;

/// Gives the first finding about an incomplete downgrade all missing lines, and one change for all of them:
/// it adds the lines, in the reverse order of the statements of the upgrade, at the end of the downgrade,
/// and changes the statements of the downgrade that are wrong. The findings of each code are put into that
/// order, too.
///
/// The change is one for all that is wrong, or none: `all_told` says whether the findings name all of it.
pub fn downgrade(
    findings: &mut [Finding],
    statements: &[Statement],
    place: (&Utf8Path, &str),
    (script, wrong): (Option<&Script>, Vec<WrongStatement>),
    all_told: bool,
) {
    let wrong = wrong.into_iter().filter(|wrong| wrong != &WrongStatement::None);
    let known: Option<Vec<_>> = wrong.map(WrongStatement::known).collect();
    let changes = known.as_deref().unwrap_or_default();
    let is_more = !all_told || findings.iter().any(|finding| finding.edit.is_some());
    let is_part = known.is_none() || (is_more && !changes.is_empty());
    put_together(findings, statements, place, (script, changes));
    for finding in findings.iter_mut().filter(|_| is_part) {
        finding.edit = None;
    }
}

fn put_together(
    findings: &mut [Finding],
    statements: &[Statement],
    (file, text): (&Utf8Path, &str),
    (script, changes): (Option<&Script>, &[StatementChange]),
) {
    let made = |finding: &Finding| {
        let by = finding.statement.as_deref()?;
        statements.iter().rposition(|statement| statement.sql == by)
    };
    let codes: Vec<&Code> = findings.iter().map(|finding| finding.code).collect();
    findings.sort_by_key(|finding| {
        (codes.iter().position(|code| *code == finding.code), Reverse(made(finding)))
    });
    let mut lacking: Vec<usize> = (0..findings.len()).collect();
    lacking.retain(|index| !findings[*index].lacks.is_empty());
    let script = script.filter(|_| !changes.is_empty());
    let Some(first) = lacking.first().copied() else {
        if let (Some(script), Some(first)) = (script, findings.first_mut()) {
            first.edit = change_downgrade(script, changes, "");
        }
        return;
    };
    lacking.sort_by_key(|index| (turn(&findings[*index]), Reverse(made(&findings[*index]))));
    let mut seen = BTreeSet::new();
    let lacks = lacking.iter().flat_map(|index| std::mem::take(&mut findings[*index].lacks));
    let lacks: Vec<String> = lacks.filter(|text| seen.insert(text.clone())).collect();
    let added = lacks.join("\n");
    findings[first].edit = match script {
        Some(script) => change_downgrade(script, changes, &added),
        None => add_to_downgrade(file, text, &added),
    };
    findings[first].lacks = lacks;
}

/// Changes statements of a downgrade, and adds lines at its end.
fn change_downgrade(script: &Script, changes: &[StatementChange], lacks: &str) -> Option<Edit> {
    let mut after = changed(script, changes)?;
    let mut lines: Vec<u32> = changes.iter().map(|change| change.line).collect();
    if !lacks.is_empty() {
        let edit = add_to_downgrade(&script.file, &after, lacks)?;
        after = applied(&after, &edit)?;
        let body = function(&script.module, "downgrade")?.child_by_field_name("body")?;
        lines.push(u32::try_from(body.end_position().row + 1).ok()?);
    }
    edit_to(script, &after, lines.into_iter())
}

/// The place of what a finding lacks: first what other objects need, then leftover constraints, which may
/// exclude those that are restored, and leftover triggers, which need their functions, and last leftover
/// schemas, which hold other objects.
fn turn(finding: &Finding) -> u8 {
    let needed = ["domain ", "extension ", "schema ", "sequence ", "type "];
    let subject = finding.subject.as_deref().unwrap_or_default();
    let is_left = finding.code == &code::REMAINS;
    match finding.code {
        lost if lost == &code::NOT_RESTORED && needed.iter().any(|k| subject.starts_with(k)) => 0,
        _ if is_left && ["constraint ", "trigger "].iter().any(|k| subject.starts_with(k)) => 1,
        _ if is_left && subject.starts_with("schema ") => 3,
        _ => 2,
    }
}

fn add_to_downgrade(file: &Utf8Path, text: &str, lacks: &str) -> Option<Edit> {
    let needs = |name: &str| descend_names(lacks, name) && !binds(text, name);
    if needs("op") || needs("sa") {
        return None;
    }
    let module = Module::parse(text.as_bytes()).ok().filter(|m| m.syntax_error().is_none())?;
    let function = function(&module, "downgrade")?;
    let body = function.child_by_field_name("body").filter(|body| body.kind() == "block")?;
    let mut cursor = body.walk();
    let statements: Vec<Node<'_>> =
        body.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let last = *statements.last()?;
    let in_a_line = last.start_position().row == function.start_position().row;
    if in_a_line || matches!(last.kind(), "return_statement" | "raise_statement") {
        return None;
    }
    let indent = " ".repeat(last.start_position().column);
    let added = Module::parse(lacks.as_bytes()).ok()?;
    let lines: Vec<String> = lacks.lines().map(ToOwned::to_owned).collect();
    let after = shifted(&added, 0, &lines, &indent);
    let row = |node: Node<'_>| u32::try_from(node.end_position().row + 1).ok();
    let line = row(last)?;
    // `pass` has done its duty.
    let (line, before) = match (last.kind(), raw_line(text, line)?) {
        ("pass_statement", pass) if pass.trim() == "pass" => (line, vec![pass.to_owned()]),
        _ => (line + 1, Vec::new()),
    };
    Some(Edit { file: file.to_owned(), line, before, after })
}

fn descend_names(lacks: &str, name: &str) -> bool {
    lacks.contains(&format!("{name}."))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn lacking(lacks: &str, statement: &str) -> Finding {
        Finding {
            lacks: vec![lacks.to_owned()],
            statement: Some(statement.to_owned()),
            ..Finding::new(&code::REMAINS, "left behind")
        }
    }

    #[track_caller]
    fn check(downgrade: &str, expected: Expect) {
        let text = format!("from alembic import op\n\n\ndef upgrade():\n    ...\n\n\n{downgrade}");
        let mut findings = vec![
            lacking("op.drop_table(\"parents\")", "CREATE TABLE parents"),
            lacking("op.execute('''CREATE VIEW v AS\nSELECT 1''')", "DROP VIEW v"),
        ];
        let ran = ["CREATE TABLE parents", "DROP VIEW v"].map(|sql| Statement {
            sql: sql.to_owned(),
            revision: None,
            line: None,
            elapsed: None,
        });
        super::downgrade(
            &mut findings,
            &ran,
            ("0002_x.py".into(), &text),
            (None, Vec::new()),
            true,
        );
        assert!(findings[1].edit.is_none(), "one change adds it all");
        let said = match &findings[0].edit {
            Some(edit) => {
                applied(&text, edit).unwrap().split_off(text.find("def downgrade").unwrap())
            }
            None => "no change\n".to_owned(),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn missing_lines_go_to_the_end_of_a_downgrade_latest_first() {
        check(
            "def downgrade():\n    op.drop_index(\"i\")  # with it\n\n\nX = 1\n",
            expect![[r#"
                def downgrade():
                    op.drop_index("i")  # with it
                    op.execute('''CREATE VIEW v AS
                SELECT 1''')
                    op.drop_table("parents")


                X = 1
            "#]],
        );
    }

    #[test]
    fn pass_is_replaced_by_added_lines() {
        check(
            "def downgrade() -> None:\n    \"\"\"Nothing.\"\"\"\n    pass\n",
            expect![[r#"
                def downgrade() -> None:
                    """Nothing."""
                    op.execute('''CREATE VIEW v AS
                SELECT 1''')
                    op.drop_table("parents")
            "#]],
        );
    }

    #[test]
    fn leftover_constraint_goes_first_and_a_schema_last() {
        let about = |code, subject: &str, lacks: &str| Finding {
            code,
            subject: Some(subject.to_owned()),
            ..lacking(lacks, "")
        };
        let mut findings = [
            about(&code::REMAINS, "schema s", "op.execute('DROP SCHEMA s')"),
            about(&code::REMAINS, "function f()", "op.execute('DROP FUNCTION f()')"),
            about(&code::REMAINS, "trigger t.tr", "op.execute('DROP TRIGGER tr ON t')"),
            about(
                &code::NOT_RESTORED,
                "constraint t.was",
                "op.create_primary_key('was', 't', ['a'])",
            ),
            about(&code::REMAINS, "constraint t.is", "op.drop_constraint('is', 't')"),
            about(&code::NOT_RESTORED, "type kind", "op.execute('CREATE TYPE kind')"),
        ];
        let text = "from alembic import op\n\n\ndef downgrade():\n    pass\n";
        super::downgrade(&mut findings, &[], ("0002_x.py".into(), text), (None, Vec::new()), true);
        let edit = findings.iter().find_map(|finding| finding.edit.as_ref()).unwrap();
        let place = |part: &str| edit.after.iter().position(|line| line.contains(part)).unwrap();
        let order = ["CREATE TYPE", "drop_constraint", "create_primary_key", "DROP SCHEMA"];
        assert!(order.map(place).is_sorted(), "{edit:?}");
        assert!(place("DROP TRIGGER") < place("DROP FUNCTION"), "{edit:?}");
    }

    #[test]
    fn unreachable_end_of_downgrade_is_not_changed() {
        for downgrade in [
            "def downgrade():\n    return\n",
            "def downgrade():\n    raise ValueError\n",
            "def downgrade(): pass\n",
            "def downgrade(:\n    pass\n",
            "downgrade = None\n# def downgrade\n",
        ] {
            check(downgrade, expect!["no change\n"]);
        }
    }
}
