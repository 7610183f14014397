//! `volatility.rs` says what the catalogue of a Postgres 15 says. Needs one, and `psql`:
//!
//! ```text
//! MIGRATION_GATE_POSTGRES_URL=postgresql://… cargo test -p xtask --test volatility -- --ignored
//! ```

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs a Postgres 15, named by MIGRATION_GATE_POSTGRES_URL"]
fn the_table_is_what_the_catalogue_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("analysis/src/sql");
    let url = std::env::var("MIGRATION_GATE_POSTGRES_URL").expect("MIGRATION_GATE_POSTGRES_URL");
    let psql = |arguments: &[&str]| {
        let out = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", &url])
            .args(arguments)
            .current_dir(&folder)
            .output()
            .expect("psql is on PATH");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("psql writes UTF-8")
    };
    let version = psql(&["-c", "SHOW server_version_num"]);
    assert!(version.starts_with("15"), "this is no Postgres 15: {version}");
    let written = std::fs::read_to_string(folder.join("volatility.rs")).expect("it is committed");
    assert!(psql(&["-f", "volatility.sql"]) == written, "write it again, as volatility.sql says");
}
