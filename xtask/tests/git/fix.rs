//! `--fix`: what was verified is applied, in real repositories.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::repository::{Ids, Repository};

/// A fault, as `test_data/fixes.yaml` has it, which says what its fields are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    upgrade: String,
    downgrade: String,
    code: String,
    what: String,
    then: String,
}

fn faults() -> Vec<Fault> {
    serde_yaml::from_str(include_str!("../../test_data/fixes.yaml")).unwrap()
}

pub(super) const FILE: &str = "0004_fault.py";

const BASE: &str = "op.execute('CREATE TABLE items (id serial PRIMARY KEY, n int, at timestamptz)')\n\
                    op.execute(\"CREATE TYPE mood AS ENUM ('old')\")\n\
                    op.execute('CREATE TABLE moods (m mood)')";
const BASE_DOWN: &str = "op.execute('DROP TABLE moods')\nop.execute('DROP TYPE mood')\n\
                         op.execute('DROP TABLE items')";
/// A repository whose `main` has the table, and a branch with a revision of this body.
pub(super) fn broken(upgrade: &str, downgrade: &str) -> Repository {
    let repository = Repository::alone(Ids::Numbers, "main");
    write(&repository, "0003_base.py", "0003", "0002", BASE, BASE_DOWN);
    repository.commit("the base");
    repository.git(&["switch", "--quiet", "--create", "change"]);
    write(&repository, FILE, "0004", "0003", upgrade, downgrade);
    repository.commit("the change");
    repository
}

fn write(repository: &Repository, file: &str, id: &str, parent: &str, up: &str, down: &str) {
    let indent = |body: &str| body.replace('\n', "\n    ");
    let (up, down) = (indent(up), indent(down));
    let text = format!(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {id:?}\n\
         down_revision = {parent:?}\n\n\ndef upgrade():\n    {up}\n\n\ndef downgrade():\n    {down}\n"
    );
    fs::write(repository.file(file), text).unwrap();
}

#[track_caller]
fn is_fixed(fault: &Fault) {
    let Fault { upgrade, downgrade, code, what, then } = fault;
    let repository = broken(upgrade, downgrade);
    let red = repository.gate(&["--format", "json"]);
    assert_eq!(red.code, 1, "{upgrade}: {}", red.said());
    let report: Value = serde_json::from_str(&red.out).unwrap();
    let verified = report["findings"].as_array().unwrap().iter().find(|f| f["verified"] == true);
    let finding = verified.unwrap_or_else(|| panic!("{upgrade}: nothing verified: {report:#}"));
    let codes: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.contains(&&Value::from(code.as_str())), "{upgrade}: {codes:?}");
    let remedy = finding["remedy"].to_string();
    assert!(remedy.contains(what.as_str()), "{upgrade}: {remedy}");
    // The files are as they were, and git takes the patch at the root.
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    apply(&repository.path, finding["patch"].as_str().unwrap());
    let text = fs::read_to_string(repository.file(FILE)).unwrap();
    assert!(text.contains(then.as_str()), "{upgrade}: {text}");
    // Verified is what ended green in a mirror of these files; what was written wrongly is no revision.
    repository.gate(&["lint"]).says(0, &[]);
}

fn apply(root: &Path, patch: &str) {
    let mut git = Command::new("git");
    let git = git.args(["apply", "--whitespace=nowarn", "-"]).current_dir(root);
    let mut child = git.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{patch}");
}

#[test]
fn each_verified_patch_applies() {
    let faults = faults();
    std::thread::scope(|scope| {
        for half in faults.chunks(faults.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(is_fixed));
        }
    });
}

#[test]
fn fix_applies_what_was_verified_and_is_green() {
    let fault = &faults()[0];
    let repository = broken(&fault.upgrade, &fault.downgrade);
    let fixed = repository.gate(&["--fix", "--format", "json"]);
    fixed.says(0, &["--fix: changed tree/versions/0004_fault.py; gating again"]);
    let report: Value = serde_json::from_str(&fixed.out).unwrap();
    assert_eq!(report["verdict"], "pass");
    let text = fs::read_to_string(repository.file(FILE)).unwrap();
    assert!(text.contains(&fault.then), "{text}");
    assert_eq!(repository.git(&["status", "--porcelain"]), "M tree/versions/0004_fault.py");
}

#[test]
fn fix_leaves_uncommitted_changes_and_what_has_no_remedy_alone() {
    let fault = &faults()[0];
    let repository = broken(&fault.upgrade, &fault.downgrade);
    repository.edit(FILE, "def downgrade", "X = 1\n\n\ndef downgrade");
    let before = fs::read_to_string(repository.file(FILE)).unwrap();
    let refused = repository.gate(&["--fix"]);
    refused.says(1, &["commit or stash your changes to tree/versions/0004_fault.py first"]);
    assert_eq!(fs::read_to_string(repository.file(FILE)).unwrap(), before);

    let repository = broken("raise RuntimeError('on purpose')", "pass");
    repository
        .gate(&["--fix"])
        .says(1, &["--fix changed nothing: no remedy turned the gate green"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

/// Green on the copy, and red where the files themselves are: a revision that looks where it lies.
#[test]
fn fix_restores_the_files_where_the_second_run_is_no_better() {
    let upgrade = "op.execute('VACUUM items')\nif 'autocommit' in open(__file__).read() and \
                   'mirror' not in __file__:\n    raise RuntimeError('worse')";
    let repository = broken(upgrade, "raise NotImplementedError");
    repository.edit(FILE, "raise NotImplementedError", "pass");
    repository.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    let put_back = repository.gate(&["--fix"]);
    put_back.says(1, &["--fix has put every file back: the second run was no better (MG100: RuntimeError: worse)"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "", "{}", put_back.said());
}
