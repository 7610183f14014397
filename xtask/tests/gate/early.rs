//! What a watch begins before a save, or before it is known what the save does, changes nothing of
//! what comes of it.

use std::time::Duration;

use rustix::process::Signal;

use super::ahead::waiting;
use crate::support::root::{Root, Tree};
use crate::support::watched::Watched;

const ENV: &str = "backend_v2/alembic/env.py";
const UPGRADE: &str = "Raptor — alembic upgrade head";
const ROUND_TRIP: &str = "Raptor — alembic upgrade head (round trip)";
const HARMLESS: &str = "op.execute('SELECT 1 FROM orders')";

/// What a watch of Raptor prints while its head is saved again and again: each time with another text
/// in the place of [`HARMLESS`], and with what is to come of it: the code and the step of what is wrong.
fn printed(root: &Root, saves: &[(&str, Option<(&str, &str)>)]) -> String {
    let file = root.add_head(Tree::Raptor, HARMLESS, "pass");
    let mut watched = Watched::begin(root, "raptor -v");
    assert_eq!(watched.verdict().verdict(), "pass");
    let mut there = HARMLESS;
    for (text, wrong) in saves {
        // What is saved before all is ready is no test of what was begun.
        watched.run.until("processes wait for calls", || waiting(root).len() >= 3);
        std::thread::sleep(Duration::from_secs(1));
        root.edit(&file, there, text);
        let report = watched.verdict();
        let (found, verdict) =
            (&report.0["findings"], if wrong.is_some() { "fail" } else { "pass" });
        assert_eq!(report.verdict(), verdict, "{text}: {found:#}");
        if let Some((code, step)) = wrong {
            assert_eq!(found[0]["code"], *code, "{text}: {found:#}");
            assert_eq!(found[0]["step"], *step, "{text}: {found:#}");
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
        ("op.execute('UPDATE orders SET id = id')", None),
        ("op.execute('UPDATE paper_orders SET id = id')", None),
        // What it meets in the way that it has begun is met again alone.
        ("op.execute('DELETE FROM orders')", Some(("MG412", ROUND_TRIP))),
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
    let printed = printed(&root, &[(hidden, None), (HARMLESS, None)]);
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
        // What no lint foresees.
        ("op.execute('SELECT 1 / 0')", Some(("MG114", UPGRADE))),
        (HARMLESS, None),
    ];
    let printed = printed(&root, &saves);
    assert_eq!(printed.matches("Raptor is known up to").count(), saves.len(), "{printed}");
}
