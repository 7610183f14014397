//! What git knows: the base branch's files, and what this change did to them.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::interrupt::Interrupt;
use super::process::{self, Limits};
use model::files::{Arrival, Base, Changed};

/// How long one call may take; it reads local files alone.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The branches that a change is measured against where none is named, in this order.
const BASES: [&str; 2] = ["origin/main", "main"];

/// A repository.
pub struct Git<'a> {
    /// Its top folder.
    top: Utf8PathBuf,
    /// The root that files are shown relative to.
    root: &'a Utf8Path,
    /// Where this history left the first of the usual branches.
    left: Option<String>,
    interrupt: &'a Interrupt,
}

impl<'a> Git<'a> {
    /// The repository that holds `folder`; `None` where there is none, or no git. Its files are
    /// shown relative to `root`.
    pub fn at(
        folder: &Utf8Path,
        root: &'a Utf8Path,
        interrupt: &'a Interrupt,
    ) -> Result<Option<Git<'a>>> {
        if which::which("git").is_err() || !folder.is_dir() {
            return Ok(None);
        }
        let git = Git { top: folder.to_owned(), root, left: None, interrupt };
        // One call for both, since each costs as much as reading some revisions. Without that branch
        // it fails, but has named the top by then; `^` marks the merge base.
        let fork = format!("{}...HEAD", BASES[0]);
        let arguments = ["rev-parse", "--show-toplevel", fork.as_str()];
        let said = process::run_unchecked(git.command(&arguments), git.limits())?;
        let mut lines = said.stdout.lines();
        let Some(top) = lines.next() else { return Ok(None) };
        let left = lines.find_map(|line| line.strip_prefix('^')).map(str::to_owned);
        Ok(Some(Git { top: top.into(), left, ..git }))
    }

    /// The base branch, as far as these folders go. Where `since` is not given: the merge base with
    /// the usual branches, and `None` where there is none of them. Fails where there is no `since`.
    pub fn base(&self, since: Option<&str>, folders: &[Utf8PathBuf]) -> Result<Option<Base>> {
        let Some((name, commit, is_merge_base)) = self.base_commit(since)? else {
            return Ok(None);
        };
        let folders: Vec<&str> = folders
            .iter()
            .filter_map(|folder| folder.strip_prefix(&self.top).ok())
            .map(|folder| if folder == "" { "." } else { folder.as_str() })
            .collect();
        if folders.is_empty() {
            return Ok(None);
        }
        let list = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", &commit, "--"];
        let (files, diff) = thread::scope(|scope| {
            let diff = scope.spawn(|| self.diff(&commit, &folders));
            let files = self.run(&[&list[..], &folders].concat());
            (files, diff.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (files, diff) = (files?, diff?);
        let files: BTreeSet<Utf8PathBuf> = fields(&files).map(|file| self.shown(file)).collect();
        let ours = if is_merge_base { None } else { self.changed_by_us(&commit, &folders)? };
        let mut changed = Vec::new();
        let mut fields = fields(&diff);
        while let (Some(status), Some(file)) = (fields.next(), fields.next()) {
            if status == "A" || !file.ends_with(".py") {
                continue;
            }
            let before = self.run(&["cat-file", "blob", &format!("{commit}:{file}")])?;
            let by_us = ours.as_ref().is_none_or(|ours| ours.contains(file));
            changed.push(Changed { file: self.shown(file), before, gone: status == "D", by_us });
        }
        Ok(Some(Base { name, files, changed }))
    }

    /// How these folders' files came into the history that this one stands on. A file that is in no
    /// commit is not among them, nor one that came before a history that was cut off begins.
    pub fn arrivals(&self, folders: &[Utf8PathBuf]) -> Result<HashMap<Utf8PathBuf, Arrival>> {
        let folders: Vec<&str> = folders
            .iter()
            .filter_map(|f| f.strip_prefix(&self.top).ok())
            .map(Utf8Path::as_str)
            .collect();
        if self.line(&["rev-parse", "--verify", "--quiet", "HEAD"])?.is_none() {
            // Nothing was ever committed here.
            return Ok(HashMap::new());
        }
        // The first parent's side of a merge is the branch that it was merged into.
        let log = ["log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--reverse"];
        let format = ["--format=%x01%h%x02%cs%x02%an%x02%s", "--name-only", "-z", "HEAD", "--"];
        let log = self.run(&[&log[..], &format, &folders].concat())?;
        let (mut arrivals, mut last) = (HashMap::new(), Arrival::default());
        for field in fields(&log) {
            let field = field.trim_start_matches('\n');
            if let Some(commit) = field.strip_prefix('\u{1}') {
                let mut parts = commit.split('\u{2}').map(|part| part.trim().to_owned());
                let mut part = || parts.next().unwrap_or_default();
                let (commit, day, author, subject) = (part(), part(), part(), part());
                last = Arrival { order: last.order + 1, commit, day, author, subject };
            } else {
                arrivals.insert(self.shown(field), last.clone());
            }
        }
        // Where it was cut off, everything seems to come at once.
        if self.is_shallow()? {
            arrivals.retain(|_, arrival| arrival.order > 1);
        }
        Ok(arrivals)
    }

    /// Those of these files that have changes which are in no commit. New files have none: what
    /// they hold is nowhere else, and is only moved.
    pub fn dirty(&self, files: &[Utf8PathBuf]) -> Result<Vec<Utf8PathBuf>> {
        let files: Vec<String> =
            files.iter().map(|file| self.root.join(file).into_string()).collect();
        let status = ["status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--"];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let status = self.run(&[&status[..], &files].concat())?;
        let is_dirty = |field: &&str| !field.starts_with("A ");
        Ok(fields(&status)
            .filter(is_dirty)
            .filter_map(|field| Some(self.shown(field.get(3..)?)))
            .collect())
    }

    /// The name of what this stands on where no `--since` is given, if there is any, and whether
    /// the history was cut off when it was fetched.
    pub fn default_base(&self) -> Result<(Option<String>, bool)> {
        let base = self.base_commit(None)?.map(|(name, _, _)| name);
        Ok((base, self.is_shallow()?))
    }

    fn is_shallow(&self) -> Result<bool> {
        Ok(self.line(&["rev-parse", "--is-shallow-repository"])?.as_deref() == Some("true"))
    }

    /// The root's place in the repository, for a patch that is applied at its top.
    pub fn prefix(&self) -> Utf8PathBuf {
        self.root.strip_prefix(&self.top).unwrap_or("".into()).to_owned()
    }

    /// What was changed since this change left the base branch; `None`: all that differs from it.
    fn changed_by_us(&self, commit: &str, folders: &[&str]) -> Result<Option<BTreeSet<String>>> {
        let left = self.line(&["merge-base", "HEAD", commit])?;
        let Some(left) = left.filter(|left| left != commit) else { return Ok(None) };
        let diff = self.diff(&left, folders)?;
        Ok(Some(fields(&diff).skip(1).step_by(2).map(str::to_owned).collect()))
    }

    /// Pairs of a status and a file that differs from what it is in a commit.
    fn diff(&self, commit: &str, folders: &[&str]) -> Result<Vec<u8>> {
        let diff = ["diff", "--name-status", "-z", "--no-renames", "--no-ext-diff", commit, "--"];
        self.run(&[&diff[..], folders].concat())
    }

    /// The name and the commit of the base branch, and whether this change is known to stand on it.
    fn base_commit(&self, since: Option<&str>) -> Result<Option<(String, String, bool)>> {
        if let Some(since) = since {
            let commit = format!("{since}^{{commit}}");
            let commit =
                self.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])?;
            let Some(commit) = commit else {
                bail!(
                    "cannot find `{since}`, named by --since, in the repository {}\n\
                     hint: name a branch, a tag or a commit; in a shallow clone fetch it first",
                    self.top
                );
            };
            return Ok(Some((since.to_owned(), commit, false)));
        }
        if let Some(commit) = &self.left {
            return Ok(Some((BASES[0].to_owned(), commit.clone(), true)));
        }
        let commit = self.line(&["merge-base", "HEAD", BASES[1]])?;
        Ok(commit.map(|commit| (BASES[1].to_owned(), commit, true)))
    }

    /// The base branch, and the files that this change touches, absolute: what it added, what it took
    /// away, and what is in no commit yet. `None` where there is no base.
    pub fn touched(&self, since: Option<&str>) -> Result<Option<(String, Vec<Utf8PathBuf>)>> {
        let Some((name, commit, _)) = self.base_commit(since)? else { return Ok(None) };
        // What the base branch did since is not this change's.
        let left = self.line(&["merge-base", "HEAD", &commit])?.unwrap_or(commit);
        let diff = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", &left, "--"];
        let new = ["ls-files", "-z", "--others", "--exclude-standard", "--full-name"];
        let (diff, new) = (self.run(&diff)?, self.run(&new)?);
        let files = fields(&diff).chain(fields(&new)).map(|file| self.top.join(file)).collect();
        Ok(Some((name, files)))
    }

    /// What this change stands on, as [`Git::base`] would find it: the base branch with its commit,
    /// and where this change left it. `None` where there is no base.
    pub fn standing(&self, since: Option<&str>) -> Result<Option<String>> {
        let Some((name, commit, _)) = self.base_commit(since)? else { return Ok(None) };
        let left = match since {
            Some(_) => self.line(&["merge-base", "HEAD", &commit])?,
            None => None,
        };
        Ok(Some(format!("{name} {commit} {}", left.unwrap_or_default())))
    }

    /// A file as it is shown to people.
    fn shown(&self, file: &str) -> Utf8PathBuf {
        let absolute = self.top.join(file);
        absolute.strip_prefix(self.root).map(Utf8Path::to_owned).unwrap_or(absolute)
    }

    /// The first line that a call prints; `None` where it ends with a status other than 0.
    fn line(&self, arguments: &[&str]) -> Result<Option<String>> {
        let said = process::run_unchecked(self.command(arguments), self.limits())?;
        let line = said.stdout.lines().next().map(str::to_owned);
        Ok(line.filter(|_| said.status.success()))
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        process::output(self.command(arguments), self.limits())
            .with_context(|| format!("cannot read the repository {}", self.top))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(["--literal-pathspecs", "-c", "core.fsmonitor=false"]).args(arguments);
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
        command
    }

    fn limits(&self) -> Limits<'_> {
        Limits { cwd: &self.top, timeout: TIMEOUT, interrupt: self.interrupt }
    }
}

/// The fields of an answer that ends each with a NUL. A name that is no UTF-8 is left out: no
/// revision that the gate can read has one.
fn fields(answer: &[u8]) -> impl Iterator<Item = &str> {
    answer
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty())
        .filter_map(|field| std::str::from_utf8(field).ok())
}
