//! `sslmode` means what it means to libpq, on both connections: the gate's own and the migrations'.

use crate::support::run::Ended;
use crate::support::server::{Server, write_stranger};
use crate::support::shop::Shop;

fn gate_on(shop: &Shop, url: &str) -> Ended {
    // A certificate of whoever runs the tests must not decide.
    shop.gate().arg("--postgres-url").arg(url).env("HOME", shop.above()).run()
}

#[test]
fn server_that_demands_tls_gets_it_from_gate_and_migrations() {
    let (shop, server) = (Shop::new(), Server::start_with_tls());
    let is_safe = "sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'\n\
                   assert op.get_bind().exec_driver_sql(sql).scalar()";
    shop.add("c3", "b2", is_safe, "pass");
    shop.merge();
    let authority = server.authority();
    let checked = |mode: &str| format!("sslmode={mode}&sslrootcert={}", authority.display());
    for (host, query) in [
        ("localhost", checked("verify-full").as_str()),
        ("127.0.0.1", checked("verify-ca").as_str()),
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", ""),
    ] {
        let ended = gate_on(&shop, &server.url_at(host, query));
        ended.assert_code(0);
        ended.report().assert_green("shop");
    }
    assert!(server.contents().is_empty(), "{:?}", server.contents());
}

#[test]
fn connection_that_is_less_safe_than_asked_for_is_refused() {
    let (shop, server, plain) = (Shop::new(), Server::start_with_tls(), Server::start());
    let stranger = shop.above().join("stranger.pem");
    write_stranger(&stranger);
    let (ours, stranger) = (server.authority(), stranger.display());
    let ours = format!("sslmode=verify-full&sslrootcert={}", ours.display());
    let strange = |mode: &str| format!("sslmode={mode}&sslrootcert={stranger}");
    for (server, host, query, says) in [
        // It is for another name.
        (&server, "127.0.0.1", ours.as_str(), "certificate"),
        // With a root certificate at hand, `require` checks the chain as well.
        (&server, "localhost", &strange("verify-full"), "certificate"),
        (&server, "localhost", &strange("verify-ca"), "certificate"),
        (&server, "localhost", &strange("require"), "certificate"),
        (&server, "127.0.0.1", "sslmode=disable", "no encryption"),
        (&plain, "127.0.0.1", "sslmode=require", "TLS"),
        // A mode that checks needs a certificate to check against.
        (&server, "localhost", "sslmode=verify-full", "sslrootcert"),
        (
            &server,
            "localhost",
            "sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
            "/nowhere/ca.pem",
        ),
    ] {
        let ended = gate_on(&shop, &server.url_at(host, query));
        ended.assert_code(2);
        let report = ended.report();
        assert_eq!(report.statuses("shop"), ["skipped"; 4].join(" "));
        let message = report.finding()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{host}, {query}: {message}");
    }
}
