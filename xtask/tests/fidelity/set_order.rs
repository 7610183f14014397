//! Where the order of a set decides, no run can say so: lint does.

use super::support::run::Gate;
use super::support::sandbox::Sandbox;
use super::tree::{Case, HEAD};

#[test]
fn order_of_a_set_is_told_by_lint() {
    let case = Case {
        up: "for name in {'parent', 'child'}:\n    op.execute(f'DROP TABLE IF EXISTS {name}')"
            .into(),
        ..Case::default()
    };
    let (sandbox, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    let tree = dir.path().join("shop");
    case.write(&tree);
    let ini = tree.join("alembic.ini");
    let ended = Gate::new(&sandbox).arg("lint").arg("--ini").arg(ini).args("--format json").run();
    let text = std::fs::read_to_string(tree.join(HEAD)).unwrap();
    let line = text.lines().position(|line| line.contains("for name in")).unwrap() + 1;
    let report = ended.report();
    let told = report.findings().iter().any(|finding| {
        finding["line"] == line && finding["message"].as_str().unwrap().contains("set")
    });
    assert!(told, "{:#}", report.0["findings"]);
}
