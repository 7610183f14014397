//! Constraints that are dropped without a name, which Postgres gave them.

use tree_sitter::Node;

use super::at::At;
use super::text::{function, replaced_all, strings};
use crate::body::arguments::Arguments;
use crate::python::{Module, descendants};
use model::code;

/// Postgres shortens a longer name in its own way.
const LONGEST: usize = 63;

/// A constraint without a name.
struct Nameless<'m> {
    /// What is given for its name.
    none: Node<'m>,
    table: &'m str,
    /// Its type as `drop_constraint` calls it.
    kind: &'m str,
    /// Its columns.
    columns: Vec<&'m str>,
}

/// Names in the downgrade each constraint that it drops as `None`, as Postgres did when the upgrade created
/// it: `t_a_b_key`, `t_a_fkey`.
pub(super) fn as_postgres_does(at: &At<'_>) -> Option<(String, String)> {
    let raised = at.finding.transcript.as_deref().and_then(|said| said.headline());
    let has_none = raised.is_some_and(|raised| raised.message.ends_with("it has no name"));
    if !has_none && at.finding.code != &code::NAMELESS_DROP {
        return None;
    }
    let mut made = nameless(at.module, "upgrade", is_created);
    let mut names: Vec<String> = made.iter().map(Nameless::name).collect();
    names.sort_unstable();
    if names.windows(2).any(|two| two[0] == two[1]) || names.iter().any(|n| n.len() > LONGEST) {
        return None;
    }
    let mut edits = Vec::new();
    for dropped in nameless(at.module, "downgrade", is_dropped) {
        // What comes last goes first.
        let is_it = |it: &Nameless<'_>| it.table == dropped.table && it.kind == dropped.kind;
        let own = made.remove(made.iter().rposition(is_it)?);
        edits.push((dropped.none.byte_range(), format!("\"{}\"", own.name())));
    }
    let told: Vec<&str> = edits.iter().map(|(_, name)| name.trim_matches('"')).collect();
    let what =
        format!("drop the constraint by the name that Postgres gave: `{}`", told.join("`, `"));
    let text = replaced_all(at.module, &edits)?;
    (!edits.is_empty()).then_some((what, text))
}

impl Nameless<'_> {
    fn name(&self) -> String {
        let end = if self.kind == "foreignkey" { "fkey" } else { "key" };
        [&[self.table], self.columns.as_slice(), &[end]].concat().join("_")
    }
}

/// The calls of a function whose constraint has no name.
fn nameless<'m>(
    module: &'m Module,
    name: &str,
    read: fn(&Call<'m>) -> Option<Nameless<'m>>,
) -> Vec<Nameless<'m>> {
    let calls = function(module, name).into_iter().flat_map(descendants);
    let calls = calls.filter(|node| node.kind() == "call");
    calls.filter_map(|node| read(&Call::of(module, node)?)).collect()
}

/// A call of an operation, whose first argument is `None`.
struct Call<'m> {
    module: &'m Module,
    operation: &'m str,
    arguments: Arguments<'m>,
    /// The table of the batch that it belongs to.
    batch: Option<&'m str>,
}

impl<'m> Call<'m> {
    fn of(module: &'m Module, node: Node<'m>) -> Option<Call<'m>> {
        let (on, operation) = module.text(node.child_by_field_name("function")?).split_once('.')?;
        let arguments = Arguments::of(module, node);
        let is_none = arguments.positional.first().is_some_and(|first| first.kind() == "none");
        let mut around = std::iter::successors(node.parent(), Node::parent);
        let batch = around.find(|node| node.kind() == "with_statement" && on != "op");
        let batch = batch.and_then(|with| Some(module.text(strings(with).next()?)));
        (is_none && (on == "op" || batch.is_some())).then_some(Call {
            module,
            operation,
            arguments,
            batch,
        })
    }

    fn text(&self, argument: Node<'m>) -> Option<&'m str> {
        Some(self.module.text(strings(argument).next()?))
    }

    /// The table, and the number of its argument.
    fn table(&self, name: &str) -> Option<(&'m str, usize)> {
        match self.batch {
            Some(table) => Some((table, 0)),
            None => Some((self.text(self.arguments.get(1, name)?)?, 1)),
        }
    }
}

fn is_created<'m>(call: &Call<'m>) -> Option<Nameless<'m>> {
    let (kind, table, columns) = match call.operation {
        "create_unique_constraint" => ("unique", "table_name", (1, "columns")),
        "create_foreign_key" => ("foreignkey", "source_table", (2, "local_cols")),
        _ => return None,
    };
    let none = *call.arguments.positional.first()?;
    let (table, at) = call.table(table)?;
    let columns = call.arguments.get(at + columns.0, columns.1)?;
    let columns = strings(columns).map(|column| call.module.text(column)).collect();
    Some(Nameless { none, table, kind, columns })
}

fn is_dropped<'m>(call: &Call<'m>) -> Option<Nameless<'m>> {
    let none = *call.arguments.positional.first()?;
    let (table, at) = call.table("table_name").filter(|_| call.operation == "drop_constraint")?;
    let kind = call.text(call.arguments.get(at + 1, "type_")?)?;
    Some(Nameless { none, table, kind, columns: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;
    use model::finding::Finding;

    #[test]
    fn name_is_given_where_the_revision_shows_it() {
        let of = |up: &str, down: &str| {
            let text = format!(
                "\u{feff}revision = '1'\ndown_revision = None\ndef upgrade():\n    {up}\ndef downgrade():\n    {down}\n"
            );
            let script = Script::read("1.py".into(), text.as_bytes()).0.unwrap();
            let finding = Finding::new(&code::NAMELESS_DROP, "it has no name");
            let (module, finding) = (&script.module, &finding);
            let (node, sql, state, script) = (module.root(), "", "", &script);
            let (_, text) = as_postgres_does(&At { finding, script, module, node, sql, state })?;
            assert!(text.starts_with('\u{feff}'), "{text}");
            text.trim_end().rsplit_once("downgrade():\n    ").map(|(_, down)| down.to_owned())
        };
        let unique = "op.create_unique_constraint(None, 't', ['a'])";
        let drop = "op.drop_constraint(None, 't', type_='unique')";
        let named = "op.drop_constraint(\"t_a_key\", 't', type_='unique')";
        assert_eq!(of(unique, drop).as_deref(), Some(named));
        let two = format!("{unique}\n    op.create_unique_constraint('t_b', 't', ['b'])");
        assert_eq!(of(&two, drop).as_deref(), Some(named));
        // Another revision made it, it is of another type or table, or Postgres numbers or shortens the name.
        assert_eq!(of("pass", drop), None);
        assert_eq!(of(unique, "op.drop_constraint(None, 't', type_='foreignkey')"), None);
        assert_eq!(of(unique, "op.drop_constraint(None, 'u', type_='unique')"), None);
        assert_eq!(of(&format!("{unique}\n    {unique}"), drop), None);
        let long = unique.replace("'a'", &format!("'{}'", "a".repeat(62)));
        assert_eq!(of(&long, drop), None);
    }
}
