//! A migration sees nothing of its caller's environment, and no password is ever printed.

use serde_json::json;

use crate::support::report::assert_holds;
use crate::support::root::{Root, Tree};
use crate::support::run::Ended;
use crate::support::server::{PASSWORD, PASSWORD_IN_URL, Server};

/// Raises with the names that a migration sees beyond those of the contract. `LC_CTYPE` is set by
/// Python itself where the locale is `C`.
const WHAT_IT_SEES: &str = "
known = {'PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'DATABASE_URL', 'LC_CTYPE'}
more = sorted(set(os.environ) - known)
if more:
    raise RuntimeError(f'sees {more}')
";

#[test]
fn a_migration_sees_only_the_environment_of_the_contract() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, WHAT_IT_SEES, "pass");
    let ended = root.gate().arg("raptor").env("SECRET_TOKEN", "hush").run();
    ended.assert_code(0);
    ended.report().assert_green("raptor");
}

#[test]
fn a_variable_is_passed_on_where_that_is_asked_for() {
    let root = Root::copy();
    root.add_head(Tree::Raptor, WHAT_IT_SEES, "pass");
    let gate = root.gate().args("raptor --pass-env SECRET_TOKEN --pass-env NOT_SET");
    let ended = gate.env("SECRET_TOKEN", "hush").env("OTHER_TOKEN", "hush").run();
    ended.assert_code(1);
    let message = json!({"message": "RuntimeError: sees ['SECRET_TOKEN']"});
    assert_holds(ended.report().finding(), &message);
}

#[test]
fn home_and_temporary_folder_belong_to_the_run() {
    let root = Root::copy();
    let body = "
import tempfile
run = os.path.dirname(os.environ['HOME'])
assert os.path.dirname(tempfile.gettempdir()) == run, tempfile.gettempdir()
assert os.path.basename(run).startswith('migration-gate-'), run
for folder in (os.environ['HOME'], tempfile.gettempdir()):
    open(os.path.join(folder, 'left'), 'w').close()
";
    root.add_head(Tree::Raptor, body, "pass");
    let ended = root.gate().arg("raptor").run();
    ended.assert_code(0);
    root.sandbox.assert_empty(&ended.traces);
}

#[cfg(target_os = "linux")]
#[test]
fn private_server_holds_no_secret_of_the_caller() {
    let root = Root::copy();
    // A backend's own environment is overwritten by its title; its parent's is not.
    let body = "
sql = \"SELECT pg_read_binary_file('/proc/' || split_part(pg_read_file('postmaster.pid'), \"
sql += \"chr(10), 1) || '/environ', 0, 100000)\"
seen = bytes(op.get_bind().exec_driver_sql(sql).scalar())
assert b'PATH=' in seen and b'hush' not in seen, seen
";
    root.add_head(Tree::Raptor, body, "pass");
    let ended = root.gate().arg("raptor").env("SECRET_TOKEN", "hush").run();
    ended.assert_code(0);
}

/// Runs a migration that tells all it knows, against a server with a password.
fn blabber(upgrade: &str) -> (Ended, Ended, String) {
    let (root, server) = (Root::copy(), Server::start());
    root.add_head(Tree::Raptor, upgrade, "pass");
    let file = root.path().join("report.json");
    let url = server.url();
    let report = format!("json={}", file.display());
    let person = root.gate_for_a_person().arg("raptor").arg("--report").arg(report);
    let person = person.env("MIGRATION_GATE_POSTGRES_URL", &url).run();
    let json = root.gate().arg("raptor").env("MIGRATION_GATE_POSTGRES_URL", &url).run();
    (person, json, std::fs::read_to_string(file).unwrap())
}

#[track_caller]
fn assert_kept_quiet(upgrade: &str) {
    let (person, json, file) = blabber(upgrade);
    for ended in [&person, &json] {
        ended.assert_code(1);
    }
    for text in [&person.stdout, &person.stderr, &json.stdout, &json.stderr, &file] {
        for secret in [PASSWORD, PASSWORD_IN_URL] {
            assert!(!text.contains(secret), "{secret} in:\n{text}");
        }
    }
    assert!(file.contains("told"), "the failure itself is in the report: {file}");
}

#[test]
fn a_url_that_a_migration_tells_is_printed_without_its_password() {
    assert_kept_quiet(
        "print(dict(os.environ))\nraise RuntimeError('told ' + os.environ['DATABASE_URL'])",
    );
}

#[test]
fn a_password_that_a_migration_tells_by_itself_is_not_printed() {
    assert_kept_quiet(
        "
from sqlalchemy.engine import make_url
url = make_url(os.environ['DATABASE_URL'])
print(url.password)
op.get_bind().exec_driver_sql(f\"SELECT '{url.password}'\".replace('%', '%%'))
raise RuntimeError(f'told {url.password}')
",
    );
}

#[test]
fn a_password_in_a_statement_that_fails_is_not_printed() {
    assert_kept_quiet(
        "
from sqlalchemy.engine import make_url
password = make_url(os.environ['DATABASE_URL']).password
op.get_bind().exec_driver_sql(f\"SELECT told('{password}')\".replace('%', '%%'))
",
    );
}
