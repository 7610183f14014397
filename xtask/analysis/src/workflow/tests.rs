//! The audit of the audit: this repository's own workflow passes, a mutant of it for each rule does
//! not, each planted weakness is found in its line without other findings, and sound workflows have
//! no finding.
//!
//! In `test_data/workflows`, `#~ MG307` ends a line with an expected finding, `#=== path` begins
//! another file, and `# default branch: develop` names the branch if it is not `main`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Gated, Source};
use model::code;
use model::finding::Finding;

fn gated() -> [Gated; 2] {
    [
        Gated {
            tree: "console",
            folder: "console",
            ini: "console/migrations/alembic.ini".into(),
            migrations: "console/migrations",
            supplied: &[("kris@ admin row", "kris@moosequest.net")],
        },
        Gated {
            tree: "raptor",
            folder: "backend_v2",
            ini: "backend_v2/alembic.ini".into(),
            migrations: "backend_v2/alembic",
            supplied: &[("raptor_app role", "raptor_app")],
        },
    ]
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn fixtures(folder: &str) -> Vec<(String, Vec<Source>)> {
    let folder = root().join("xtask/test_data/workflows").join(folder);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|p| (name(p), sources(&fs::read_to_string(p).unwrap()))).collect()
}

fn sources(text: &str) -> Vec<Source> {
    if !text.starts_with("#=== ") {
        return vec![Source { file: ".github/workflows/ci.yml".into(), text: text.to_owned() }];
    }
    text.split("#=== ")
        .filter_map(|part| part.split_once('\n'))
        .map(|(file, text)| Source { file: file.into(), text: text.to_owned() })
        .collect()
}

/// The findings of the audit in the files of a fixture.
fn audit(sources: &[Source], gated: &[Gated]) -> Vec<Finding> {
    let said = sources.iter().find_map(|source| source.text.split_once("# default branch: "));
    let branch = said.and_then(|(_, rest)| rest.lines().next());
    super::audit(sources, gated, Some(branch.unwrap_or("main")))
}

/// `file:line code` of each finding, in order.
fn found(findings: &[Finding]) -> Vec<String> {
    let mut found: Vec<String> = findings
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref().unwrap();
            format!("{}:{} {}", place.file, place.line.unwrap_or(0), finding.code.id)
        })
        .collect();
    found.sort();
    found
}

fn expected(sources: &[Source]) -> Vec<String> {
    let mut expected = Vec::new();
    for source in sources {
        for (number, line) in (1..).zip(source.text.lines()) {
            let codes = line.split_once("#~ ").map(|(_, codes)| codes).unwrap_or_default();
            let codes = codes.split_whitespace();
            expected.extend(codes.map(|code| format!("{}:{number} {code}", source.file)));
        }
    }
    expected.sort();
    expected
}

#[test]
fn each_planted_weakness_is_found_in_its_line_and_nothing_else() {
    let weak = fixtures("weak");
    assert!(weak.len() >= 25);
    let mut wrong = Vec::new();
    for (name, sources) in &weak {
        let findings = audit(sources, &gated());
        let (found, expected) = (found(&findings), expected(sources));
        if found != expected {
            let said: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_code_has_a_fixture() {
    let found: Vec<String> =
        fixtures("weak").iter().flat_map(|(_, sources)| expected(sources)).collect();
    let of_workflows = code::ALL.iter().filter(|code| code.id.starts_with("MG3"));
    for code in of_workflows {
        assert!(found.iter().any(|found| found.ends_with(code.id)), "{} has none", code.id);
    }
}

#[test]
fn sound_workflows_have_no_finding() {
    let sound = fixtures("sound");
    assert!(sound.len() >= 10);
    for (name, sources) in sound {
        let findings = audit(&sources, &gated());
        let said: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
        assert!(findings.is_empty(), "{name}: {:?} {said:?}", found(&findings));
    }
}

#[test]
fn a_suggestion_fixes_its_line() {
    let mut fixed = 0;
    for (name, sources) in fixtures("weak") {
        for finding in audit(&sources, &gated()) {
            let Some(edit) = &finding.edit else { continue };
            let mut sources = sources.clone();
            let source = sources.iter_mut().find(|source| source.file == edit.file).unwrap();
            let mut lines: Vec<&str> = source.text.lines().collect();
            let at = edit.line as usize - 1;
            assert_eq!(lines[at..=at], edit.before, "{name}");
            lines.splice(at..=at, edit.after.iter().map(String::as_str));
            source.text = lines.join("\n") + "\n";
            let left = audit(&sources, &gated());
            assert!(left.iter().all(|left| left.code != finding.code), "{name}");
            fixed += 1;
        }
    }
    assert!(fixed >= 4, "{fixed}");
}

fn own() -> String {
    fs::read_to_string(root().join(".github/workflows/ci-pr.yml")).unwrap()
}

fn audit_own(text: String) -> Vec<Finding> {
    audit(&[Source { file: ".github/workflows/ci-pr.yml".into(), text }], &gated())
}

#[test]
fn the_own_workflow_passes() {
    let findings = audit_own(own());
    let said: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
    assert!(findings.is_empty(), "{:?} {said:?}", found(&findings));
}

/// A change to the own workflow, and the expected code.
const MUTANTS: &[(&str, &str, &str)] = &[
    ("MG300", "cargo xtask migration-gate\n          --since \"$BASE\"", "cargo check"),
    ("MG301", "on:\n  pull_request:\n", "on:\n  push:\n"),
    ("MG302", "backend_v2/alembic.ini backend_v2/requirements.txt", ""),
    ("MG302", "xtask/ .cargo/ .ci/ Cargo.toml Cargo.lock", ""),
    (
        "MG304",
        "    if: ${{ !cancelled() && needs.detect-changes.outputs.migrations != 'false' }}\n",
        "",
    ),
    ("MG304", "    if: ${{ !cancelled() && needs.detect-changes.outputs.gate != 'false' }}\n", ""),
    ("MG305", "needs.detect-changes.outputs.migrations != 'false' }}", "false }}"),
    ("MG306", "    timeout-minutes: 20\n", "    continue-on-error: true\n"),
    ("MG307", "--report markdown=reports/comment.md", "|| true"),
    ("MG308", "--report markdown=reports/comment.md", "| tee log"),
    (
        "MG309",
        "        run: >-\n          cargo xtask migration-gate\n",
        "        # run: cargo gate\n        run: >-\n          true\n",
    ),
    ("MG310", "--report markdown=reports/comment.md", "raptor"),
    ("MG311", "--since \"$BASE\"", "--since HEAD"),
    ("MG312", "          # `--since` compares with the base.\n          fetch-depth: 0\n", ""),
    ("MG313", "--since \"$BASE\"", "--postgres-bin /usr/lib/postgresql/16/bin"),
    (
        "MG314",
        "      - name: The migration gate\n        env:\n",
        "      - name: The migration gate\n        env:\n          KEY: ${{ secrets.KEY }}\n",
    ),
    (
        "MG315",
        "    # A migration is code from the pull request: no secret, no write, no token in the checkout.\n    permissions:\n      contents: read",
        "    permissions:\n      contents: write",
    ),
    ("MG317", "on:\n  pull_request:\n", "on:\n  pull_request_target:\n"),
    ("MG318", "run: .ci/setup\n", "run: alembic upgrade heads\n"),
    ("MG319", "run: .ci/setup\n", "run: alembic heads\n"),
    ("MG320", "run: .ci/setup\n", "run: cd backend_v2 && alembic upgrade head\n"),
    (
        "MG322",
        "persist-credentials: false\n      - uses: actions/setup-python",
        "lfs: false\n      - uses: actions/setup-python",
    ),
    ("MG323", "--since \"$BASE\"", "--since \"$BASE\" --allow-remote"),
    (
        "MG325",
        "!cancelled() && needs.detect-changes.outputs.migrations",
        "needs.detect-changes.outputs.migrations",
    ),
    (
        "MG326",
        "needs.detect-changes.outputs.migrations != 'false'",
        "github.event.pull_request.draft == false",
    ),
    (
        "MG327",
        "needs.detect-changes.outputs.migrations != 'false'",
        "github.event.pull_request.head.repo.full_name == github.repository",
    ),
    ("MG328", "uses: actions/cache/restore@", "uses: actions/cache@"),
    (
        "MG303",
        "needs.detect-changes.outputs.migrations != 'false'",
        "github.event_name == 'pull_request'",
    ),
    ("MG324", "\njobs:\n", "\njobs: [\n"),
];

#[test]
fn mutant_of_each_rule_is_caught() {
    for (code, from, to) in MUTANTS {
        let own = own();
        assert!(own.contains(from), "{code}: the workflow has no {from:?} any more");
        let findings = audit_own(own.replace(from, to));
        let found = found(&findings);
        assert!(findings.iter().any(|f| f.code.id == *code), "{code}: {from:?}: {found:?}");
    }
}

#[test]
fn invalid_workflow_is_no_panic() {
    for text in [
        "",
        "[]",
        "x",
        "on:",
        "on: 1",
        "jobs: 1\non: pull_request",
        "jobs: {a: 1}\non: x",
        "on: pull_request\njobs: {a: {steps: 1, needs: a, if: '('}}",
        "on: pull_request\njobs: {a: {needs: b}, b: {needs: a}}",
        "on: push\njobs: {a: {uses: ./.github/workflows/ci.yml}}",
        "on: push\njobs: {a: {steps: [{run: ''}, {run: 'cargo gate || '}, {run: '! | &'}]}}",
        "on: push\njobs: {a: {strategy: {matrix: {t: ['${{ matrix.t }}']}}, steps: [{run: 'cargo gate ${{ matrix.t }}'}]}}",
    ] {
        audit(&sources(text), &gated());
    }
}
