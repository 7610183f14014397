//! A rehearsal of the workflow: the `run:` steps of `detect-changes` and `migration-gate`, in order,
//! on a fresh clone of a branch that breaks a migration, with the environment of a runner.
//!
//! `cargo test --test ci -- --nocapture` shows the log, the annotations, the summary and the
//! artifacts as GitHub would have them. Two programs are stood in for: `rustup`, since the toolchain
//! is there, and `cargo`, which hands `cargo xtask …` to the binary under test (with
//! `REHEARSE_WITH_CARGO=1` it is the real one, which takes as long as a build takes).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml::Value;

/// What the branch adds: it grants to a role that is nowhere.
const BROKEN: &str = "\
\"\"\"A migration that cannot be applied.\"\"\"
from alembic import op

revision = \"9999\"
down_revision = \"HEAD_REVISION\"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(\"GRANT SELECT ON admins TO nobody_here\")


def downgrade() -> None:
    pass
";

/// A runner in miniature.
struct Runner {
    folder: tempfile::TempDir,
    workflow: Value,
    base: String,
}

/// What came of a job.
#[derive(Default)]
struct Job {
    failed: bool,
    log: String,
    outputs: String,
    summary: String,
    artifacts: Vec<(String, String)>,
}

impl Runner {
    fn new() -> Runner {
        let runner = Runner {
            folder: tempfile::tempdir().unwrap(),
            workflow: Value::Null,
            base: String::new(),
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let clone = runner.clone();
        runner.git(&["clone", "--quiet", root.to_str().unwrap(), clone.to_str().unwrap()], &root);
        // What is not committed yet is rehearsed, too.
        let workflow = fs::read_to_string(root.join(".github/workflows/ci-pr.yml")).unwrap();
        fs::create_dir_all(clone.join(".github/workflows")).unwrap();
        fs::write(clone.join(".github/workflows/ci-pr.yml"), &workflow).unwrap();
        runner.commit("The base");
        let base = runner.git(&["rev-parse", "HEAD"], &clone);
        runner.programs();
        Runner {
            workflow: serde_yaml::from_str(&workflow).unwrap(),
            base: String::from_utf8(base.stdout).unwrap().trim().to_owned(),
            ..runner
        }
    }

    fn clone(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn git(&self, arguments: &[&str], folder: &Path) -> Output {
        let who =
            ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let output =
            Command::new("git").args(who).args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        output
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"], &self.clone());
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message], &self.clone());
    }

    /// Adds a revision to Console on top of its head.
    fn break_console(&self) {
        let versions = self.clone().join("console/migrations/versions");
        let names = fs::read_dir(&versions).unwrap().map(|e| e.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        let last = names.filter(|name| name.ends_with(".py")).max().unwrap();
        let head = last.split('_').next().unwrap();
        let text = BROKEN.replace("HEAD_REVISION", head);
        fs::write(versions.join("9999_breaks.py"), text).unwrap();
        self.commit("A migration that cannot be applied");
    }

    fn programs(&self) {
        let bin = self.folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let write = |name: &str, text: String| {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("rustup", "#!/bin/sh\nexit 0\n".to_owned());
        if std::env::var_os("REHEARSE_WITH_CARGO").is_none() {
            let (manifest, binary) = (self.clone().join("xtask"), env!("CARGO_BIN_EXE_xtask"));
            let manifest = manifest.display();
            write(
                "cargo",
                format!(
                    "#!/bin/sh\n[ $1 = build ] && exit 0\nshift\nCARGO_MANIFEST_DIR={manifest} exec {binary} \"$@\"\n"
                ),
            );
        }
    }

    /// Runs a job's steps in order, as the runner would.
    fn job(&self, id: &str) -> Job {
        let mut job = Job::default();
        for (number, step) in
            self.workflow["jobs"][id]["steps"].as_sequence().unwrap().iter().enumerate()
        {
            let goes_on = step["if"].as_str().is_some_and(|text| text.contains("cancelled()"));
            if job.failed && !goes_on {
                continue;
            }
            if let Some(script) = step["run"].as_str() {
                self.step(id, number, step, script, &mut job);
            } else if step["uses"]
                .as_str()
                .is_some_and(|uses| uses.starts_with("actions/upload-artifact@"))
            {
                self.upload(step, &mut job);
            }
        }
        job
    }

    fn step(&self, id: &str, number: usize, step: &Value, script: &str, job: &mut Job) {
        let file = |what: &str| self.folder.path().join(format!("{id}-{number}.{what}"));
        let [script_file, output, summary] = ["sh", "output", "summary"].map(file);
        for file in [&output, &summary] {
            fs::write(file, "").unwrap();
        }
        fs::write(&script_file, script).unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command
            .args(["-e", script_file.to_str().unwrap()])
            .current_dir(self.clone())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("HOME", std::env::var("HOME").unwrap_or_default())
            .envs(std::env::vars().filter(|(name, _)| leads_to_registries(name)))
            .envs(["CI", "GITHUB_ACTIONS"].map(|name| (name, "true")))
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_REPOSITORY", "example/monorepo")
            .env("GITHUB_RUN_ID", "7")
            .env("GITHUB_WORKSPACE", self.clone())
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_STEP_SUMMARY", &summary);
        for place in [&self.workflow["jobs"][id]["env"], &step["env"]] {
            for (name, value) in place.as_mapping().into_iter().flatten() {
                let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
                let is_base = value.contains("github.event.pull_request.base.sha");
                assert!(is_base || !value.contains("${{"), "teach the rehearsal about {value}");
                command.env(name, if is_base { &self.base } else { value });
            }
        }
        let said = command.output().unwrap();
        job.failed |= !said.status.success();
        for text in [&said.stderr, &said.stdout] {
            job.log.push_str(&String::from_utf8_lossy(text));
        }
        job.outputs += &fs::read_to_string(output).unwrap_or_default();
        job.summary += &fs::read_to_string(summary).unwrap_or_default();
    }

    fn upload(&self, step: &Value, job: &mut Job) {
        let folder = self.clone().join(step["with"]["path"].as_str().unwrap());
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let text = fs::read_to_string(entry.path()).unwrap();
            job.artifacts.push((entry.file_name().into_string().unwrap(), text));
        }
        job.artifacts.sort();
    }
}

/// Where packages come from is this machine's business, and no part of the rehearsal.
fn leads_to_registries(name: &str) -> bool {
    ["UV_", "PIP_", "SSL_CERT_"].iter().any(|start| name.starts_with(start))
}

#[test]
fn a_branch_that_breaks_a_migration_is_held_up_and_told_why() {
    let runner = Runner::new();
    assert_eq!(runner.job("detect-changes").outputs, "changed=false\nchanged=false\n");
    runner.break_console();
    assert_eq!(runner.job("detect-changes").outputs, "changed=true\nchanged=true\n");

    let job = runner.job("migration-gate");
    eprintln!("LOG\n{}\nSUMMARY\n{}\nARTIFACTS", job.log, job.summary);
    for (name, text) in &job.artifacts {
        eprintln!("--- {name}, {} bytes", text.len());
    }
    assert!(job.failed);
    let annotation = "::error file=console/migrations/versions/9999_breaks.py,line=11,title=MG";
    assert!(job.log.contains(annotation), "{}", job.log);
    assert!(job.log.contains("::group::Raptor — alembic upgrade head (round trip)\nPASS"));
    assert!(job.summary.starts_with("## ❌ The migration gate failed\n"), "{}", job.summary);
    assert!(job.summary.contains("role \"nobody_here\" does not exist"));
    let names: Vec<&str> = job.artifacts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["comment.md", "gate.sarif", "junit.xml", "report.json"]);
    let report: serde_json::Value = serde_json::from_str(&job.artifacts[3].1).unwrap();
    assert_eq!(report["verdict"], "fail");
}
