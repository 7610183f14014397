//! The exact change of a file that fixes a finding, if the gate knows it: a change that a reader
//! can apply unaltered.
//!
//! A change is given only if no choice is left. A hint (`did you mean …?`) is not a change, and
//! neither is a fix that renames a file: `renumber` does that.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::python::{Module, descendants};
use super::script::{Ident, Script};
use model::finding::Edit;

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

/// Whether a file has this name, by the imports that revisions have.
pub(crate) fn binds(text: &str, name: &str) -> bool {
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

/// A line as written, from 1.
pub(crate) fn raw_line(text: &str, line: u32) -> Option<&str> {
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
pub(crate) fn shifted(module: &Module, row: usize, lines: &[String], by: &str) -> Vec<String> {
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
    use expect_test::expect;

    use super::*;
    use crate::fix::applied;

    fn script(text: &str) -> Script {
        Script::read("0002_x.py".into(), text.as_bytes()).0.unwrap()
    }

    #[test]
    fn a_revision_is_put_on_another_between_its_own_quotes() {
        let text = "revision = '2'\ndown_revision: str | None = '1'  # was '0'\n";
        let script = script(text);
        let edit = renamed(&script, &script.down_revision.names[0], "1b").unwrap();
        let expected = "revision = '2'\ndown_revision: str | None = '1b'  # was '0'\n";
        assert_eq!(applied(text, &edit).unwrap(), expected);
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
        .assert_eq(&applied(text, &edit).unwrap().split_off(text.find("def upgrade").unwrap()));
        assert_eq!(in_autocommit_block(&script, 12), None, "two statements in a line");
        assert_eq!(in_autocommit_block(&script, 2), None, "none of a function");
    }
}
