//! However a run ends, nothing of it is left: Ctrl-C, a job that is cancelled, a server that dies.
//! After SIGKILL, which nobody can answer, the next run clears up.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::json;

use crate::support::report::assert_holds;
use crate::support::root::{Root, Tree};
use crate::support::run::{Ended, Running};
use crate::support::sandbox::{Traces, pid};
use crate::support::server::Server;

/// Says that it began, and waits until it may go on.
const WAITS: &str = "
open(os.path.join(os.environ['TMPDIR'], 'started'), 'w').close()
while not os.path.exists(os.path.join(os.path.dirname(__file__), 'go')):
    time.sleep(0.01)
op.execute('SELECT 1')
";

/// A root whose run cannot end by itself, and the file by which its migration goes on.
fn waiting_root() -> (Root, PathBuf) {
    let root = Root::copy();
    root.add_head(Tree::Raptor, WAITS, "pass");
    let versions = root.path().join("backend_v2/alembic/versions");
    (root, versions.join("go"))
}

fn signal_number(signal: Signal) -> i32 {
    signal.as_raw()
}

#[track_caller]
fn assert_interrupted(root: &Root, ended: &Ended, signal: Signal) {
    ended.assert_code(128 + signal_number(signal));
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    for tree in ["console", "raptor"] {
        let statuses = report.statuses(tree);
        assert!(!statuses.contains("failed"), "an interrupt is nobody's fault: {statuses}");
    }
    assert!(report.statuses("raptor").ends_with("skipped skipped skipped"));
    root.sandbox.assert_empty(&ended.traces);
}

/// Where a run is met: so many milliseconds after its folder was made, or when a file is in it.
#[test]
fn interrupt_at_any_moment_leaves_nothing() {
    let moments = [0, 150, 300, 600, 1000, 1600, 2200].map(|moment| (moment, ""));
    let stages = ["data", "data/PG_VERSION", "data/postmaster.pid", ".s.PGSQL.5432"];
    let all = moments.into_iter().chain(stages.map(|stage| (0, stage)));
    for ((moment, stage), signal) in all.zip([Signal::INT, Signal::TERM].into_iter().cycle()) {
        let (root, _) = waiting_root();
        let mut run = root.gate().spawn();
        run.until(stage, || root.sandbox.runs().iter().any(|run| run.join(stage).exists()));
        std::thread::sleep(Duration::from_millis(moment));
        run.signal(signal);
        assert_interrupted(&root, &run.wait(), signal);
    }
}

/// What is interrupted is not kept, whatever was asked for.
#[test]
fn ctrl_c_during_a_migration_and_again_and_again_leaves_nothing() {
    let (root, _) = waiting_root();
    let mut run = root.gate().arg("--keep").spawn();
    run.until("the migration began", || root.sandbox.has_made("started"));
    for signal in [Signal::INT, Signal::TERM, Signal::INT] {
        run.signal(signal);
    }
    let ended = run.wait();
    let told = "in Raptor — alembic upgrade head\n";
    assert_eq!(ended.stderr.matches("INTERRUPTED  in ").count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("interrupted"), "once: {}", ended.stderr);
    assert_eq!(ended.stderr.matches(told).count(), 1, "{}", ended.stderr);
    assert_interrupted(&root, &ended, Signal::INT);
}

#[test]
fn ctrl_c_during_a_statement_leaves_nothing_on_a_given_server() {
    let ((root, go), server) = (waiting_root(), Server::start());
    std::fs::write(go, "").unwrap();
    root.edit("backend_v2/alembic/versions/9001_added.py", "SELECT 1", "SELECT pg_sleep(600)");
    let mut run = root.gate().arg("--postgres-url").arg(server.url()).spawn();
    run.until("the migration began", || root.sandbox.has_made("started"));
    let asks = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' \
                AND pid <> pg_backend_pid()";
    let mut session = server.connect("postgres");
    run.until("the statement began", || !session.query(asks, &[]).unwrap().is_empty());
    run.signal(Signal::INT);
    assert_interrupted(&root, &run.wait(), Signal::INT);
    assert!(server.contents().is_empty(), "{:?}", server.contents());
}

/// Ends a gate as nobody can answer, in the middle of a migration.
fn kill_outright(root: &Root) -> Traces {
    let mut run = root.gate().arg("raptor").spawn();
    run.until("the migration began", || root.sandbox.has_made("started"));
    run.signal(Signal::KILL);
    let ended = run.wait();
    ended.assert_code(137);
    ended.traces
}

/// Once with its server, and once with a server that was killed too.
#[test]
fn leftovers_of_killed_runs_are_cleared_by_the_next() {
    let (root, go) = waiting_root();
    let mut traces = kill_outright(&root);
    for run in root.sandbox.runs() {
        let _ = std::fs::remove_file(run.join("tmp/started"));
    }
    for (_, postmaster) in root.sandbox.postmasters() {
        kill_process(pid(postmaster), Signal::KILL).unwrap();
    }
    traces.add(kill_outright(&root));
    assert!(!root.sandbox.runs().is_empty(), "there is something to clear away");
    assert!(!root.sandbox.postmasters().is_empty());
    assert!(!root.sandbox.processes().is_empty());
    std::fs::write(go, "").unwrap();
    let next = root.gate().arg("raptor").run();
    next.assert_code(0);
    traces.add(next.traces);
    root.sandbox.assert_empty(&traces);
}

/// Nor is a folder that only looks like one of a run.
#[test]
fn files_of_a_living_run_are_never_cleared_away() {
    let (root, go) = waiting_root();
    let mine = root.sandbox.path().join("migration-gate-mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("thesis.txt"), "years of work").unwrap();
    let mut waiting = root.gate().arg("raptor").spawn();
    waiting.until("the migration began", || root.sandbox.has_made("started"));
    let folders = root.sandbox.runs();
    let other = Root::copy();
    other.gate_in(&root.sandbox).arg("raptor").run().assert_code(0);
    let now = root.sandbox.runs();
    assert!(folders.iter().all(|folder| now.contains(folder)), "{folders:?} {now:?}");
    std::fs::write(go, "").unwrap();
    let ended = waiting.wait();
    ended.assert_code(0);
    assert_eq!(root.sandbox.entries(), ["migration-gate-mine"]);
    assert!(mine.join("thesis.txt").exists());
    std::fs::remove_dir_all(mine).unwrap();
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn tree_that_changes_during_a_run_fails_it() {
    let (root, go) = waiting_root();
    let mut run = root.gate().arg("raptor").spawn();
    run.until("the migration began", || root.sandbox.has_made("started"));
    root.edit("backend_v2/alembic/versions/9001_added.py", "SELECT 1", "SELECT 2");
    std::fs::write(go, "").unwrap();
    let ended = run.wait();
    ended.assert_code(2);
    let report = ended.report();
    let message = report.finding()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the tree changed while it was gated: `"), "{message}");
    assert!(message.contains("9001_added.py"), "{message}");
    root.sandbox.assert_empty(&ended.traces);
}

/// Steps of Raptor where the server ends the migration's connection, and where it takes no other one.
const AT_ONCE: &str = "failed skipped skipped skipped";
const AT_NEXT_CONNECTION: &str = "passed passed failed skipped";

/// Ends the server in the middle of a migration, and lets that go on.
#[track_caller]
fn server_dies(signal: Signal, statuses: &str) {
    server_goes(statuses, |root| {
        for (_, postmaster) in root.sandbox.postmasters() {
            // Console's may have ended by itself.
            let _ = kill_process(pid(postmaster), signal);
        }
    });
}

/// Takes the server away in the middle of a migration, and lets that go on.
#[track_caller]
fn server_goes(statuses: &str, take_away: impl Fn(&Root)) {
    let (root, go) = waiting_root();
    let mut run: Running<'_> = root.gate().spawn();
    run.until("the migration began", || root.sandbox.has_made("started"));
    take_away(&root);
    std::thread::sleep(Duration::from_millis(200));
    std::fs::write(go, "").unwrap();
    let ended = run.wait();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    assert_eq!(report.statuses("raptor"), statuses);
    assert_eq!(report.steps("console")[0]["status"], "passed", "what came before is reported");
    assert_holds(report.finding(), &json!({"code": "MG901", "owner": "sre"}));
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn a_server_that_is_shut_down_midway_is_no_migrations_fault() {
    server_dies(Signal::QUIT, AT_ONCE);
}

#[test]
fn server_that_is_shut_down_politely_is_no_migrations_fault() {
    server_dies(Signal::INT, AT_ONCE);
}

#[test]
fn server_killed_midway_is_exit_2_and_leaves_nothing() {
    server_dies(Signal::KILL, AT_ONCE);
}

/// A shutdown that waits for its sessions lets nobody in any more.
#[test]
fn server_that_waits_to_shut_down_is_no_migrations_fault() {
    server_dies(Signal::TERM, AT_NEXT_CONNECTION);
}

#[test]
fn socket_that_is_removed_midway_is_no_migrations_fault() {
    server_goes(AT_NEXT_CONNECTION, |root| {
        for (run, _) in root.sandbox.postmasters() {
            std::fs::remove_file(run.join(".s.PGSQL.5432")).unwrap();
        }
    });
}

/// Postgres ends with PANIC where it cannot write what it logs ahead. Only root may mount a small disk.
#[test]
fn full_disk_is_no_migrations_fault() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let root = Root::copy();
    let fills = "op.execute('CREATE TABLE wide AS SELECT repeat($$x$$, 500) || n AS x \\
                 FROM generate_series(1, 400000) n')";
    root.add_head(Tree::Raptor, fills, "op.execute('DROP TABLE wide')");
    let small = "mount -t tmpfs -o size=120m,mode=1777 none \"$TMPDIR\" && exec \"$0\" \"$@\"";
    let gate = root.gate().arg("raptor").below("unshare", &["--mount", "sh", "-c", small]);
    let ended = gate.run();
    ended.assert_code(2);
    let expected = json!({"code": "MG902", "owner": "sre", "verified": false});
    assert_holds(ended.report().finding(), &expected);
}
