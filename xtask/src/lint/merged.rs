//! Revisions that others have, and so must stay as they are: on a default branch or in a tag.

use std::collections::HashMap;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};

use crate::os::git::{self, Git, MergedFile};
use crate::os::interrupt::Interrupt;
use crate::os::tree_files;
use analysis::script::Script;
use analysis::settings;
use model::tree::Tree;

/// The files of a tree whose revisions others have, and where; or why that is not known. A revision is
/// known by its id: its file may have another name there.
pub fn merged(
    tree: &Tree,
    root: &Utf8Path,
    scripts: &[Script],
    interrupt: &Interrupt,
) -> Result<Result<HashMap<Utf8PathBuf, String>, String>> {
    let git = match Git::at(&tree.cwd, root, interrupt)? {
        Ok(git) => git,
        Err(why) => return Ok(Err(why)),
    };
    let texts = tree_files::texts(&tree.ini_path(), &tree.cwd);
    let settings = settings::understand(&texts, &tree.cwd, &tree.section);
    let theirs = match git.merged_files(&tree_files::folders(&settings)) {
        Ok(Ok(theirs)) => theirs,
        Ok(Err(why)) => return Ok(Err(why)),
        Err(err) => return git::refusal(err).map(Err),
    };
    let mut merged = HashMap::new();
    for MergedFile { place, file, bytes } in theirs {
        let id = Script::read(&file, &bytes).0.map(|script| script.revision.text);
        for ours in same(scripts, &file, &bytes, id.as_deref()) {
            let place = match ours.file == file {
                true => place.clone(),
                false => format!("{place} as {file}"),
            };
            merged.entry(ours.file.clone()).or_insert(place);
        }
    }
    Ok(Ok(merged))
}

/// The revisions here that another's may be: that of the same file, else the one that says the same,
/// else all that have its id.
fn same<'s>(
    scripts: &'s [Script],
    file: &Utf8Path,
    bytes: &[u8],
    id: Option<&str>,
) -> Vec<&'s Script> {
    if let Some(same) = scripts.iter().find(|ours| ours.file == file) {
        return vec![same];
    }
    let by_id = scripts.iter().filter(|ours| Some(ours.revision.text.as_str()) == id);
    let by_id: Vec<&Script> = by_id.collect();
    let equal = by_id.iter().find(|ours| ours.module.source().as_bytes() == bytes);
    equal.map_or(by_id.clone(), |equal| vec![*equal])
}
