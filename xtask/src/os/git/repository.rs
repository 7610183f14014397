//! Repository that holds a tree, asked through the `git` command.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::os::interrupt::Interrupt;
use crate::os::process::{self, CommandOutput, Limits};

/// How long one call may take; it reads local files alone.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The caller's variables that git sees: where its programs and its settings are, and by whom a
/// repository may be owned under `sudo`.
const PASSED: [&str; 6] =
    ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "SUDO_UID", "DEVELOPER_DIR"];

/// Hint for a partial clone.
pub const PARTIAL: &str =
    "in a partial clone, `git fetch --refetch --no-filter` brings what it lacks";

/// A repository.
pub struct Git<'a> {
    /// Its top folder.
    pub(super) top: Utf8PathBuf,
    /// The root that files are shown relative to.
    pub(super) root: &'a Utf8Path,
    /// Whether its history was cut off when it was fetched.
    pub(super) shallow: bool,
    /// The options that switch the filters off which the settings define.
    unfiltered: OnceLock<Vec<String>>,
    pub(super) interrupt: &'a Interrupt,
}

impl<'a> Git<'a> {
    /// The repository that holds `folder`, or why there is none, in git's own words. Its files are
    /// shown relative to `root`.
    pub fn at(
        folder: &Utf8Path,
        root: &'a Utf8Path,
        interrupt: &'a Interrupt,
    ) -> Result<Result<Git<'a>, String>> {
        if which::which("git").is_err() {
            return Ok(Err("there is no `git` on PATH".to_owned()));
        }
        if !folder.is_dir() {
            return Ok(Err(format!("there is no folder {folder}")));
        }
        let (top, unfiltered) = (folder.to_owned(), OnceLock::new());
        let git = Git { top, root, shallow: false, unfiltered, interrupt };
        let said = git.ask(&["rev-parse", "--show-toplevel", "--is-shallow-repository"])?;
        let mut lines = said.stdout.lines();
        match (said.status.success(), lines.next()) {
            (true, Some(top)) => {
                let shallow = lines.next() == Some("true");
                Ok(Ok(Git { top: top.into(), shallow, ..git }))
            }
            _ => Ok(Err(words(&said))),
        }
    }

    /// Those of these files that have uncommitted changes. Untracked files are not among them: they
    /// are only moved, with their content.
    pub fn dirty(&self, files: &[Utf8PathBuf]) -> Result<Vec<Utf8PathBuf>> {
        self.changed_of(files, "--untracked-files=no", |state| state != "A ")
    }

    /// Those of these files that hold something which is in no commit.
    pub fn uncommitted(&self, files: &[Utf8PathBuf]) -> Result<Vec<Utf8PathBuf>> {
        self.changed_of(files, "--untracked-files=all", |_| true)
    }

    fn changed_of(
        &self,
        files: &[Utf8PathBuf],
        untracked: &str,
        counts: impl Fn(&str) -> bool,
    ) -> Result<Vec<Utf8PathBuf>> {
        let files: Vec<String> =
            files.iter().map(|file| self.root.join(file).into_string()).collect();
        let status = ["status", "--porcelain", "-z", untracked, "--no-renames", "--"];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let status = self.run_unfiltered(&[&status[..], &files].concat())?;
        Ok(fields(&status)
            .filter(|field| field.get(..2).is_some_and(&counts))
            .filter_map(|field| Some(self.shown(field.get(3..)?)))
            .collect())
    }

    /// How many files of these folders are in the index and left out of a sparse checkout.
    pub fn not_checked_out(&self, folders: &[Utf8PathBuf]) -> Result<usize> {
        let folders = self.below_top(folders);
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        if folders.is_empty() {
            return Ok(0);
        }
        let said = self.run(&[&["ls-files", "-t", "-z", "--"][..], &folders].concat())?;
        let left_out = |field: &&str| field.starts_with("S ") && field.ends_with(".py");
        Ok(fields(&said).filter(left_out).count())
    }

    /// A file as it is named at the top of the repository, for a patch that is applied there.
    pub fn below(&self, file: &Utf8Path) -> Utf8PathBuf {
        let absolute = self.root.join(file);
        absolute.strip_prefix(&self.top).map(Utf8Path::to_owned).unwrap_or(absolute)
    }

    /// Folders as git names them, those that lie in the repository.
    pub(super) fn below_top(&self, folders: &[Utf8PathBuf]) -> Vec<String> {
        let below = folders.iter().filter_map(|folder| folder.strip_prefix(&self.top).ok());
        below.map(|folder| if folder == "" { "." } else { folder.as_str() }.to_owned()).collect()
    }

    /// A file as it is shown to people.
    pub(super) fn shown(&self, file: &str) -> Utf8PathBuf {
        let absolute = self.top.join(file);
        absolute.strip_prefix(self.root).map(Utf8Path::to_owned).unwrap_or(absolute)
    }

    /// The first line that a call prints; `None` where it ends with a status other than 0.
    pub(super) fn line(&self, arguments: &[&str]) -> Result<Option<String>> {
        let said = self.ask(arguments)?;
        let line = said.stdout.lines().next().map(str::to_owned);
        Ok(line.filter(|_| said.status.success()))
    }

    /// The output of a call, however it ends.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<CommandOutput> {
        process::run_unchecked(self.command(arguments), self.limits())
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        process::output(self.command(arguments), self.limits())
            .with_context(|| format!("cannot read the repository {}", self.top))
    }

    /// As [`Git::run`], for calls that look at the files of the checkout.
    pub(super) fn run_unfiltered(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let off = match self.unfiltered.get() {
            Some(off) => off,
            None => {
                let off = self.filters_off()?;
                self.unfiltered.get_or_init(|| off)
            }
        };
        let off: Vec<&str> = off.iter().map(String::as_str).collect();
        self.run(&[&off, arguments].concat())
    }

    /// `.gitattributes` of a checkout choose among the filters that the settings define, and these
    /// are programs.
    pub(super) fn filters_off(&self) -> Result<Vec<String>> {
        let list = ["config", "-z", "--name-only", "--get-regexp", "^filter\\."];
        let said = self.ask(&list)?;
        let drivers = said.stdout.split('\0').filter_map(|name| name.rsplit_once('.'));
        let drivers: BTreeSet<&str> = drivers.map(|(driver, _)| driver).collect();
        let options = ["clean=", "smudge=", "process=", "required=false"];
        Ok(drivers
            .iter()
            .flat_map(|driver| options.map(|option| format!("{driver}.{option}")))
            .flat_map(|option| ["-c".to_owned(), option])
            .collect())
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(PASSED.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((name, value))
        }));
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
        // A partial clone would fetch missing blobs.
        command.env("GIT_NO_LAZY_FETCH", "1");
        let hooks_off = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
        command.arg("--literal-pathspecs").args(hooks_off).args(arguments);
        command
    }

    pub(super) fn limits(&self) -> Limits<'_> {
        Limits { cwd: &self.top, timeout: TIMEOUT, interrupt: self.interrupt }
    }
}

/// Git's own words of why it could not do something, with the way out of a clone that lacks objects.
/// Any other error goes on.
pub fn refusal(err: anyhow::Error) -> Result<String> {
    let Some(failed) = err.downcast_ref::<process::CommandFailed>() else { return Err(err) };
    let words = failed.output.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(format!("{words}; {PARTIAL}"))
}

/// The fields of an answer that ends each with a NUL. A name that is no UTF-8 keeps its place and is
/// no name: no revision that the gate can read has one.
pub(super) fn fields(answer: &[u8]) -> impl Iterator<Item = &str> {
    answer
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty())
        .map(|field| std::str::from_utf8(field).unwrap_or("\u{fffd}"))
}

/// Git's error in one line, without its prefix and without the place where it stopped looking.
pub(super) fn words(said: &CommandOutput) -> String {
    let told = said.stderr.lines().filter(|line| !line.starts_with("Stopping at filesystem"));
    let words = told.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let words = words.strip_prefix("fatal: ").unwrap_or(&words).trim_end_matches('.').to_owned();
    if words.is_empty() { format!("git ended with {}", said.status) } else { words }
}
