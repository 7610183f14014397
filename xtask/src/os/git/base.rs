//! The base that a change is compared with: its name, its commit, and its files in the folders of the
//! trees.

use std::collections::{BTreeSet, HashMap};
use std::thread;

use anyhow::{Result, bail};
use camino::Utf8PathBuf;

use super::repository::{Git, PARTIAL, fields, words};
use model::files::{Ahead, Base, Changed};
use model::report::Comparison;

/// Where the default branch is looked for that a change is measured against where none is named, in
/// this order. A fork's own copy of it may lag behind, so that of the repository it was forked from is
/// first.
const SPACES: [&str; 3] = ["refs/remotes/upstream", "refs/remotes/origin", "refs/heads"];
/// Usual names of the default branch, for remotes that do not say it.
pub(super) const USUAL: [&str; 2] = ["main", "master"];

/// Hint for a shallow clone.
const SHALLOW: &str = "this clone is shallow: `git fetch --unshallow`, in CI `fetch-depth: 0`, brings \
                       what it lacks";

/// A base that was found.
#[derive(Clone, Debug)]
pub struct FoundBase {
    /// As a reader knows it: `origin/main`.
    pub name: String,
    /// The commit to compare with: where this change left the base, or the one that `--since`
    /// names.
    pub commit: String,
    /// The last commit of the branch, where `commit` is where this change left it.
    tip: Option<String>,
}

impl FoundBase {
    /// The last commit of the base, as far as it is here.
    pub(super) fn tip(&self) -> &str {
        self.tip.as_ref().unwrap_or(&self.commit)
    }

    /// The base as a report tells it.
    pub fn told(&self) -> Comparison {
        Comparison {
            rev: Some(self.name.clone()),
            commit: Some(self.commit.clone()),
            ..Comparison::default()
        }
    }
}

impl Git<'_> {
    /// The base: `since`, else where this change left the first of the usual branches, or why there
    /// is none. Fails where `since` names nothing.
    pub fn find_base(&self, since: Option<&str>) -> Result<Result<FoundBase, String>> {
        if let Some(since) = since {
            let commit = format!("{since}^{{commit}}");
            let said = self.ask(&["rev-parse", "--verify", "--end-of-options", &commit])?;
            let way_out = match self.shallow {
                true => SHALLOW.to_owned(),
                false => "name a branch, a tag or a commit that is here".to_owned(),
            };
            let Some(commit) = said.stdout.lines().last().filter(|_| said.status.success()) else {
                bail!(
                    "cannot find `{since}`, named by --since, in the repository {}: {}\n\
                     hint: {way_out}",
                    self.top,
                    words(&said)
                );
            };
            let (name, commit) = (since.to_owned(), commit.to_owned());
            return Ok(Ok(FoundBase { name, commit, tip: None }));
        }
        let candidates = self.default_branches()?;
        for (name, tip) in &candidates {
            if let Some(commit) = self.line(&["merge-base", "HEAD", tip])? {
                let tip = Some(tip.clone());
                return Ok(Ok(FoundBase { name: name.clone(), commit, tip }));
            }
            if self.shallow {
                return Ok(Err(format!("where this change left {name} is not here; {SHALLOW}")));
            }
        }
        Ok(Err(match (candidates.first(), self.shallow) {
            (Some((name, _)), _) => format!("this change and {name} have no commit in common"),
            (None, true) => format!("no default branch is here; {SHALLOW}"),
            (None, false) => "there is neither an origin/HEAD nor an origin/main, origin/master, \
                              main or master here; `git remote set-head origin --auto` asks the \
                              remote for its default branch, or name a base with --since"
                .to_owned(),
        }))
    }

    /// The usual branches that are here, with their last commits.
    pub fn default_branches(&self) -> Result<Vec<(String, String)>> {
        let bases = self.names_of_bases()?;
        let list = ["for-each-ref", "--format=%(refname) %(objectname) %(symref:lstrip=2)"];
        let refs: Vec<&str> = bases.iter().map(String::as_str).collect();
        let said = self.run(&[&list[..], &refs].concat())?;
        let said = String::from_utf8_lossy(&said);
        let mut found: Vec<(usize, (String, String))> = said
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                let (name, tip) = (words.next()?, words.next()?);
                let order = bases.iter().position(|base| base == name)?;
                let symbolic = words.next().filter(|target| !target.is_empty());
                let short = name.splitn(3, '/').last().unwrap_or(name);
                Some((order, (symbolic.unwrap_or(short).to_owned(), tip.to_owned())))
            })
            .collect();
        found.sort();
        found.dedup_by(|a, b| a.1 == b.1);
        Ok(found.into_iter().map(|(_, branch)| branch).collect())
    }

    /// The names that default branches may have here, in the order in which they are tried: a fork calls
    /// its own as the repository that it was forked from does.
    fn names_of_bases(&self) -> Result<Vec<String>> {
        let of_origin = self.default_names("refs/remotes/origin/HEAD")?;
        let mut names = Vec::new();
        for space in SPACES {
            let head = (space != "refs/heads").then_some("HEAD");
            let own = of_origin.iter().map(String::as_str);
            let all = head.into_iter().chain(own).chain(USUAL);
            names.extend(all.map(|name| format!("{space}/{name}")));
        }
        Ok(names)
    }

    /// The remote's name for its default branch; `None`: nothing here says it.
    pub fn default_name(&self) -> Result<Option<String>> {
        for space in SPACES {
            let name = self.default_names(&format!("{space}/HEAD"))?.into_iter().next();
            if name.is_some() {
                return Ok(name);
            }
        }
        Ok(None)
    }

    /// The remotes' names for the default branches to which these symbolic references point.
    pub(super) fn default_names(&self, heads: &str) -> Result<Vec<String>> {
        let said = self.run(&["for-each-ref", "--format=%(symref:lstrip=3)", heads])?;
        let said = String::from_utf8_lossy(&said);
        Ok(said.lines().filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// That the repository which this one was forked from is here, and its default branch is not.
    pub fn unknown_upstream(&self) -> Result<Option<String>> {
        let is_upstream = |name: &String| name.starts_with(SPACES[0]);
        let known: Vec<String> = self.names_of_bases()?.into_iter().filter(is_upstream).collect();
        let list = ["for-each-ref", "--format=%(refname)", SPACES[0]];
        let said = self.run(&list)?;
        let said = String::from_utf8_lossy(&said);
        let is_known = |name: &str| known.iter().any(|known| known == name);
        let unknown = !said.is_empty() && !said.lines().any(is_known);
        Ok(unknown.then(|| {
            "which branch of upstream is its default is not known here: `git remote set-head upstream \
             --auto` asks it"
                .to_owned()
        }))
    }

    /// The files of a base in these folders, with the changes of this branch and of the base since;
    /// and a reason for each part that cannot be read.
    pub fn files_of(
        &self,
        base: &FoundBase,
        folders: &[Utf8PathBuf],
    ) -> Result<(Base, Option<String>)> {
        let mut of_base = Base { name: base.name.clone(), ..Base::default() };
        let folders = self.below_top(folders);
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        if folders.is_empty() {
            return Ok((of_base, None));
        }
        let commit = base.commit.as_str();
        let list = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--"];
        let (files, diff) = thread::scope(|scope| {
            let diff = scope.spawn(|| self.diff(commit, &folders));
            let files = self.run(&[&list[..], &folders].concat());
            (files, diff.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (files, diff) = (files?, diff?);
        of_base.files = fields(&files).map(|file| self.shown(file)).collect();
        let changed = pairs(&diff).filter(|(status, file)| *status != "A" && file.ends_with(".py"));
        let changed: Vec<_> = changed.collect();
        let ahead = self.ahead(base, &folders)?;
        let tip = base.tip.as_deref().unwrap_or_default();
        let there = ahead.iter().filter(|(gone, _)| !gone);
        let wanted = changed.iter().map(|(_, file)| format!("{commit}:{file}"));
        let wanted = wanted.chain(there.map(|(_, file)| format!("{tip}:{file}")));
        let wanted: Vec<String> = wanted.collect();
        let mut blobs: HashMap<&String, Vec<u8>> = wanted
            .iter()
            .zip(self.objects(&wanted)?)
            .filter_map(|(name, bytes)| Some((name, bytes?)))
            .collect();
        let missing = wanted.len() - blobs.len();
        let ours = match base.tip {
            Some(_) => None,
            None => self.changed_by_us(commit, &folders)?,
        };
        for (status, file) in changed {
            let Some(before) = blobs.remove(&format!("{commit}:{file}")) else { continue };
            let by_us = ours.as_ref().is_none_or(|ours| ours.contains(file));
            let (file, gone) = (self.shown(file), status == "D");
            of_base.changed.push(Changed { file, before, gone, by_us });
        }
        for (gone, file) in ahead {
            let bytes = blobs.remove(&format!("{tip}:{file}"));
            if gone || bytes.is_some() {
                of_base.ahead.push(Ahead { file: self.shown(&file), bytes });
            }
        }
        let missing = (missing > 0).then(|| {
            format!("files of it that are not here, and were left out: {missing}; {PARTIAL}")
        });
        Ok((of_base, missing))
    }

    /// Files that the base branch changed since this change left it, and whether they are gone.
    fn ahead(&self, base: &FoundBase, folders: &[&str]) -> Result<Vec<(bool, String)>> {
        let commit = base.commit.as_str();
        let Some(tip) = base.tip.as_deref().filter(|tip| *tip != commit) else {
            return Ok(Vec::new());
        };
        let diff = ["diff-tree", "-r", "-z", "--name-status", "--no-renames", commit, tip, "--"];
        let said = self.run(&[&diff[..], folders].concat())?;
        let files = pairs(&said).filter(|(_, file)| file.ends_with(".py"));
        Ok(files.map(|(status, file)| (status == "D", file.to_owned())).collect())
    }

    /// Files that this branch changed since it left the base; `None`: all that differ from the
    /// base.
    fn changed_by_us(&self, commit: &str, folders: &[&str]) -> Result<Option<BTreeSet<String>>> {
        let left = self.line(&["merge-base", "HEAD", commit])?;
        let Some(left) = left.filter(|left| left != commit) else { return Ok(None) };
        let diff = self.diff(&left, folders)?;
        Ok(Some(pairs(&diff).map(|(_, file)| file.to_owned()).collect()))
    }

    /// Pairs of a status and a file that differs from a commit.
    fn diff(&self, commit: &str, folders: &[&str]) -> Result<Vec<u8>> {
        let diff = ["diff", "--name-status", "-z", "--no-renames", "--no-ext-diff", commit, "--"];
        self.run_unfiltered(&[&diff[..], folders].concat())
    }

    /// The base, and the files that this change touches, absolute: those that it added or removed,
    /// and those in no commit yet. Or why there is no base.
    pub fn touched(
        &self,
        since: Option<&str>,
    ) -> Result<Result<(Comparison, Vec<Utf8PathBuf>), String>> {
        let base = match self.find_base(since)? {
            Ok(base) => base,
            Err(why) => return Ok(Err(why)),
        };
        // Later changes of the base branch are not this change's.
        let left = self.line(&["merge-base", "HEAD", &base.commit])?;
        let left = left.unwrap_or_else(|| base.commit.clone());
        let diff = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", &left, "--"];
        let new = ["ls-files", "-z", "--others", "--exclude-standard", "--full-name"];
        let (diff, new) = (self.run_unfiltered(&diff)?, self.run(&new)?);
        let files = fields(&diff).chain(fields(&new)).map(|file| self.top.join(file)).collect();
        Ok(Ok((base.told(), files)))
    }
}

/// The pairs of an answer: a status and a file.
fn pairs(answer: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut fields = fields(answer);
    std::iter::from_fn(move || Some((fields.next()?, fields.next()?)))
}
