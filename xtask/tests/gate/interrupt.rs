//! However a run ends, nothing of it is left: Ctrl-C, a job that is cancelled, a server that dies.
//! After SIGKILL, which nobody can answer, the next run clears up.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::json;

use crate::support::report::assert_holds;
use crate::support::root::{Root, Tree};
use crate::support::run::{Ended, Running};
use crate::support::sandbox::{Sandbox, Traces, pid};
use crate::support::server::Server;
use crate::support::shop::Shop;

/// Says that it began, and waits until it may go on.
const WAITS: &str = "
open(os.path.join(os.environ['TMPDIR'], 'started'), 'w').close()
while not os.path.exists(os.path.join(os.path.dirname(__file__), 'go')):
    time.sleep(0.01)
op.execute('SELECT 1')
";

/// A monorepo whose run cannot end by itself, and the file by which its migration goes on.
fn waiting_root() -> (Root, PathBuf) {
    let root = Root::copy();
    root.add_head(Tree::Raptor, WAITS, "pass");
    let versions = root.path().join("backend_v2/alembic/versions");
    (root, versions.join("go"))
}

/// A small tree of the same kind.
struct Waiting {
    shop: Shop,
    go: PathBuf,
}

impl Waiting {
    fn new() -> Waiting {
        let shop = Shop::new();
        shop.add("c3", "b2", WAITS, "pass");
        Waiting { go: shop.path().join("versions/go"), shop }
    }

    /// A run that is in its migration.
    fn begin(&self) -> Running<'_> {
        let mut run = self.shop.gate().spawn();
        run.until("the migration began", || self.shop.sandbox.has_made("started"));
        run
    }

    fn go_on(&self) {
        std::fs::write(&self.go, "").unwrap();
    }
}

fn signal_number(signal: Signal) -> i32 {
    signal.as_raw()
}

#[track_caller]
fn assert_interrupted(sandbox: &Sandbox, tree: &str, ended: &Ended, signal: Signal) {
    ended.assert_code(128 + signal_number(signal));
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    for tree in report.0["trees"].as_array().unwrap() {
        let statuses = report.statuses(tree["tree"].as_str().unwrap());
        assert!(!statuses.contains("failed"), "an interrupt is nobody's fault: {statuses}");
    }
    assert!(report.statuses(tree).ends_with("skipped skipped skipped"));
    sandbox.assert_empty(&ended.traces);
}

/// Where a run is met: so many milliseconds after its folder was made, or when a file is in it.
#[test]
fn interrupt_at_any_moment_leaves_nothing() {
    let moments = [0, 150, 300, 600, 1000, 1600].map(|moment| (moment, ""));
    let stages = ["data", "data/PG_VERSION", "data/postmaster.pid", ".s.PGSQL.5432"];
    let all = moments.into_iter().chain(stages.map(|stage| (0, stage)));
    let waiting = Waiting::new();
    let sandbox = &waiting.shop.sandbox;
    for ((moment, stage), signal) in all.zip([Signal::INT, Signal::TERM].into_iter().cycle()) {
        let mut run = waiting.shop.gate().spawn();
        run.until(stage, || sandbox.runs().iter().any(|run| run.join(stage).exists()));
        std::thread::sleep(Duration::from_millis(moment));
        run.signal(signal);
        assert_interrupted(sandbox, "shop", &run.wait(), signal);
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
    assert_interrupted(&root.sandbox, "raptor", &ended, Signal::INT);
}

#[test]
fn ctrl_c_during_a_statement_leaves_nothing_on_a_given_server() {
    let (Waiting { shop, .. }, server) = (Waiting::new(), Server::start());
    shop.add_sql("c3", "b2", "SELECT pg_sleep(600)", "SELECT 1");
    let mut run = shop.gate().arg("--postgres-url").arg(server.url()).spawn();
    let asks = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' \
                AND pid <> pg_backend_pid()";
    let mut session = server.connect("postgres");
    run.until("the statement began", || !session.query(asks, &[]).unwrap().is_empty());
    run.signal(Signal::INT);
    assert_interrupted(&shop.sandbox, "shop", &run.wait(), Signal::INT);
    assert!(server.contents().is_empty(), "{:?}", server.contents());
}

/// Ends a gate as nobody can answer, in the middle of a migration.
fn kill_outright(waiting: &Waiting) -> Traces {
    let mut run = waiting.begin();
    run.signal(Signal::KILL);
    let ended = run.wait();
    ended.assert_code(137);
    ended.traces
}

/// Once with its server, and once with a server that was killed too.
#[test]
fn leftovers_of_killed_runs_are_cleared_by_the_next() {
    let waiting = Waiting::new();
    let sandbox = &waiting.shop.sandbox;
    let mut traces = kill_outright(&waiting);
    for run in sandbox.runs() {
        let _ = std::fs::remove_file(run.join("tmp/started"));
    }
    for (_, postmaster) in sandbox.postmasters() {
        kill_process(pid(postmaster), Signal::KILL).unwrap();
    }
    traces.add(kill_outright(&waiting));
    assert!(!sandbox.runs().is_empty(), "there is something to clear away");
    assert!(!sandbox.postmasters().is_empty());
    assert!(!sandbox.processes().is_empty());
    waiting.go_on();
    let next = waiting.shop.gate().run();
    next.assert_code(0);
    traces.add(next.traces);
    sandbox.assert_empty(&traces);
}

/// Nor is a folder that only looks like one of a run. The tree of that run changes meanwhile.
#[test]
fn files_of_a_living_run_are_never_cleared_away() {
    let waiting = Waiting::new();
    let (shop, sandbox) = (&waiting.shop, &waiting.shop.sandbox);
    let mine = sandbox.path().join("migration-gate-mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("thesis.txt"), "years of work").unwrap();
    let run = waiting.begin();
    let folders = sandbox.runs();
    let other = Shop::new();
    other.command("--no-cache").env("TMPDIR", sandbox.path()).run().assert_code(0);
    let now = sandbox.runs();
    assert!(folders.iter().all(|folder| now.contains(folder)), "{folders:?} {now:?}");
    shop.edit("versions/c3_added.py", "SELECT 1", "SELECT 2");
    waiting.go_on();
    let ended = run.wait();
    // A tree that changes during a run fails it.
    ended.assert_code(2);
    let report = ended.report();
    let message = report.finding()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the tree changed while it was gated: `"), "{message}");
    assert!(message.contains("c3_added.py"), "{message}");
    assert_eq!(sandbox.entries(), ["migration-gate-mine"]);
    assert!(mine.join("thesis.txt").exists());
    std::fs::remove_dir_all(mine).unwrap();
    sandbox.assert_empty(&ended.traces);
}

/// Steps where the server ends the migration's connection, and where it takes no other one.
const AT_ONCE: &str = "failed skipped skipped skipped";
const AT_NEXT_CONNECTION: &str = "passed passed failed skipped";

/// Takes the server away in the middle of a migration, and lets that go on.
#[test]
fn server_that_goes_midway_is_no_migrations_fault() {
    let signal = |sandbox: &Sandbox, signal| {
        for (_, postmaster) in sandbox.postmasters() {
            let _ = kill_process(pid(postmaster), signal);
        }
    };
    type Take<'a> = &'a dyn Fn(&Sandbox);
    let ways: [(&str, &str, Take<'_>); 5] = [
        ("raptor", AT_ONCE, &|sandbox| signal(sandbox, Signal::QUIT)),
        ("raptor", AT_ONCE, &|sandbox| signal(sandbox, Signal::INT)),
        // Of both trees.
        ("", AT_ONCE, &|sandbox| signal(sandbox, Signal::KILL)),
        // A shutdown that waits for its sessions lets nobody in any more.
        ("raptor", AT_NEXT_CONNECTION, &|sandbox| signal(sandbox, Signal::TERM)),
        ("raptor", AT_NEXT_CONNECTION, &|sandbox| {
            for (run, _) in sandbox.postmasters() {
                std::fs::remove_file(run.join(".s.PGSQL.5432")).unwrap();
            }
        }),
    ];
    for (trees, statuses, take_away) in ways {
        let (root, go) = waiting_root();
        let mut run = root.gate().args(trees).spawn();
        run.until("the migration began", || root.sandbox.has_made("started"));
        take_away(&root.sandbox);
        std::thread::sleep(Duration::from_millis(200));
        std::fs::write(go, "").unwrap();
        let ended = run.wait();
        ended.assert_code(2);
        let report = ended.report();
        assert_eq!(report.verdict(), "error");
        assert_eq!(report.statuses("raptor"), statuses);
        assert_holds(report.finding(), &json!({"code": "MG901", "owner": "sre"}));
        if trees.is_empty() {
            // What came before is reported.
            assert_eq!(report.steps("console")[0]["status"], "passed");
        }
        root.sandbox.assert_empty(&ended.traces);
    }
}

/// Postgres ends with PANIC where it cannot write what it logs ahead. Only root may mount a small disk.
#[test]
fn full_disk_is_no_migrations_fault() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let shop = Shop::new();
    let fills = "CREATE TABLE wide AS SELECT repeat($$x$$, 500) || n AS x \
                 FROM generate_series(1, 400000) n";
    shop.add_sql("c3", "b2", fills, "DROP TABLE wide");
    let small = "mount -t tmpfs -o size=120m,mode=1777 none \"$TMPDIR\" && exec \"$0\" \"$@\"";
    let ended = shop.gate().below("unshare", &["--mount", "sh", "-c", small]).run();
    ended.assert_code(2);
    let expected = json!({"code": "MG902", "owner": null, "verified": false});
    assert_holds(ended.report().finding(), &expected);
}
