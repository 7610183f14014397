//! A revision that merges the heads of a tree, as `alembic merge` writes it.

use super::change::{Change, Plan};
use crate::graph;
use crate::new_revision::next_id;
use crate::script::Script;
use model::graph::Fault;

/// Plans the merge of a tree's heads. `Err` is the reason why none is planned.
pub fn merge(scripts: &[Script]) -> Result<Plan, String> {
    let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
    if let Some(Fault::IdTwice { first, second }) = graph.faults.first() {
        let (first, second) = (&scripts[*first].file, &scripts[*second].file);
        return Err(format!(
            "{first} and {second} have one id, so no revision can merge them: one must be taken back"
        ));
    }
    if !graph.faults.is_empty() {
        return Err("the graph is broken in other ways; `lint` says how, fix that first".into());
    }
    let Some(first) = graph.heads.first().filter(|_| graph.heads.len() > 1) else {
        return Ok(Plan::default());
    };
    let heads = graph.ids(&graph.heads);
    let id = next_id(&graph);
    let name = format!("{id}_merge_{}.py", heads.join("_and_"));
    let to = scripts[*first].file.with_file_name(name);
    let because = vec![format!("{} are merged by {id}", heads.join(" and "))];
    let after = text(&id, &heads).into_bytes();
    let change = Change { from: to.clone(), to, before: Vec::new(), after };
    Ok(Plan { changes: vec![change], because })
}

fn text(id: &str, heads: &[String]) -> String {
    let quoted: Vec<String> = heads.iter().map(|head| format!("\"{head}\"")).collect();
    format!(
        "\"\"\"merge {}\n\nRevision ID: {id}\nRevises: {}\n\"\"\"\n\nrevision = \"{id}\"\n\
         down_revision = ({})\nbranch_labels = None\ndepends_on = None\n\n\n\
         def upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n",
        heads.join(" and "),
        heads.join(", "),
        quoted.join(", ")
    )
}
