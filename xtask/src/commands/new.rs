//! `cargo xtask migration-gate new`: a new revision on the head.

use std::fs::{self, File};
use std::io::Write;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::{New, TreeSelection};
use crate::gate::{lint, selection};
use crate::lint::{LintOptions, TreeLint};
use crate::os::interrupt::Interrupt;
use crate::os::process::quote_all;
use crate::os::tree_files;
use analysis::new_revision::{NewRevision, next_id};
use analysis::settings;
use model::called;
use model::tree::Tree;

/// Writes the revision and says where; `Err` says why there is none.
pub fn run(flags: &New, interrupt: &Interrupt) -> Result<String> {
    let (which, message) = named(flags)?;
    if message.is_empty() || message.contains(char::is_control) {
        bail!("cannot use {message:?} as a message: say in one line what the revision does");
    }
    let (root, surveys) = lint::surveys(&which, LintOptions::since(None), interrupt)?;
    let (tree, survey) = surveys.first().context("no tree was named")?;
    let texts = tree_files::texts(&tree.ini_path(), &tree.cwd);
    let settings = settings::understand(&texts, &tree.cwd, &tree.section);
    let folders = tree_files::folders(&settings);
    let is_new = !folders.is_empty() && folders.iter().all(|folder| has_no_python(folder));
    let head = if is_new { None } else { head(tree, survey, &which)? };
    let folder = match &head {
        Some((_, file)) => root.join(file).parent().map(Utf8Path::to_owned),
        None => folders.into_iter().next(),
    };
    let folder = folder.with_context(|| {
        format!("cannot find the folder `versions` of {}: make it first", tree.label)
    })?;
    let created = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
    let id = next_id(&survey.graph);
    let new = NewRevision {
        id: &id,
        parents: &head.map(|(id, _)| id).into_iter().collect::<Vec<_>>(),
        message,
        created: &created.replace('T', " ").replace('Z', ""),
    };
    let template = tree_files::template(&folder);
    let (pattern, slug_length) = &settings.file_template;
    let name = new.file_name(pattern, *slug_length).unwrap_or_else(|| format!("{id}.py"));
    let file = folder.join(name);
    write(&file, &new.text(template.as_deref()))?;
    Ok(format!("{}\n", file.strip_prefix(&root).unwrap_or(&file)))
}

/// The tree, and what the revision does.
fn named(flags: &New) -> Result<(TreeSelection, &str)> {
    match selection::one(&flags.words, &flags.other)? {
        (which, [message]) => Ok((which, message.trim())),
        (_, []) => bail!("cannot write a revision without a message: say what the revision does"),
        _ => bail!("cannot use two messages: with --ini, give what the revision does alone"),
    }
}

/// Whether a folder is there, and nothing in it that may be a revision.
fn has_no_python(folder: &Utf8Path) -> bool {
    let is_python = |name: &str| name.ends_with(".py");
    folder
        .read_dir_utf8()
        .is_ok_and(|found| !found.flatten().any(|file| is_python(file.file_name())))
}

/// The id and the file of the head; `None` where there is no revision yet.
fn head(
    tree: &Tree,
    survey: &TreeLint,
    which: &TreeSelection,
) -> Result<Option<(String, Utf8PathBuf)>> {
    let (label, graph) = (&tree.label, &survey.graph);
    let named = quote_all(which.words(&which.trees).iter());
    if !graph.whole || !graph.faults.is_empty() {
        bail!(
            "cannot tell the head of {label}: its revisions do not fit together\n\
             hint: `{} lint {named}` says what to fix first",
            called::gate()
        );
    }
    match graph.heads.as_slice() {
        [] => Ok(None),
        [head] => Ok(Some((graph.id(*head).to_owned(), graph.revisions[*head].file.clone()))),
        heads => bail!(
            "cannot choose a parent: {label} has {} heads ({})\n\
             hint: `{} renumber {named}` puts one on the other",
            heads.len(),
            graph.ids(heads).join(", "),
            called::gate()
        ),
    }
}

fn write(file: &Utf8Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{folder}`"))?;
    }
    let new =
        File::create_new(file).with_context(|| format!("cannot write a new file `{file}`"))?;
    (&new).write_all(text.as_bytes()).with_context(|| format!("cannot write `{file}`"))
}
