//! Other branches, and the files that they add below some folders. Only what was fetched is looked at,
//! and of each branch only the trees of these folders and the files that nobody else has.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use super::base::Found;
use super::repository::Git;

/// Where other branches and pull requests are kept.
const OTHERS: [&str; 4] =
    ["refs/remotes", "refs/pull", "refs/pull-requests", "refs/merge-requests"];

/// Another branch.
pub struct Branch {
    /// Its name: `origin/feat/alpha`.
    pub name: String,
    /// Who made its last commit.
    pub author: String,
    /// And on which day.
    pub day: String,
    /// The files that it adds, with their bytes.
    pub adds: Vec<(Utf8PathBuf, Vec<u8>)>,
    commit: String,
}

/// Files below a folder: their names and the ids of their blobs.
type Files = Vec<(String, String)>;

impl Git<'_> {
    /// The branches that add files below these folders, and are neither in this one nor in the base.
    pub fn other_branches(
        &self,
        base: Option<&Found>,
        folders: &[Utf8PathBuf],
    ) -> Result<Vec<Branch>> {
        let folders = self.below_top(folders);
        let mut branches = self.unmerged(base)?;
        let tip = base.map(|base| base.tip().to_owned());
        let commits = branches.iter().map(|branch| branch.commit.clone());
        let commits: Vec<String> = commits.chain(tip).collect();
        let mut files = self.files_below(&commits, &folders)?;
        let known = if base.is_some() { files.pop().unwrap_or_default() } else { Vec::new() };
        let known: HashSet<&String> = known.iter().map(|(file, _)| file).collect();
        for files in &mut files {
            files.retain(|(file, _)| !known.contains(file) && file.ends_with(".py"));
        }
        self.drop_stale(&branches, &mut files, base)?;
        let ids: HashSet<&String> = files.iter().flatten().map(|(_, id)| id).collect();
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let blobs: HashMap<&String, Option<Vec<u8>>> =
            ids.iter().zip(self.objects(&ids)?).collect();
        for (branch, files) in branches.iter_mut().zip(&files) {
            let with_bytes = |(file, id): &(String, String)| {
                let bytes = blobs.get(id)?.clone()?;
                Some((self.shown(file), bytes))
            };
            branch.adds = files.iter().filter_map(with_bytes).collect();
        }
        branches.retain(|branch| !branch.adds.is_empty());
        Ok(branches)
    }

    /// The branches that are neither in this one nor in the base, without this one's own copy.
    fn unmerged(&self, base: Option<&Found>) -> Result<Vec<Branch>> {
        let format = "--format=%(refname)%00%(objectname)%00%(symref)%00%(authorname)%00\
                      %(committerdate:short)";
        let unmerged = ["HEAD"].into_iter().chain(base.map(Found::tip));
        let unmerged: Vec<String> =
            unmerged.map(|commit| format!("--no-merged={commit}")).collect();
        let unmerged: Vec<&str> = unmerged.iter().map(String::as_str).collect();
        let said = self.run(&[&["for-each-ref", format][..], &unmerged, &OTHERS].concat())?;
        let own = self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        let own = own.or_else(|| std::env::var("GITHUB_HEAD_REF").ok().filter(|r| !r.is_empty()));
        let is_own = |name: &str| {
            let short = name.strip_prefix("refs/remotes/").and_then(|name| name.split_once('/'));
            own.is_some() && short.map(|(_, branch)| branch) == own.as_deref()
        };
        let said = String::from_utf8_lossy(&said);
        let mut seen = HashSet::new();
        let branches = said.lines().filter_map(|line| {
            let mut fields = line.split('\0').map(str::to_owned);
            let (name, commit, target) = (fields.next()?, fields.next()?, fields.next()?);
            let (author, day) = (fields.next()?, fields.next()?);
            let fits = target.is_empty() && !is_own(&name) && seen.insert(commit.clone());
            let short = name.strip_prefix("refs/remotes/").or(name.strip_prefix("refs/"))?;
            let name = short.to_owned();
            fits.then_some(Branch { name, author, day, adds: Vec::new(), commit })
        });
        Ok(branches.collect())
    }

    /// The files of commits below these folders. A tree that several have is read once.
    fn files_below(&self, commits: &[String], folders: &[String]) -> Result<Vec<Files>> {
        let place = |commit: &String, folder: &String| match folder.as_str() {
            "." => format!("{commit}^{{tree}}"),
            folder => format!("{commit}:{folder}"),
        };
        let each = |commit| folders.iter().map(move |folder| place(commit, folder));
        let names: Vec<String> = commits.iter().flat_map(each).collect();
        let ids = self.ids(&names)?;
        let mut trees: HashMap<String, Vec<(bool, String, String)>> = HashMap::new();
        let mut wanted: Vec<String> = ids.iter().flatten().cloned().collect();
        while !wanted.is_empty() {
            wanted.sort();
            wanted.dedup();
            let contents = self.objects(&wanted)?;
            for (id, bytes) in wanted.iter().zip(contents) {
                trees.insert(id.clone(), entries(&bytes.unwrap_or_default(), id.len() / 2));
            }
            let below = trees.values().flatten().filter(|(is_tree, _, _)| *is_tree);
            let below = below.map(|(_, _, id)| id).filter(|id| !trees.contains_key(*id));
            wanted = below.cloned().collect();
        }
        let of = |ids: &[Option<String>]| {
            let mut files = Vec::new();
            for (id, folder) in ids.iter().zip(folders) {
                let folder = Utf8Path::new(if folder == "." { "" } else { folder });
                id.iter().for_each(|id| collect(&trees, id, folder, &mut files));
            }
            files
        };
        Ok(ids.chunks(folders.len().max(1)).map(of).collect())
    }

    /// Drops what a branch has only because it was cut before the base removed it.
    fn drop_stale(
        &self,
        branches: &[Branch],
        files: &mut [Files],
        base: Option<&Found>,
    ) -> Result<()> {
        let Some(base) = base else { return Ok(()) };
        let with_files =
            branches.iter().zip(files.iter_mut()).filter(|(_, files)| !files.is_empty());
        let mut with_files: Vec<_> = with_files.collect();
        let commits = with_files.iter().map(|(branch, _)| branch.commit.clone());
        let commits: Vec<String> = commits.chain([format!("^{}", base.tip())]).collect();
        let parents = self.parents(&commits)?;
        let mut asked = Vec::new();
        for (branch, files) in &with_files {
            let left = left(&parents, &branch.commit);
            let each = |(file, _): &(String, String)| {
                left.iter().map(|commit| format!("{commit}:{file}")).collect::<Vec<_>>()
            };
            asked.push(files.iter().map(each).collect::<Vec<_>>());
        }
        let names: Vec<String> = asked.iter().flatten().flatten().cloned().collect();
        let mut there = self.ids(&names)?.into_iter().map(|id| id.is_some());
        for ((_, files), asked) in with_files.iter_mut().zip(&asked) {
            let was_there: Vec<bool> = asked
                .iter()
                .map(|names| names.iter().filter(|_| there.next() == Some(true)).count() > 0)
                .collect();
            let mut was_there = was_there.into_iter();
            files.retain(|_| was_there.next() == Some(false));
        }
        Ok(())
    }

    /// The commits that these reach, less those that the ones with a `^` reach, with their parents.
    fn parents(&self, commits: &[String]) -> Result<HashMap<String, Vec<String>>> {
        let said = self.feed(&["rev-list", "--parents", "--stdin"], commits)?;
        let said = String::from_utf8_lossy(&said);
        let line = |line: &str| {
            let mut ids = line.split(' ').map(str::to_owned);
            Some((ids.next()?, ids.collect()))
        };
        Ok(said.lines().filter_map(line).collect())
    }
}

/// Where a branch left the base: the commits that its own ones stand on.
fn left(parents: &HashMap<String, Vec<String>>, commit: &str) -> Vec<String> {
    let (mut left, mut seen, mut pending) = (Vec::new(), HashSet::new(), vec![commit.to_owned()]);
    while let Some(commit) = pending.pop() {
        match parents.get(&commit) {
            _ if !seen.insert(commit.clone()) => {}
            Some(parents) => pending.extend(parents.iter().cloned()),
            None => left.push(commit),
        }
    }
    left
}

/// Collects the files of a tree and the trees below it.
fn collect(
    trees: &HashMap<String, Vec<(bool, String, String)>>,
    tree: &String,
    folder: &Utf8Path,
    files: &mut Files,
) {
    for (is_tree, name, id) in trees.get(tree).into_iter().flatten() {
        let path = folder.join(name);
        match is_tree {
            true => collect(trees, id, &path, files),
            false => files.push((path.into_string(), id.clone())),
        }
    }
}

/// The entries of a tree as git stores it: a mode, a name and an id of `size` bytes each.
fn entries(mut bytes: &[u8], size: usize) -> Vec<(bool, String, String)> {
    let mut entries = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        let (head, rest) = bytes.split_at(end);
        let Some(id) = rest.get(1..=size) else { break };
        bytes = &rest[size + 1..];
        let Ok(head) = std::str::from_utf8(head) else { continue };
        if let Some((mode, name)) = head.split_once(' ') {
            let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
            entries.push((mode == "40000", name.to_owned(), id));
        }
    }
    entries
}
