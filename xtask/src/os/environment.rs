//! Environment of the gate's own helpers (pip, npm, `python3`, Postgres's programs), built from nothing.
//!
//! A token of the caller's reaches only the program that it is meant for.

use std::ffi::OsString;

/// Variables that any program may need to find its files and to choose its language.
const PLAIN: &[&str] = &["path", "home", "user", "lang", "lc_all", "tmpdir"];
/// The way to a registry: proxies and the authorities that sign for them.
const NETWORK: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
    "requests_ca_bundle",
    "curl_ca_bundle",
    "node_extra_ca_certs",
];

/// The caller's variables that a program gets which stays on this machine.
pub fn local() -> Vec<(OsString, OsString)> {
    passed(|name| PLAIN.contains(&name))
}

/// The caller's variables that a program gets which asks a registry: with those that are its own by name.
pub fn of_registry_client(is_own: impl Fn(&str) -> bool) -> Vec<(OsString, OsString)> {
    passed(|name| PLAIN.contains(&name) || NETWORK.contains(&name) || is_own(name))
}

/// Those whose names, in small letters, are wanted.
fn passed(is_wanted: impl Fn(&str) -> bool) -> Vec<(OsString, OsString)> {
    let wanted =
        |name: &OsString| name.to_str().is_some_and(|n| is_wanted(&n.to_ascii_lowercase()));
    std::env::vars_os().filter(|(name, _)| wanted(name)).collect()
}
