//! Incidents, read from their files. An error names the line and the field.

use std::fs;

use anyhow::{Context, Result, bail};
use camino::Utf8Path;

use crate::recipes;
use model::incident::Incident;

/// The largest file of an incident, in bytes.
const FILE_MAX: u64 = 256 * 1024;
/// Far more than there will ever be.
const FILES_MAX: usize = 1000;

/// The incidents of a folder, by the names of their files.
pub fn read(folder: &Utf8Path) -> Result<Vec<Incident>> {
    let context = || format!("cannot read the incidents in `{folder}`");
    let mut files = Vec::new();
    for entry in folder.read_dir_utf8().with_context(context)? {
        let path = entry.with_context(context)?.into_path();
        if path.extension() == Some("yaml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("cannot find an incident: `{folder}` holds no .yaml file");
    }
    if files.len() > FILES_MAX {
        bail!("cannot read `{folder}`: it holds {} incidents, {FILES_MAX} at most", files.len());
    }
    files.iter().map(|file| read_file(file)).collect()
}

fn read_file(path: &Utf8Path) -> Result<Incident> {
    let size = fs::metadata(path).with_context(|| format!("cannot read `{path}`"))?.len();
    if size > FILE_MAX {
        bail!("cannot read the incident `{path}`: it has {size} bytes, {FILE_MAX} at most");
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"))?;
    let incident = parse(&text).map_err(|(line, what)| {
        let at = line.map(|line| format!(":{line}")).unwrap_or_default();
        anyhow::anyhow!("cannot read the incident {path}{at}: {what}")
    })?;
    if recipes::spec(&incident.tree).is_none() {
        let (line, tree) = (line_of(&text, "tree"), &incident.tree);
        bail!("cannot read the incident {path}:{line}: tree: the monorepo has no tree `{tree}`");
    }
    let name = path.file_stem().unwrap_or_default();
    if incident.id != name {
        let line = line_of(&text, "id");
        bail!(
            "cannot read the incident {path}:{line}: id: `{}` in a file of another name",
            incident.id
        );
    }
    Ok(incident)
}

/// One incident, or an error with its line.
fn parse(text: &str) -> std::result::Result<Incident, (Option<usize>, String)> {
    serde_yaml::from_str(text).map_err(|err| {
        let line = err.location().map(|place| place.line());
        (line, err.to_string())
    })
}

/// The line on which a field of the file stands, from 1.
fn line_of(text: &str, field: &str) -> usize {
    let start = format!("{field}:");
    text.lines().position(|line| line.starts_with(&start)).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
id: x
date: null
prs: []
title: t
story: s
mode: C
tree: console
at: '0002'
broken:
  edits:
    - remove: {file: a.py}
expect: {step: null, code: MG003, message: m}
fixed: {}
";

    #[track_caller]
    fn wrong(old: &str, new: &str, line: usize, field: &str) {
        assert!(GOOD.contains(old));
        let (found, what) = parse(&GOOD.replace(old, new)).unwrap_err();
        assert_eq!(found, Some(line), "{what}");
        assert!(what.contains(field), "{what}");
    }

    #[test]
    fn a_good_file_is_read() {
        assert_eq!(parse(GOOD).unwrap().at, "0002");
    }

    #[test]
    fn an_error_names_line_and_field() {
        wrong("title: t", "titel: t", 4, "unknown field `titel`");
        wrong("prs: []", "prs: many", 3, "prs: invalid type");
        wrong("mode: C", "mode: G", 6, "mode: ");
        wrong("remove: {file: a.py}", "delete: {file: a.py}", 11, "unknown variant `delete`");
        wrong("{file: a.py}", "{file: a.py, x: 1}", 11, "unknown field `x`");
        wrong("{file: a.py}", "{file: ../a.py}", 11, "edits[0]");
        wrong("{file: a.py}", "{file: /a.py}", 11, "edits[0]");
        wrong("fixed: {}", "fixed: {edit: []}", 13, "unknown field `edit`");
        wrong("at: '0002'", "at: [2]", 8, "at: invalid type");
    }
}
