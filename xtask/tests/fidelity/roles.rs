//! What one tree creates is no supply of the other: each has a cluster of its own.

use super::support::report::Report;
use super::support::root::{Root, Tree};

#[test]
fn role_of_one_tree_is_missing_in_the_other() {
    let root = Root::copy();
    root.add_head(
        Tree::Console,
        "op.execute('CREATE ROLE visitor')",
        "op.execute('DROP ROLE visitor')",
    );
    root.add_head(
        Tree::Raptor,
        "op.execute('GRANT SELECT ON paper_orders TO visitor')",
        "op.execute('REVOKE SELECT ON paper_orders FROM visitor')",
    );
    let ended = root.gate().run();
    ended.assert_code(1);
    let report: Report = ended.report();
    assert_eq!(report.statuses("console"), ["passed"; 4].join(" "), "{:#}", report.0);
    assert_eq!(report.statuses("raptor"), "failed passed skipped skipped");
    let finding = report.findings().iter().find(|finding| finding["tree"] == "raptor").unwrap();
    assert_eq!(finding["code"], "MG002");
    assert_eq!(finding["revision"], super::support::root::ADDED);
    assert!(finding["message"].as_str().unwrap().contains("visitor"), "{finding:#}");
}
