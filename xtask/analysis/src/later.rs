//! Tables that a revision uses before a later revision creates them: the failure names that revision.

use crate::effect::{Effect, Kind};
use crate::history::deeds;
use crate::script::Script;
use model::finding::Finding;
use model::graph::Graph;

/// Adds to a finding about a missing table the later revision that makes it.
pub fn name_the_maker(finding: &mut Finding, scripts: &[Script], graph: &Graph) {
    let told = missing_table(finding).and_then(|table| maker(finding, &table, scripts, graph));
    if let Some(told) = told {
        finding.message.push_str(&told);
    }
}

/// The table of `relation "t" does not exist`, or the one that an inspector did not find.
fn missing_table(finding: &Finding) -> Option<String> {
    let raised = finding.transcript.as_deref()?.headline()?;
    if raised.kind.ends_with("NoSuchTableError") {
        return Some(raised.message.clone());
    }
    let is_it = raised.sqlstate.as_deref() == Some("42P01");
    is_it.then(|| raised.message.split('"').nth(1).map(str::to_owned)).flatten()
}

fn maker(finding: &Finding, table: &str, scripts: &[Script], graph: &Graph) -> Option<String> {
    let order: Vec<&Script> =
        graph.walk.iter().rev().filter_map(|index| scripts.get(*index)).collect();
    let failed = finding.revision.as_deref()?;
    let at = order.iter().position(|script| script.revision.text == failed)?;
    order.get(at + 1..)?.iter().find_map(|script| {
        let mut deeds = deeds(script.body().upgrade.as_ref());
        let made = deeds.find(|deed| {
            matches!(&deed.effect, Effect::Create(o, _) if o.kind == Kind::Table && o.name == table)
        })?;
        let (id, file, line) = (&script.revision.text, &script.file, made.line);
        Some(format!("; revision {id} creates it later ({file}:{line})"))
    })
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
}
