//! Tables and columns that a revision uses before a later revision creates them: the failure names that
//! revision.

use crate::effect::{Effect, Kind, Object};
use crate::history::deeds;
use crate::lints::{comes_with_python, is_required};
use crate::schema_diff::mentions;
use crate::script::Script;
use model::finding::Finding;
use model::graph::Graph;
use model::transcript::{Direction, Transcript};

/// The remedy where a query names what the revision's file does not: that of a model, most often.
const FROM_A_MODEL: &str = "a revision must not query by code of the application, such as its models, \
     which change: declare in the revision the tables and columns that it needs, \
     `users = sa.table(\"users\", sa.column(\"id\"), …)`, and query those";

/// Adds to a finding about a missing table or column the later revision that makes it.
pub fn name_the_maker(finding: &mut Finding, scripts: &[Script], graph: &Graph) {
    // On a way down, the later revisions have been taken back.
    if finding.direction() == Some(Direction::Downgrade) {
        return;
    }
    let Some((_, own, above)) = chain_around(finding, scripts, graph) else { return };
    let Some(said) = finding.transcript.as_deref() else { return };
    let Some((script, line, object)) = maker(said, &above) else { return };
    let (id, file) = (&script.revision.text, &script.file);
    let mut told = format!("; revision {id} creates it later ({file}:{line})");
    let is_package = |module: &str| comes_with_python(module) || is_required(module, "");
    let imports_more = own.body().imports.iter().any(|import| !is_package(&import.module));
    let verb = said.statement.as_deref().and_then(|sql| sql.split_whitespace().next());
    let is_query = verb.is_some_and(|verb| {
        ["SELECT", "INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|known| verb.eq_ignore_ascii_case(known))
    });
    if is_query && imports_more && !mentions(own.module.source(), &object.name) {
        told += "; this file does not name it: the statement comes from code that the file imports";
        finding.own_steps = vec![FROM_A_MODEL.to_owned()];
    }
    finding.message.push_str(&told);
}

/// The revisions before that of a finding, in the order of the upgrade, that revision, and those after.
pub(crate) fn chain_around<'s>(
    finding: &Finding,
    scripts: &'s [Script],
    graph: &Graph,
) -> Option<(Vec<&'s Script>, &'s Script, Vec<&'s Script>)> {
    let failed = finding.revision.as_deref()?;
    let mut below: Vec<&Script> =
        graph.walk.iter().rev().filter_map(|index| scripts.get(*index)).collect();
    let at = below.iter().position(|script| script.revision.text == failed)?;
    let above = below.split_off(at + 1);
    let own = below.pop()?;
    Some((below, own, above))
}

/// The later revision that makes the missing object, with the line and the object.
fn maker<'s>(said: &Transcript, above: &[&'s Script]) -> Option<(&'s Script, u32, &'s Object)> {
    let raised = said.headline()?;
    let sql = said.statement.as_deref().unwrap_or_default();
    // `relation "t" does not exist`, or the table that an inspector did not find.
    let table = match raised.sqlstate.as_deref() {
        _ if raised.kind.ends_with("NoSuchTableError") => Some(raised.message.as_str()),
        Some("42P01") => raised.message.split('"').nth(1),
        _ => None,
    };
    let no_column = raised.sqlstate.as_deref() == Some("42703");
    let is_it = |made: &Object| match (made.kind, &made.table) {
        (Kind::Table, _) => table == Some(&made.name),
        (Kind::Column, Some(of)) => no_column && is_column(&raised.message, (of, &made.name), sql),
        _ => false,
    };
    above.iter().find_map(|script| {
        deeds(script.body().upgrade.as_ref()).find_map(|deed| match &deed.effect {
            Effect::Create(object, _) if is_it(object) => Some((*script, deed.line, object)),
            _ => None,
        })
    })
}

/// Whether Postgres says of this column that it does not exist: `column t.a does not exist`, where the
/// statement may have another name for `t`, or `column "a" of relation "t" does not exist`.
fn is_column(message: &str, (table, column): (&str, &str), sql: &str) -> bool {
    let bare = table.rsplit('.').next().unwrap_or(table);
    let missing = message.strip_prefix("column ").and_then(|m| m.split_once(" does not exist"));
    let missing = missing.map_or("", |(missing, _)| missing);
    let is_it = missing == format!("\"{column}\" of relation \"{bare}\"")
        || missing
            .strip_suffix(&format!(".{column}"))
            .is_some_and(|called| called == bare || mentions(sql, &format!("{table} AS {called}")));
    is_it && mentions(sql, table)
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::graph;
    use model::code;
    use model::transcript::{Exception, Transcript};

    fn script(id: &str, parent: &str, upgrade: &str) -> Script {
        let text = format!(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = '{id}'\ndown_revision = {parent}\n\
             def upgrade():\n    {upgrade}\n"
        );
        Script::read(Utf8Path::new(&format!("{id}.py")), text.as_bytes()).0.unwrap()
    }

    #[test]
    fn a_table_of_a_later_revision_is_named_with_it() {
        let makes = "op.create_table('runs', sa.Column('id', sa.Integer()))";
        let scripts = [script("1", "None", "pass"), script("2", "'1'", makes)];
        let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
        let told = |revision: &str, table: &str| {
            let raised = Exception {
                sqlstate: Some("42P01".into()),
                message: format!("relation \"{table}\" does not exist"),
                ..Exception::default()
            };
            let said = Transcript { exceptions: vec![raised], ..Transcript::default() };
            let mut finding = Finding {
                revision: Some(revision.into()),
                transcript: Some(Box::new(said)),
                ..Finding::new(&code::UNDEFINED_OBJECT, "it fails")
            };
            name_the_maker(&mut finding, &scripts, &graph);
            finding.message
        };
        assert_eq!(told("1", "runs"), "it fails; revision 2 creates it later (2.py:6)");
        assert_eq!(told("1", "other"), "it fails");
        assert_eq!(told("2", "runs"), "it fails");
    }

    /// A finding of revision 1, whose first line is `imports`, where revision 2 adds `people.nick`.
    fn of_column(imports: &str, upgrade: &str, sql: &str, message: &str) -> Finding {
        let adds = "op.add_column('people', sa.Column('nick', sa.Text()))";
        let scripts =
            [script("1", "None", &format!("{imports}\n    {upgrade}")), script("2", "'1'", adds)];
        let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
        let raised = Exception {
            sqlstate: Some("42703".into()),
            message: message.to_owned(),
            ..Exception::default()
        };
        let said = Transcript {
            exceptions: vec![raised],
            statement: Some(sql.into()),
            ..Transcript::default()
        };
        let mut finding = Finding {
            revision: Some("1".into()),
            transcript: Some(Box::new(said)),
            ..Finding::new(&code::UNDEFINED_OBJECT, "it fails")
        };
        name_the_maker(&mut finding, &scripts, &graph);
        finding
    }

    #[test]
    fn column_of_a_later_revision_in_a_model_has_its_own_remedy() {
        let (imports, query) =
            ("from shop.models import Person", "Session(op.get_bind()).query(Person).all()");
        let sql = "SELECT people.id AS people_id, people.nick AS people_nick FROM people";
        let message = "column people.nick does not exist\nLINE 1: SELECT people.id";
        let told = of_column(imports, query, sql, message);
        assert!(told.message.contains("revision 2 creates it later (2.py:6)"), "{}", told.message);
        assert!(told.message.contains("code that the file imports"), "{}", told.message);
        let steps = told.steps();
        assert!(matches!(&steps[..], [step] if step.contains("sa.table(")), "{steps:?}");
        let aliased = "SELECT p1.nick FROM people AS p1";
        let told = of_column(imports, query, aliased, "column p1.nick does not exist");
        assert!(!told.own_steps.is_empty());
        let insert = "INSERT INTO people (nick) VALUES ('a')";
        let of_relation = "column \"nick\" of relation \"people\" does not exist";
        assert!(!of_column(imports, query, insert, of_relation).own_steps.is_empty());
        // The file names the column itself, or has nothing from outside that could.
        let own = "op.execute('SELECT people.nick FROM people')";
        assert!(of_column(imports, own, sql, message).own_steps.is_empty());
        assert!(of_column("import psycopg2", query, sql, message).own_steps.is_empty());
        let ddl = "CREATE INDEX i ON people (nick)";
        assert!(of_column(imports, query, ddl, message).own_steps.is_empty());
        // It is the column of another table.
        let other = "SELECT people.id, p1.nick FROM people JOIN pets AS p1 ON true";
        let told = of_column(imports, query, other, "column p1.nick does not exist");
        assert_eq!((told.message.as_str(), told.own_steps.len()), ("it fails", 0));
    }
}
