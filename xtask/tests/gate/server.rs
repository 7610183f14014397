//! A given server is used with care: checked, shared by turns, and left as it was found.

use std::net::{TcpListener, UdpSocket};

use serde_json::json;

use crate::support::report::assert_holds;
use crate::support::root::{Root, Tree};
use crate::support::run::{Ended, Gate};
use crate::support::server::{PASSWORD, PASSWORD_IN_URL, Server};
use crate::support::shop::Shop;

/// A run on a given server.
fn gate_on<'a>(root: &'a Root, url: &str) -> Gate<'a> {
    root.gate().arg("--postgres-url").arg(url)
}

/// Fails unless the gate refused the server as a whole.
#[track_caller]
fn refusal(ended: &Ended) -> String {
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    assert_eq!(report.statuses("raptor"), ["skipped"; 4].join(" "));
    let code = report.finding()["code"].as_str().unwrap();
    // Nobody answers (MG904), or the server is not what the gate needs.
    assert!(["MG900", "MG904"].contains(&code), "{code}");
    let message = report.finding()["message"].as_str().unwrap().to_owned();
    for secret in [PASSWORD, PASSWORD_IN_URL] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
    }
    message
}

/// Two gates on it take turns: one by a role that is no superuser, which is enough.
#[test]
fn a_server_with_a_password_is_used_and_left_as_it_was() {
    let (root, other, server) = (Root::copy(), Shop::new(), Server::start());
    let able = format!("CREATE ROLE able LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'");
    let mine = ["CREATE ROLE raptor_app NOLOGIN", "CREATE ROLE somebody LOGIN", &able];
    server.execute("postgres", &mine);
    server.execute("postgres", &["CREATE DATABASE customers"]);
    // What a migration creates beside its tables goes, what was there before stays.
    let role = "op.execute(\"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = \
                'made_by_0') THEN CREATE ROLE made_by_0; END IF; END $$\")";
    root.add_head(Tree::Console, role, "op.execute('DROP ROLE made_by_0')");
    let second = other.gate().arg("--postgres-url").arg(server.url()).spawn();
    let ended = gate_on(&root, &server.url_of("able")).args("-v").run();
    for (ended, tree) in [(&ended, "console"), (&second.wait(), "shop")] {
        ended.assert_code(0);
        let report = ended.report();
        assert_eq!(report.verdict(), "pass");
        report.assert_green(tree);
        assert_eq!(report.0["postgres"]["source"], "provided");
        assert!(report.0["postgres"]["version"].as_str().unwrap().starts_with("15."));
    }
    assert_eq!(ended.report().statuses("raptor"), ["passed"; 4].join(" "));
    // The role may not act as `raptor_app`, so nothing is said of what that needs.
    assert!(ended.stderr.contains("what breaks for `raptor_app` is not known"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("MG211"), "{}", ended.stdout);
    let contents = ["customers", "role able", "role raptor_app", "role somebody"];
    assert_eq!(server.contents(), contents);
    let reached = ["the machine's network", "the network included"];
    assert!(reached.iter().any(|what| ended.stderr.contains(what)), "{}", ended.stderr);
    let warning = "holds databases that are not the gate's: customers; migrations run there as";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    root.sandbox.assert_empty(&ended.traces);
}

/// Each is a matter of its own tree.
#[test]
fn login_role_and_unmarked_database_are_refused() {
    let (root, server) = (Root::copy(), Server::start());
    let mine = ["CREATE ROLE raptor_app LOGIN", "CREATE DATABASE console_ci"];
    server.execute("postgres", &mine);
    server.execute("console_ci", &["CREATE TABLE mine AS SELECT 42 AS answer"]);
    let ended = gate_on(&root, &server.url()).run();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    assert_eq!(report.statuses("console"), ["skipped"; 4].join(" "));
    assert_eq!(report.statuses("raptor"), "failed passed skipped skipped");
    let refused = json!({"code": "MG900", "says": ["refused to touch the database console_ci"]});
    assert_holds(report.findings_of("console")[0], &refused);
    assert_holds(report.findings_of("raptor")[0], &json!({"says": ["raptor_app can log in"]}));
    assert_eq!(server.contents(), ["console_ci", "role raptor_app"]);
    let answer: i32 =
        server.connect("console_ci").query_one("SELECT answer FROM mine", &[]).unwrap().get(0);
    assert_eq!(answer, 42);
}

/// A run that fails leaves nothing on the server either.
#[test]
fn kept_databases_are_replaced_by_the_next_run() {
    let (root, server) = (Root::copy(), Server::start());
    gate_on(&root, &server.url()).args("raptor --keep").run().assert_code(0);
    assert_eq!(server.contents(), ["raptor_ci", "role raptor_app"]);
    root.add_head(Tree::Raptor, "op.execute('SELECT pg_sleep(600)')", "pass");
    gate_on(&root, &server.url()).args("raptor --timeout 8").run().assert_code(1);
    assert!(server.contents().is_empty(), "{:?}", server.contents());
    let others = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' \
                  AND pid <> pg_backend_pid()";
    let running: i64 = server.connect("postgres").query_one(others, &[]).unwrap().get(0);
    assert_eq!(running, 0);
}

#[test]
fn role_without_rights_or_with_a_wrong_password_is_refused() {
    let (root, server) = (Root::copy(), Server::start());
    let create = format!("CREATE ROLE modest LOGIN PASSWORD '{PASSWORD}'");
    server.execute("postgres", &[&create]);
    let message = refusal(&gate_on(&root, &server.url_of("modest")).run());
    assert!(message.contains("role modest may not create databases and roles"), "{message}");
    let url = server.url().replace(PASSWORD_IN_URL, "wrong-secret");
    let ended = gate_on(&root, &url).run();
    let message = refusal(&ended);
    assert!(message.contains("password authentication failed"), "{message}");
    assert!(!ended.stdout.contains("wrong-secret") && !ended.stderr.contains("wrong-secret"));
}

#[test]
fn nobody_listening_is_said() {
    let root = Root::copy();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = gate_on(&root, &format!("postgresql://u@127.0.0.1:{port}/db")).run();
    let message = refusal(&ended);
    assert_holds(ended.report().finding(), &json!({"code": "MG904", "owner": "sre"}));
    assert!(message.contains(&format!("127.0.0.1:{port}")), "{message}");
}

/// An address of this machine that is not loopback. Connecting a datagram socket sends nothing.
fn own_address() -> std::net::IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").expect("this test needs a network");
    socket.local_addr().unwrap().ip()
}

#[test]
fn another_machine_is_not_even_called_unless_that_is_asked_for() {
    let root = Root::copy();
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("postgresql://postgres:{PASSWORD_IN_URL}@{address}/postgres");
    let message = refusal(&gate_on(&root, &url).run());
    assert!(message.contains("neither a socket nor loopback"), "{message}");
    assert!(message.contains("--allow-remote"), "{message}");
    assert!(listener.accept().is_err(), "nothing came");
    // The same with leave does call, so that the silence above means something.
    let run = gate_on(&root, &format!("{url}?connect_timeout=2")).arg("--allow-remote").spawn();
    listener.set_nonblocking(false).unwrap();
    drop(listener.accept().unwrap());
    drop(listener);
    run.wait().assert_code(2);
}

#[test]
fn a_server_that_dies_midway_is_no_migrations_fault() {
    let (shop, server) = (Shop::new(), Server::start());
    let body = "open(os.path.join(os.environ['TMPDIR'], 'started'), 'w').close()\n\
                op.execute('SELECT pg_sleep(600)')";
    shop.add("c3", "b2", body, "pass");
    let mut run = shop.gate().arg("--postgres-url").arg(server.url()).spawn();
    run.until("the migration began", || shop.sandbox.has_made("started"));
    server.crash();
    let ended = run.wait();
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.verdict(), "error");
    assert!(!report.statuses("shop").ends_with("passed"));
    assert_holds(report.finding(), &json!({"code": "MG901"}));
}
