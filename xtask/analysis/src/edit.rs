//! The exact change of a file that fixes a finding, if the gate knows it: a change that a reader
//! can apply unaltered.
//!
//! A change is given only if no choice is left. A hint (`did you mean …?`) is not a change, and
//! neither is a fix that renames a file: `renumber` does that.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use camino::Utf8Path;
use tree_sitter::Node;

use super::python::{Module, descendants};
use super::script::{Ident, Script};
use model::code::{self, Code};
use model::finding::{Edit, Finding};
use model::transcript::Statement;

/// Replaces the name of a revision by another one, between the existing quotes.
pub fn renamed(script: &Script, ident: &Ident, id: &str) -> Option<Edit> {
    let source = script.module.source();
    let start = source.get(..ident.bytes.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end =
        source.get(ident.bytes.end..)?.find('\n').map_or(source.len(), |at| ident.bytes.end + at);
    let literal = script.module.slice(ident.bytes.clone());
    // A literal with escapes or other indirect text is left to a person.
    let once = literal.matches(&ident.text).count() == 1 && !ident.text.is_empty();
    let plain = once && !literal.contains('\n') && !id.contains(['"', '\'', '\\']);
    plain.then(|| Edit {
        file: script.file.clone(),
        line: ident.line,
        before: vec![source[start..end].to_owned()],
        after: vec![format!(
            "{}{}{}",
            &source[start..ident.bytes.start],
            literal.replace(&ident.text, id),
            &source[ident.bytes.end..end]
        )],
    })
}

/// Deletes a line that holds only a comment.
pub fn without_comment(script: &Script, line: u32) -> Option<Edit> {
    let text = raw_line(script.module.source(), line)?;
    text.trim_start().starts_with('#').then(|| Edit {
        file: script.file.clone(),
        line,
        before: vec![text.to_owned()],
        after: Vec::new(),
    })
}

/// Puts the statement that begins on a line into an autocommit block.
pub fn in_autocommit_block(script: &Script, line: u32) -> Option<Edit> {
    let module = &script.module;
    let row = usize::try_from(line).ok()?.checked_sub(1)?;
    let statement = descendants(module.root()).find(|node| {
        node.start_position().row == row
            && node.kind() == "expression_statement"
            && node.parent().is_some_and(|parent| parent.kind() == "block")
    })?;
    let before: Vec<String> = lines_of(module, statement)?;
    let indent: String = before.first()?.chars().take_while(|c| c.is_whitespace()).collect();
    let whole = statement.start_position().column == indent.len();
    // The rest of the line would be left behind.
    let alone = before.last()?.trim_end().ends_with(module.text(statement).lines().last()?.trim());
    if !whole || !alone || !binds(module.source(), "op") {
        return None;
    }
    let mut after = vec![format!("{indent}with op.get_context().autocommit_block():")];
    after.extend(shifted(module, row, &before, "    "));
    Some(Edit { file: script.file.clone(), line, before, after })
}

/// Gives the first finding about an incomplete downgrade all missing lines, and the change that adds them:
/// in the reverse order of the statements of the upgrade, at the end of the downgrade. The findings of
/// each code are put into that order, too.
pub fn downgrade(findings: &mut [Finding], statements: &[Statement], file: &Utf8Path, text: &str) {
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
    let Some(first) = lacking.first().copied() else { return };
    lacking.sort_by_key(|index| (turn(&findings[*index]), Reverse(made(&findings[*index]))));
    let mut seen = BTreeSet::new();
    let lacks = lacking.iter().flat_map(|index| std::mem::take(&mut findings[*index].lacks));
    let lacks: Vec<String> = lacks.filter(|text| seen.insert(text.clone())).collect();
    findings[first].edit = add_to_downgrade(file, text, &lacks.join("\n"));
    findings[first].lacks = lacks;
}

/// The place of what a finding lacks: first what other objects need, then leftover constraints, which may
/// exclude those that are restored, and last leftover schemas, which hold other objects.
fn turn(finding: &Finding) -> u8 {
    let needed = ["domain ", "extension ", "schema ", "sequence ", "type "];
    let subject = finding.subject.as_deref().unwrap_or_default();
    let is_left = finding.code == &code::REMAINS;
    match finding.code {
        lost if lost == &code::NOT_RESTORED && needed.iter().any(|k| subject.starts_with(k)) => 0,
        _ if is_left && subject.starts_with("constraint ") => 1,
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
    let mut cursor = module.root().walk();
    let function = module.root().named_children(&mut cursor).find(|node| {
        node.kind() == "function_definition"
            && node.child_by_field_name("name").is_some_and(|name| module.text(name) == "downgrade")
    })?;
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

/// Whether a file has this name, by the imports that revisions have.
fn binds(text: &str, name: &str) -> bool {
    let import = match name {
        "sa" => "import sqlalchemy as sa",
        _ => "from alembic import",
    };
    let bound = |line: &str| {
        line.strip_prefix(import).is_some_and(|rest| {
            name == "sa" || rest.split([',', ' ', '(', ')']).any(|imported| imported == name)
        })
    };
    text.lines().any(bound)
}

fn descend_names(lacks: &str, name: &str) -> bool {
    lacks.contains(&format!("{name}."))
}

/// A line as written, from 1.
fn raw_line(text: &str, line: u32) -> Option<&str> {
    text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)
}

/// The lines that a node lies on.
fn lines_of(module: &Module, node: Node<'_>) -> Option<Vec<String>> {
    let (first, last) = (node.start_position().row, node.end_position().row);
    let lines: Vec<String> =
        module.source().lines().skip(first).take(last - first + 1).map(ToOwned::to_owned).collect();
    (!lines.is_empty()).then_some(lines)
}

/// Some lines of a module, the first in this row, moved to the right; the contents of strings stay.
fn shifted(module: &Module, row: usize, lines: &[String], by: &str) -> Vec<String> {
    let strings = descendants(module.root()).filter(|node| node.kind() == "string");
    let inside: BTreeSet<usize> = strings
        .flat_map(|string| string.start_position().row + 1..=string.end_position().row)
        .collect();
    let moved = |(at, line): (usize, &String)| match inside.contains(&(row + at)) {
        false if !line.is_empty() => format!("{by}{line}"),
        _ => line.clone(),
    };
    lines.iter().enumerate().map(moved).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use model::code;

    /// A text with a change made in it.
    fn applied(text: &str, edit: &Edit) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        let at = edit.line as usize - 1;
        let end = at + edit.before.len();
        assert_eq!(lines[at..end], edit.before);
        lines.splice(at..end, edit.after.iter().map(String::as_str));
        lines.join("\n") + "\n"
    }

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
        super::downgrade(&mut findings, &ran, "0002_x.py".into(), &text);
        assert!(findings[1].edit.is_none(), "one change adds it all");
        let said = match &findings[0].edit {
            Some(edit) => applied(&text, edit).split_off(text.find("def downgrade").unwrap()),
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
            about(
                &code::NOT_RESTORED,
                "constraint t.was",
                "op.create_primary_key('was', 't', ['a'])",
            ),
            about(&code::REMAINS, "constraint t.is", "op.drop_constraint('is', 't')"),
            about(&code::NOT_RESTORED, "type kind", "op.execute('CREATE TYPE kind')"),
        ];
        let text = "from alembic import op\n\n\ndef downgrade():\n    pass\n";
        super::downgrade(&mut findings, &[], "0002_x.py".into(), text);
        let edit = findings.iter().find_map(|finding| finding.edit.as_ref()).unwrap();
        let order = ["CREATE TYPE kind", "drop_constraint", "create_primary_key", "DROP SCHEMA"];
        let lines = edit.after.iter().zip(order);
        assert!(
            edit.after.len() == 4 && { lines }.all(|(line, part)| line.contains(part)),
            "{edit:?}"
        );
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

    fn script(text: &str) -> Script {
        Script::read("0002_x.py".into(), text.as_bytes()).0.unwrap()
    }

    #[test]
    fn a_revision_is_put_on_another_between_its_own_quotes() {
        let text = "revision = '2'\ndown_revision: str | None = '1'  # was '0'\n";
        let script = script(text);
        let edit = renamed(&script, &script.down_revision.names[0], "1b").unwrap();
        let expected = "revision = '2'\ndown_revision: str | None = '1b'  # was '0'\n";
        assert_eq!(applied(text, &edit), expected);
        assert_eq!(renamed(&script, &script.down_revision.names[0], "1'"), None);
    }

    #[test]
    fn a_statement_moves_into_an_autocommit_block() {
        let text = "from alembic import op\nrevision = '2'\ndown_revision = '1'\n\n\ndef upgrade():\n    \
                    op.execute(\n        \"\"\"\n  CREATE INDEX\n\"\"\"\n    )\n    op.f('x'); op.f('y')\n";
        let script = script(text);
        let edit = in_autocommit_block(&script, 7).unwrap();
        expect![[r#"
            def upgrade():
                with op.get_context().autocommit_block():
                    op.execute(
                        """
              CREATE INDEX
            """
                    )
                op.f('x'); op.f('y')
        "#]]
        .assert_eq(&applied(text, &edit).split_off(text.find("def upgrade").unwrap()));
        assert_eq!(in_autocommit_block(&script, 12), None, "two statements in a line");
        assert_eq!(in_autocommit_block(&script, 2), None, "none of a function");
    }
}
