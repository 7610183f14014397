//! Tables that a revision asks for and a later one makes: said of what failed, whatever the conditions.

use crate::effect::{Effect, Kind};
use crate::history::deeds;
use crate::script::Script;
use model::finding::Finding;
use model::graph::Graph;

/// Says of a table that is not there which later revision makes it.
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
