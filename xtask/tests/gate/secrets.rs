//! A migration sees nothing of its caller's environment, and no password is ever printed.

use serde_json::json;

use crate::support::report::assert_holds;
use crate::support::root::{Root, Tree};
use crate::support::server::{PASSWORD, PASSWORD_IN_URL, Server};
use crate::support::shop::Shop;

/// Raises with the names that a migration sees beyond those of the contract. `LC_CTYPE` is set by
/// Python itself where the locale is `C`.
const WHAT_IT_SEES: &str = "
known = {'PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'DATABASE_URL', 'LC_CTYPE'}
more = sorted(set(os.environ) - known)
if more:
    raise RuntimeError(f'sees {more}')
";
/// The home and the temporary folder of a migration are the run's own.
const FOLDERS: &str = "
import tempfile
run = os.path.dirname(os.environ['HOME'])
assert os.path.dirname(tempfile.gettempdir()) == run, tempfile.gettempdir()
assert os.path.basename(os.path.dirname(run)).startswith('migration-gate-'), run
for folder in (os.environ['HOME'], tempfile.gettempdir()):
    open(os.path.join(folder, 'left'), 'w').close()
";
/// None of this is for the report.
const NOISE: &str = r#"
print('{"event": "ended", "status": 0, "signal": null, "output": ""}')
os.write(1, b'{"schema": 1}\xff\n' * 20000)
os.write(2, b'\x1b[31mred\n')
os.system("echo noise; echo noise >&2")
"#;

#[test]
fn migration_sees_the_contracts_environment_alone() {
    let root = Root::copy();
    let all = [WHAT_IT_SEES, FOLDERS, NOISE].concat();
    root.add_head(Tree::Raptor, &all, NOISE);
    let ended = root.gate().arg("raptor").env("SECRET_TOKEN", "hush").run();
    ended.assert_code(0);
    ended.report().assert_green("raptor");
    assert!(!ended.stdout.contains("noise") && !ended.stderr.contains("noise"));
    root.sandbox.assert_empty(&ended.traces);
}

#[test]
fn variable_is_passed_on_where_that_is_asked_for() {
    let shop = Shop::new();
    shop.add("c3", "b2", WHAT_IT_SEES, "pass");
    let gate = shop.gate().args("--pass-env SECRET_TOKEN --pass-env NOT_SET");
    let ended = gate.env("SECRET_TOKEN", "hush").env("OTHER_TOKEN", "hush").run();
    ended.assert_code(1);
    let message = json!({"message": "RuntimeError: sees ['SECRET_TOKEN']"});
    assert_holds(ended.report().finding(), &message);
}

/// Migrations that tell all they know, on a server with a password.
#[test]
fn password_that_a_migration_tells_is_not_printed() {
    let server = Server::start();
    let password = "
from sqlalchemy.engine import make_url
print(dict(os.environ))
password = make_url(os.environ['DATABASE_URL']).password
print(password)
";
    let told = "
op.get_bind().exec_driver_sql(f\"SELECT '{password}'\".replace('%', '%%'))
raise RuntimeError('told ' + os.environ['DATABASE_URL'] + f' and {password}')
";
    let in_statement =
        "op.get_bind().exec_driver_sql(f\"SELECT told('{password}')\".replace('%', '%%'))";
    for tells in [told, in_statement] {
        let shop = Shop::new();
        shop.add("c3", "b2", &[password, tells].concat(), "pass");
        let gate = shop.command("--no-cache").env("MIGRATION_GATE_POSTGRES_URL", server.url());
        let formats = ["json", "markdown", "sarif", "junit"];
        let file = |format: &str| shop.path().join(format);
        let ended = formats
            .iter()
            .fold(gate, |gate, f| gate.arg(format!("--report={f}={}", file(f).display())))
            .run();
        ended.assert_code(1);
        let reports = formats.map(|format| shop.read(format));
        for text in reports.iter().chain([&ended.stdout, &ended.stderr]) {
            for secret in [PASSWORD, PASSWORD_IN_URL] {
                assert!(!text.contains(secret), "{secret} in:\n{text}");
            }
        }
        assert!(reports[0].contains("told"), "the failure itself is in the report: {}", reports[0]);
    }
}
