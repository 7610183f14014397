//! A migration is code, and may do anything: end its process, its parents or its descriptors, run
//! for ever, print without end, leave a daemon. None of it is green, and none of it is left.

use serde_json::{Value, json};

use crate::support::report::assert_holds;
use crate::support::root::{ADDED, Root, Tree};
use crate::support::run::Ended;

/// Gates both trees, where the first upgrade of one to its head is at fault.
#[track_caller]
fn red_raptor(root: &Root, args: &str) -> (Ended, Value) {
    let ended = root.gate().args(args).run();
    ended.assert_code(1);
    root.sandbox.assert_empty(&ended.traces);
    let report = ended.report();
    report.assert_green("console");
    assert_eq!(report.statuses("raptor"), "passed failed passed skipped skipped");
    let finding = report.finding().clone();
    assert_holds(&finding, &json!({"tree": "raptor", "step": "Raptor — alembic upgrade head"}));
    (ended, finding)
}

#[test]
fn a_sys_exit_with_status_0_is_not_green() {
    let root = Root::copy();
    let file = root.add_head(Tree::Raptor, "sys.exit(0)", "pass");
    let (_, finding) = red_raptor(&root, "");
    assert_holds(
        &finding,
        &json!({
            "code": "MG104", "revision": ADDED, "file": file,
            "line": root.line_of(&file, "sys.exit"),
        }),
    );
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("`sys.exit(0)` was called"), "{message}");
}

#[test]
fn an_exit_without_a_word_is_not_green() {
    let root = Root::copy();
    let file = root.add_head(Tree::Raptor, "os._exit(0)", "pass");
    let (_, finding) = red_raptor(&root, "");
    assert_holds(
        &finding,
        &json!({"code": "MG104", "revision": ADDED, "file": file, "line": null}),
    );
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("exited with status 0 before Alembic returned"), "{message}");
}

#[test]
fn an_exit_at_the_top_level_of_a_revision_is_not_green() {
    let root = Root::copy();
    let file = root.add_head(Tree::Raptor, "pass", "pass");
    root.edit(&file, "import time\n", "import time\nos._exit(0)\n");
    let ended = root.gate().run();
    ended.assert_code(1);
    let report = ended.report();
    report.assert_green("console");
    // Nothing of the tree can be read, not even its heads; the role needs no revision.
    assert_eq!(report.statuses("raptor"), "passed failed failed skipped skipped");
    for finding in report.findings() {
        assert_holds(finding, &json!({"code": "MG104"}));
    }
}

#[test]
fn a_migration_that_kills_itself_is_named() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "os.kill(0, 9)", "pass");
    let (_, finding) = red_raptor(&root, "");
    assert_holds(&finding, &json!({"code": "MG104", "revision": ADDED}));
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("SIGKILL"), "{message}");
}

#[test]
fn migration_that_kills_its_parent_stops_its_tree_alone() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "os.kill(os.getppid(), 9)", "pass");
    let (_, finding) = red_raptor(&root, "");
    assert_holds(&finding, &json!({"code": "MG104"}));
}

#[test]
fn migration_that_outlives_its_killed_parent_is_ended() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "os.kill(os.getppid(), 9)\ntime.sleep(600)", "pass");
    let (_, finding) = red_raptor(&root, "--timeout 8");
    assert_holds(&finding, &json!({"code": "MG103", "revision": ADDED}));
}

#[test]
fn a_migration_that_closes_every_descriptor_is_not_green() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "os.closerange(0, 4096)", "pass");
    let (_, finding) = red_raptor(&root, "");
    assert_holds(&finding, &json!({"revision": ADDED}));
}

#[test]
fn python_that_never_returns_is_ended_and_its_revision_named() {
    let root = Root::copy();
    let file = root.add_head(Tree::Raptor, "while True:\n    time.sleep(0.01)", "pass");
    let (_, finding) = red_raptor(&root, "--timeout 8");
    assert_holds(
        &finding,
        &json!({"code": "MG103", "revision": ADDED, "file": file, "statement": null}),
    );
    let message = finding["message"].as_str().unwrap();
    assert_eq!(message, "still running after 8 s in revision 9001 (upgrade)");
}

#[test]
fn a_statement_that_never_returns_is_ended_and_named() {
    let root = Root::copy();
    // It would hold its locks for ever if the server went on with it.
    let sql = "SELECT pg_sleep(600)";
    let body = format!("op.execute('LOCK TABLE accounts')\nop.execute('{sql}')");
    let file = root.add_head(Tree::Raptor, &body, "pass");
    let (_, finding) = red_raptor(&root, "--timeout 8");
    assert_holds(
        &finding,
        &json!({"code": "MG103", "revision": ADDED, "file": file, "statement": sql}),
    );
    let message = finding["message"].as_str().unwrap();
    assert!(message.ends_with("during `SELECT pg_sleep(600)`"), "{message}");
}

#[test]
fn migration_that_prints_without_end_is_ended() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, "while True:\n    print('x' * 1000)", "pass");
    let (ended, finding) = red_raptor(&root, "--timeout 8");
    assert_holds(&finding, &json!({"code": "MG103", "revision": ADDED}));
    assert!(ended.stdout.len() + ended.stderr.len() < 500_000);
}

#[test]
fn a_migration_that_ignores_signals_is_ended_all_the_same() {
    let root = Root::copy();
    let deaf = "import signal\nfor number in (1, 2, 13, 14, 15):\n    \
                signal.signal(number, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)";
    root.add_head(Tree::Raptor, deaf, "pass");
    let (_, finding) = red_raptor(&root, "--timeout 8");
    assert_holds(&finding, &json!({"code": "MG103", "revision": ADDED}));
}

/// A process that left its session and its parent, and writes its id beside the revision.
const DAEMON: &str = "
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(os.path.join(os.path.dirname(__file__), 'daemon.pid'), 'w') as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists(os.path.join(os.path.dirname(__file__), 'daemon.pid')):
    time.sleep(0.01)
";

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_a_migration_starts_ends_with_the_gate() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, DAEMON, "pass");
    let ended = root.gate().arg("raptor").run();
    ended.assert_code(0);
    assert!(!root.read("backend_v2/alembic/versions/daemon.pid").is_empty(), "it did start");
    root.sandbox.assert_empty(&ended.traces);
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_ends_with_the_step_that_ran_past_its_time() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, &format!("{DAEMON}\nwhile True:\n    time.sleep(1)"), "pass");
    red_raptor(&root, "--timeout 8");
    assert!(!root.read("backend_v2/alembic/versions/daemon.pid").is_empty(), "it did start");
}
