//! A migration is code, and may do anything: end its process, its parents or its descriptors, run
//! for ever, print without end, leave a daemon. None of it is green, and none of it is left.

use serde_json::json;

use crate::red::{UNREAD, UP, red};
use crate::support::root::{ADDED, Root, Tree};

#[test]
fn exit_with_status_0_is_not_green() {
    let root = Root::copy();
    let said = root.add_head(Tree::Console, "sys.exit(0)", "pass");
    let silent = root.add_head(Tree::Raptor, "os._exit(0)", "pass");
    let console = json!({
        "code": "MG104", "revision": ADDED, "file": said, "line": root.line_of(&said, "sys.exit"),
        "says": ["`sys.exit(0)` was called"],
    });
    let raptor = json!({
        "code": "MG104", "revision": ADDED, "file": silent, "line": null,
        "says": ["exited with status 0 before Alembic returned"],
    });
    red(&root, "", [("console", UP, console), ("raptor", UP, raptor)]);
}

#[test]
fn exit_at_the_top_level_and_a_kill_are_not_green() {
    let root = Root::copy();
    root.add_head(Tree::Console, "os.kill(0, 9)", "pass");
    let file = root.add_head(Tree::Raptor, "pass", "pass");
    root.edit(&file, "import time\n", "import time\nos._exit(0)\n");
    let console = json!({"code": "MG104", "revision": ADDED, "says": ["SIGKILL"]});
    // Nothing of the tree can be read, not even its heads; the role needs no revision.
    let raptor = json!({"code": "MG104"});
    red(&root, "", [("console", UP, console), ("raptor", UNREAD, raptor)]);
}

/// Side by side: they wait, and for most of the time for nothing but that.
#[test]
fn endless_migration_is_ended_when_its_time_is_over() {
    let checks: &[fn()] = &[
        migration_that_kills_its_parent_or_descriptors_is_red,
        endless_statement_is_named_and_endless_output_bounded,
        #[cfg(target_os = "linux")]
        daemon_ends_with_the_gate_or_the_step_past_its_time,
    ];
    std::thread::scope(|scope| checks.iter().for_each(|check| drop(scope.spawn(check))));
}

fn migration_that_kills_its_parent_or_descriptors_is_red() {
    let root = Root::copy();
    root.add_head(Tree::Console, "os.kill(os.getppid(), 9)\ntime.sleep(600)", "pass");
    root.add_head(Tree::Raptor, "os.closerange(0, 4096)", "pass");
    // A call of the other tree that ends before the time is over ends what is left of this one.
    let console = json!({"owner": "feature-dev"});
    let expected = [("console", UP, console), ("raptor", UP, json!({"revision": ADDED}))];
    red(&root, "--timeout 8", expected);
}

fn endless_statement_is_named_and_endless_output_bounded() {
    let root = Root::copy();
    let deaf = "import signal\nfor number in (1, 2, 13, 14, 15):\n    \
                signal.signal(number, signal.SIG_IGN)\nwhile True:\n    \
                print(('x' * 1000 + '\\n') * 100)\n    time.sleep(0.01)";
    root.add_head(Tree::Console, deaf, "pass");
    // It would hold its locks for ever if the server went on with it.
    let sql = "SELECT pg_sleep(600)";
    let body = format!("op.execute('LOCK TABLE accounts')\nop.execute('{sql}')");
    let file = root.add_head(Tree::Raptor, &body, "pass");
    let console = json!({"code": "MG103", "revision": ADDED});
    let raptor = json!({
        "code": "MG103", "revision": ADDED, "file": file, "statement": sql,
        "says": ["during `SELECT pg_sleep(600)`"],
    });
    let expected = [("console", UP, console), ("raptor", UP, raptor)];
    let (ended, _) = red(&root, "--timeout 8", expected);
    assert!(ended.stdout.len() + ended.stderr.len() < 500_000);
}

/// A process that left its session and its parent, and that the migration has seen start.
#[cfg(target_os = "linux")]
const DAEMON: &str = "
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(os.path.join(os.environ['TMPDIR'], os.path.basename(os.getcwd())), 'w') as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists(os.path.join(os.environ['TMPDIR'], os.path.basename(os.getcwd()))):
    time.sleep(0.01)
";

#[cfg(target_os = "linux")]
fn daemon_ends_with_the_gate_or_the_step_past_its_time() {
    let root = Root::copy();
    let endless = format!("{DAEMON}\nwhile True:\n    time.sleep(0.01)");
    let file = root.add_head(Tree::Console, &endless, "pass");
    root.add_head(Tree::Raptor, DAEMON, "pass");
    let late = json!({
        "code": "MG103", "revision": ADDED, "file": file, "statement": null,
        "message": "still running after 8 s in revision 9001 (upgrade)",
    });
    let sound = serde_json::Value::Null;
    let expected = [("console", UP, late), ("raptor", "", sound)];
    red(&root, "--timeout 8", expected);
}
