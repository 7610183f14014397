//! A repository for a copied tree, so that a replayed incident has the past that it had.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::os::interrupt::Interrupt;
use crate::os::process::{self, Limits};
use model::incident::Commit;

/// How long one call may take; it writes a few small files.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Repository of a replay; its first commit holds the tree before it broke.
pub struct ReplayRepo<'a> {
    top: Utf8PathBuf,
    interrupt: &'a Interrupt,
}

impl<'a> ReplayRepo<'a> {
    /// Makes one at the top of a copy, on `main`, of all files but those that later commits bring.
    pub fn of(
        top: &Utf8Path,
        later: &[Commit],
        interrupt: &'a Interrupt,
    ) -> Result<ReplayRepo<'a>> {
        let past = ReplayRepo { top: top.to_owned(), interrupt };
        past.run(&["init", "--quiet", "--initial-branch=main"])?;
        past.run(&["add", "--all"])?;
        let later: Vec<&str> = later.iter().flat_map(|c| &c.files).map(|f| f.as_str()).collect();
        if !later.is_empty() {
            let remove = ["rm", "--cached", "--quiet", "--ignore-unmatch", "--"];
            past.run(&[&remove[..], &later].concat())?;
        }
        past.add("The trees as they stood", "the monorepo", "2026-01-01")?;
        Ok(past)
    }

    /// Commits files as they are now.
    pub fn commit(&self, commits: &[Commit]) -> Result<()> {
        for commit in commits {
            let files: Vec<&str> = commit.files.iter().map(|file| file.as_str()).collect();
            self.run(&[&["add", "--all", "--"], &files[..]].concat())?;
            self.add(&commit.subject, &commit.author, &commit.date)?;
        }
        Ok(())
    }

    fn add(&self, subject: &str, author: &str, date: &str) -> Result<()> {
        let author = format!("--author={author} <>");
        let date = format!("--date={date}T12:00:00Z");
        self.run(&["commit", "--quiet", "--no-verify", "--message", subject, &author, &date])
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=replay", "-c", "user.email=", "-c", "commit.gpgsign=false"]);
        command.args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"]).args(arguments);
        // Nothing of the caller's environment: the replay may run in a hook of another repository.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        let limits = Limits { cwd: &self.top, timeout: TIMEOUT, interrupt: self.interrupt };
        process::run(command, limits).context("cannot make the git history of the copy")?;
        Ok(())
    }
}
