//! Files that others have: those of the default branches and of the tags.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use super::base::USUAL;
use super::repository::{Git, PARTIAL, fields};

/// A file that others have.
pub struct MergedFile {
    /// Where it is: `origin/main`, `the tag v1.0`.
    pub place: String,
    /// Its path there.
    pub file: Utf8PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A file of a commit: its name and the id of its blob.
type Entry = (String, String);

impl Git<'_> {
    /// The Python files of these folders, as the default branches and the tags have them, each
    /// version once; or why they cannot be known.
    pub fn merged_files(&self, folders: &[Utf8PathBuf]) -> Result<Result<Vec<MergedFile>, String>> {
        if let Some(unknown) = self.unknown_upstream()? {
            return Ok(Err(unknown));
        }
        let places = self.merged_places()?;
        let mut seen = HashSet::new();
        let mut found: Vec<(&str, Entry)> = Vec::new();
        for (place, entries) in self.entries(&places, &self.below_top(folders))? {
            let new = entries.into_iter().filter(|entry| seen.insert(entry.clone()));
            found.extend(new.map(|entry| (place, entry)));
        }
        let mut ids: Vec<String> = found.iter().map(|(_, (_, id))| id.clone()).collect();
        ids.sort();
        ids.dedup();
        let blobs: HashMap<&String, Option<Vec<u8>>> =
            ids.iter().zip(self.objects(&ids)?).collect();
        let missing = blobs.values().filter(|blob| blob.is_none()).count();
        if missing > 0 {
            return Ok(Err(format!(
                "revisions of the default branch and of tags that are not here: {missing}; {PARTIAL}"
            )));
        }
        let file = |(place, (file, id)): (&str, Entry)| {
            let bytes = blobs.get(&id)?.clone()?;
            Some(MergedFile { place: place.to_owned(), file: self.shown(&file), bytes })
        };
        Ok(Ok(found.into_iter().filter_map(file).collect()))
    }

    /// The entries of each branch or tag in some folders. Entries that several have are listed for
    /// the first.
    fn entries<'p>(
        &self,
        places: &'p [(String, String)],
        folders: &[String],
    ) -> Result<Vec<(&'p str, Vec<Entry>)>> {
        let root = |folder: &String| if folder == "." { String::new() } else { folder.clone() };
        let folders: Vec<String> = folders.iter().map(root).collect();
        let each = |(_, commit): &(String, String)| {
            folders.iter().map(|folder| format!("{commit}:{folder}")).collect::<Vec<_>>()
        };
        let trees = self.ids(&places.iter().flat_map(each).collect::<Vec<_>>())?;
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        for (index, tree) in trees.into_iter().enumerate() {
            let (place, commit) = &places[index / folders.len()];
            let folder = &folders[index % folders.len()];
            let entries = match tree {
                Some(tree) if seen.insert((folder, tree.clone())) => {
                    let below = |(file, id): Entry| {
                        let file = Utf8Path::new(folder).join(file).into_string();
                        (file, id)
                    };
                    self.files_in(&tree)?.into_iter().map(below).collect()
                }
                Some(_) => Vec::new(),
                // The folder had another place then.
                None => {
                    let name = Utf8Path::new(folder).file_name();
                    let mut entries = self.files_in(commit)?;
                    entries.retain(|(file, _)| {
                        Utf8Path::new(file).parent().is_some_and(|at| at.file_name() == name)
                    });
                    entries
                }
            };
            found.push((place.as_str(), entries));
        }
        Ok(found)
    }

    /// The Python files of a commit or of a tree.
    fn files_in(&self, tree: &str) -> Result<Vec<Entry>> {
        let said = self.run(&["ls-tree", "-r", "-z", "--full-tree", tree])?;
        let entry = |field: &str| {
            let (entry, file) = field.split_once('\t')?;
            let id = entry.split(' ').nth(2)?;
            let is_blob = entry.split(' ').nth(1) == Some("blob");
            (is_blob && file.ends_with(".py")).then(|| (file.to_owned(), id.to_owned()))
        };
        Ok(fields(&said).filter_map(entry).collect())
    }

    /// Where revisions are that others have: the default branches of the remotes, else this
    /// repository's own, and the tags; with their commits.
    fn merged_places(&self) -> Result<Vec<(String, String)>> {
        let names = self.default_names("refs/remotes/*/HEAD")?;
        let names = || names.iter().map(String::as_str).chain(USUAL);
        let remotes = ["HEAD"].into_iter().chain(names());
        let remotes: Vec<String> = remotes.map(|name| format!("refs/remotes/*/{name}")).collect();
        let mut places = self.places(&remotes)?;
        if places.is_empty() {
            places =
                self.places(&names().map(|name| format!("refs/heads/{name}")).collect::<Vec<_>>())?;
        }
        let tags = self.places(&["refs/tags".to_owned()])?;
        places.extend(tags.into_iter().map(|(tag, commit)| (format!("the tag {tag}"), commit)));
        Ok(places)
    }

    /// References by their names, with their commits.
    fn places(&self, refs: &[String]) -> Result<Vec<(String, String)>> {
        // Of a symbolic name, the one that it stands for.
        let format = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) \
                      %(if)%(symref)%(then)%(symref:lstrip=2)%(else)%(refname:lstrip=2)%(end)";
        let refs: Vec<&str> = refs.iter().map(String::as_str).collect();
        let said = self.run(&[&["for-each-ref", format][..], &refs].concat())?;
        let place = |line: &str| {
            let mut words = line.splitn(5, ' ');
            let (own, tagged) = ((words.next()?, words.next()?), (words.next()?, words.next()?));
            let (_, commit) = [own, tagged].into_iter().find(|(kind, _)| *kind == "commit")?;
            Some((words.next()?.to_owned(), commit.to_owned()))
        };
        Ok(String::from_utf8_lossy(&said).lines().filter_map(place).collect())
    }
}
