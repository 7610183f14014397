//! What a watch begins before a save, or before it is known what the save does, changes nothing of
//! what comes of it.

use rustix::process::Signal;

use crate::support::root::{Root, Tree};
use crate::support::watched::Watched;

const ENV: &str = "backend_v2/alembic/env.py";
const HARMLESS: &str = "op.execute('SELECT 1 FROM orders')";

/// What a watch of Raptor prints while its head is saved again and again: each time with another text
/// in the place of [`HARMLESS`], and with the verdict and the code that are to come of it.
fn printed(root: &Root, saves: &[(&str, &str, Option<&str>)]) -> String {
    let file = root.add_head(Tree::Raptor, HARMLESS, "pass");
    let mut watched = Watched::begin(root, "raptor -v");
    assert_eq!(watched.verdict().verdict(), "pass");
    let mut there = HARMLESS;
    for (text, verdict, code) in saves {
        root.edit(&file, there, text);
        let report = watched.verdict();
        let found = &report.0["findings"];
        assert_eq!(report.verdict(), *verdict, "{text}: {found:#}");
        if let Some(code) = code {
            assert_eq!(found[0]["code"], *code, "{text}: {found:#}");
        }
        there = text;
    }
    watched.run.signal(Signal::TERM);
    let ended = watched.run.wait();
    root.sandbox.assert_empty(&ended.traces);
    ended.stdout
}

#[test]
fn the_head_is_tried_on_rows_at_once_wherever_the_version_is_kept() {
    let root = Root::copy();
    let set = "            transaction_per_migration=True,\n        )\n\n        with";
    root.edit(ENV, set, &format!("            version_table='kept_here',\n{set}"));
    let saves = [
        ("op.execute('UPDATE orders SET id = id')", "pass", None),
        ("op.execute('UPDATE paper_orders SET id = id')", "pass", None),
        // What it meets in the way that it has begun is met again alone.
        ("op.execute('DELETE FROM orders')", "fail", Some("MG412")),
    ];
    let printed = printed(&root, &saves);
    let times = |told: &str| printed.matches(told).count();
    assert_eq!(times("Raptor is known up to"), saves.len(), "{printed}");
    assert_eq!(times("is tried on rows beside the steps"), saves.len(), "{printed}");
    assert_eq!(times("is tried on rows once more, alone"), 1, "{printed}");
}

#[test]
fn a_head_that_suddenly_does_what_no_text_of_it_says_is_run_again() {
    let root = Root::copy();
    let hidden = "[op.execute(verb + ' RO' 'LE visitor') for verb in ('CREATE', 'DROP')]";
    let printed = printed(&root, &[(hidden, "pass", None), (HARMLESS, "pass", None)]);
    let times = |told: &str| printed.matches(told).count();
    assert_eq!(times("Raptor's head does more than it did before"), 1, "{printed}");
    assert_eq!(times("everything is run again"), 1, "{printed}");
}

#[test]
fn what_looked_at_the_head_before_the_save_does_not_see_it_run() {
    let root = Root::copy();
    let run = "if context.is_offline_mode():";
    let look = "head = context.script.get_revision('head')\nprint(head.module.upgrade)\n";
    root.edit(ENV, run, &format!("{look}\n{run}"));
    let saves = [
        ("op.execute('CREATE TABLE orders (a int)')", "fail", Some("MG006")),
        (HARMLESS, "pass", None),
        ("open(", "fail", None),
        (HARMLESS, "pass", None),
    ];
    let printed = printed(&root, &saves);
    assert!(printed.matches("Raptor is known up to").count() >= 3, "{printed}");
}
