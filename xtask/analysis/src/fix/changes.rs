//! Statements of one downgrade that are replaced or removed in one change.

use std::ops::Range;

use tree_sitter::Node;

use super::text;
use crate::python::{Module, descendants};
use crate::script::Script;
use model::finding::{Edit, FileChange};

/// A statement to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementChange {
    /// A line of it.
    pub line: u32,
    /// What takes its place; `None`: it is removed.
    pub instead: Option<String>,
}

/// The statement of a downgrade that is wrong by itself.
#[derive(Debug, PartialEq, Eq)]
pub enum WrongStatement {
    /// There is none.
    None,
    /// What takes its place is not known.
    Unknown,
    /// What takes its place is known.
    Known(StatementChange),
}

impl WrongStatement {
    /// The change, if it is known.
    pub fn known(self) -> Option<StatementChange> {
        match self {
            WrongStatement::Known(change) => Some(change),
            WrongStatement::None | WrongStatement::Unknown => None,
        }
    }
}

impl StatementChange {
    /// The removal of the statement on a line; `None` in a loop, which may do more than what is wrong.
    pub fn removal(script: &Script, line: u32) -> Option<StatementChange> {
        let statement = text::statement_at(&script.module, line)?;
        (!text::is_in_loop(statement)).then_some(StatementChange { line, instead: None })
    }

    /// Another statement in the place of one that does nothing but give a column another type, without
    /// a conversion of its own.
    pub fn of_type(script: &Script, line: u32, statement: &str) -> Option<StatementChange> {
        let module = &script.module;
        let at = text::statement_at(module, line)?;
        let named = descendants(at).filter(|node| node.kind() == "keyword_argument");
        let mut names = named.filter_map(|node| node.child_by_field_name("name"));
        let is_more = |name: &str| !(name == "type_" || name.starts_with("existing_"));
        let converts = module.text(at).to_lowercase().contains(" using ");
        let is_less =
            converts || names.any(|name| is_more(module.text(name))) || statement.contains('\n');
        (!is_less).then(|| StatementChange { line, instead: Some(statement.to_owned()) })
    }

    /// The text of a revision with the change.
    fn applied(&self, module: &Module) -> Option<String> {
        let statement = text::statement_at(module, self.line)?;
        match &self.instead {
            Some(instead) => text::replaced(module, statement.byte_range(), instead),
            None => text::without(module, statement),
        }
    }
}

/// The text of a revision with some changes.
pub fn changed(script: &Script, changes: &[StatementChange]) -> Option<String> {
    let mut from_below = changes.to_vec();
    from_below.sort();
    from_below.dedup_by_key(|change| change.line);
    let mut after = script.module.source().to_owned();
    for change in from_below.iter().rev() {
        after = change.applied(&Module::parse(after.as_bytes()).ok()?)?;
    }
    Some(after)
}

/// What leads from a revision to another text of it: whole statements, with those on some lines.
pub fn edit_to(script: &Script, after: &str, lines: impl Iterator<Item = u32>) -> Option<Edit> {
    let module = &script.module;
    let mut nodes: Vec<Node<'_>> =
        lines.map(|line| text::statement_at(module, line)).collect::<Option<_>>()?;
    let (old, new): (Vec<&str>, Vec<&str>) =
        (module.source().lines().collect(), after.lines().collect());
    loop {
        let first = nodes.iter().map(|node| node.start_position().row).min()?;
        let last = nodes.iter().map(|node| node.end_position().row).max()? + 1;
        if let Some(rows) = rest(&old, &new, first..last) {
            let lines = |text: &[&str]| text.iter().map(|line| (*line).to_owned()).collect();
            return Some(Edit {
                file: script.file.clone(),
                line: u32::try_from(first + 1).ok()?,
                before: lines(&old[first..last]),
                after: lines(&new[rows]),
            });
        }
        // An `if` or a `with` went with its only statement.
        let wider: Vec<Node<'_>> = nodes.iter().filter_map(Node::parent).collect();
        if wider.is_empty() {
            let before = Some(module.source().to_owned());
            return FileChange { file: script.file.clone(), before, after: Some(after.into()) }
                .edit();
        }
        nodes = wider;
    }
}

/// The rows that stand in the place of some, if all others are the same.
fn rest(old: &[&str], new: &[&str], rows: Range<usize>) -> Option<Range<usize>> {
    let end = new.len().checked_sub(old.len().checked_sub(rows.end)?)?;
    let same = rows.start <= end
        && old.get(..rows.start) == new.get(..rows.start)
        && old.get(rows.end..) == new.get(end..);
    same.then_some(rows.start..end)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const BATCH: &str = "
    with op.batch_alter_table('t') as batch:
        batch.alter_column(
            'a',
            type_=sa.VARCHAR(),
            existing_nullable=True,
        )
        batch.alter_column(
            'b',
            type_=sa.VARCHAR(),
            existing_nullable=True,
        )
        batch.alter_column(
            'c',
            type_=sa.VARCHAR(),
            existing_nullable=True,
        )

    with op.batch_alter_table('u') as batch:
        batch.alter_column('a', type_=sa.VARCHAR())
    op.f('x')
";

    #[track_caller]
    fn check(changes: &[(u32, Option<&str>)], expected: &Expect) {
        let head = "from alembic import op\nimport sqlalchemy as sa\nrevision = '2'\ndown_revision = '1'\n\n\n";
        let text = format!("{head}def upgrade():\n    pass\n\n\ndef downgrade():{BATCH}");
        let script = Script::read("0002_x.py".into(), text.as_bytes()).0.unwrap();
        let changes: Vec<StatementChange> = changes
            .iter()
            .map(|(line, instead)| match instead {
                Some(instead) => StatementChange::of_type(&script, *line, instead).unwrap(),
                None => StatementChange::removal(&script, *line).unwrap(),
            })
            .collect();
        let after = changed(&script, &changes).unwrap();
        let edit = edit_to(&script, &after, changes.iter().map(|change| change.line)).unwrap();
        assert_eq!(text::applied(&text, &edit).unwrap(), after);
        let signed = |sign: &str, lines: &[String]| -> String {
            lines.iter().map(|line| format!("{sign}{line}\n")).collect()
        };
        let told =
            format!("{}\n", edit.line) + &signed("-", &edit.before) + &signed("+", &edit.after);
        expected.assert_eq(&told);
    }

    #[test]
    fn a_call_among_others_that_begin_alike_goes_as_a_whole() {
        check(
            &[(18, None)],
            &expect![[r#"
                18
                -        batch.alter_column(
                -            'b',
                -            type_=sa.VARCHAR(),
                -            existing_nullable=True,
                -        )
            "#]],
        );
    }

    #[test]
    fn a_batch_goes_with_its_last_call() {
        check(
            &[(29, None)],
            &expect![[r#"
                29
                -    with op.batch_alter_table('u') as batch:
                -        batch.alter_column('a', type_=sa.VARCHAR())
            "#]],
        );
    }

    #[test]
    fn several_calls_are_one_change() {
        check(
            &[(13, None), (18, None), (23, Some("op.execute('x')")), (29, None)],
            &expect![[r#"
                13
                -        batch.alter_column(
                -            'a',
                -            type_=sa.VARCHAR(),
                -            existing_nullable=True,
                -        )
                -        batch.alter_column(
                -            'b',
                -            type_=sa.VARCHAR(),
                -            existing_nullable=True,
                -        )
                -        batch.alter_column(
                -            'c',
                -            type_=sa.VARCHAR(),
                -            existing_nullable=True,
                -        )
                -
                -    with op.batch_alter_table('u') as batch:
                -        batch.alter_column('a', type_=sa.VARCHAR())
                +        op.execute('x')
                +
            "#]],
        );
    }
}
