//! `sslmode` means what it means to libpq, on both connections: the gate's own and the migrations'.

use crate::support::root::{Root, Tree};
use crate::support::run::{Ended, Gate};
use crate::support::server::{Server, write_stranger};

fn gate_on<'a>(root: &'a Root, url: &str) -> Gate<'a> {
    // A certificate of whoever runs the tests must not decide.
    root.gate().arg("raptor").arg("--postgres-url").arg(url).env("HOME", root.path())
}

#[track_caller]
fn refusal(ended: &Ended) -> String {
    ended.assert_code(2);
    let report = ended.report();
    assert_eq!(report.statuses("raptor"), ["skipped"; 4].join(" "));
    report.finding()["message"].as_str().unwrap().to_owned()
}

#[test]
fn server_that_demands_tls_gets_it_from_gate_and_migrations() {
    let (root, server) = (Root::copy(), Server::start_with_tls());
    let is_safe = "sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'\n\
                   assert op.get_bind().exec_driver_sql(sql).scalar()";
    root.add_head(Tree::Raptor, is_safe, "pass");
    let authority = server.authority();
    let checked = |mode: &str| format!("sslmode={mode}&sslrootcert={}", authority.display());
    for (host, query) in [
        ("localhost", checked("verify-full").as_str()),
        ("127.0.0.1", checked("verify-ca").as_str()),
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", ""),
    ] {
        let ended = gate_on(&root, &server.url_at(host, query)).run();
        ended.assert_code(0);
        ended.report().assert_green("raptor");
    }
    assert!(server.contents().is_empty(), "{:?}", server.contents());
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (root, server) = (Root::copy(), Server::start_with_tls());
    let query = format!("sslmode=verify-full&sslrootcert={}", server.authority().display());
    let message = refusal(&gate_on(&root, &server.url_at("127.0.0.1", &query)).run());
    assert!(message.contains("certificate"), "{message}");
}

#[test]
fn a_certificate_of_a_stranger_is_refused() {
    let (root, server) = (Root::copy(), Server::start_with_tls());
    let stranger = root.path().join("stranger.pem");
    write_stranger(&stranger);
    // With a root certificate at hand, `require` checks the chain as well.
    for mode in ["verify-full", "verify-ca", "require"] {
        let query = format!("sslmode={mode}&sslrootcert={}", stranger.display());
        let message = refusal(&gate_on(&root, &server.url_at("localhost", &query)).run());
        assert!(message.contains("certificate"), "{mode}: {message}");
    }
}

#[test]
fn tls_is_not_done_without_where_it_is_demanded() {
    let root = Root::copy();
    let plain = Server::start();
    let message = refusal(&gate_on(&root, &plain.url_at("127.0.0.1", "sslmode=require")).run());
    assert!(message.contains("TLS"), "{message}");
    let demanding = Server::start_with_tls();
    let message = refusal(&gate_on(&root, &demanding.url_at("127.0.0.1", "sslmode=disable")).run());
    assert!(message.contains("no encryption"), "{message}");
}

#[test]
fn a_mode_that_checks_needs_a_certificate_to_check_against() {
    let (root, server) = (Root::copy(), Server::start_with_tls());
    let message =
        refusal(&gate_on(&root, &server.url_at("localhost", "sslmode=verify-full")).run());
    assert!(message.contains("sslrootcert"), "{message}");
    let query = "sslmode=verify-full&sslrootcert=/nowhere/ca.pem";
    let message = refusal(&gate_on(&root, &server.url_at("localhost", query)).run());
    assert!(message.contains("/nowhere/ca.pem"), "{message}");
}
