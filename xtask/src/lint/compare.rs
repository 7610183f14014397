//! Base branch and other branches that a tree is compared with, as git knows them.

use std::collections::HashMap;

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::terms::LintOptions;
use crate::os::git::{self, Branch, FoundBase, Git};
use crate::os::interrupt::Interrupt;
use crate::os::process::quote_all;
use crate::os::tree_files;
use analysis::collisions::{Collision, Theirs};
use analysis::script::Script;
use analysis::{graph, predicted};
use model::called;
use model::files::{Arrival, Base, Changed, Settings, is_revision_name};
use model::finding::Finding;
use model::graph::Graph;
use model::report::Comparison;
use model::tree::Tree;

/// Repository of the trees, and the base that they are compared with.
pub(super) struct BaseComparison<'a> {
    pub(super) git: Option<Git<'a>>,
    pub(super) base: Option<FoundBase>,
    pub(super) files: Option<Base>,
    pub(super) told: Comparison,
}

/// Asks git for the base of the trees. Fails where `--since` cannot be honoured.
pub(super) fn compare<'a>(
    tree: &Tree,
    root: &'a Utf8Path,
    terms: LintOptions<'_>,
    folders: &[Utf8PathBuf],
    interrupt: &'a Interrupt,
) -> Result<BaseComparison<'a>> {
    let without = |git, why: String| {
        let told = Comparison { reason: Some(why), ..Comparison::default() };
        BaseComparison { git, base: None, files: None, told }
    };
    if !terms.in_repository {
        return Ok(without(None, "the trees are a copy outside their repository".to_owned()));
    }
    let git = match (Git::at(&tree.cwd, root, interrupt)?, terms.since) {
        (Ok(git), _) => git,
        (Err(why), None) => return Ok(without(None, why)),
        (Err(why), Some(since)) => {
            bail!("cannot compare with `{since}`, named by --since: {why}")
        }
    };
    let base = match git.find_base(terms.since)? {
        Ok(base) => base,
        Err(why) => return Ok(without(Some(git), why)),
    };
    match (git.files_of(&base, folders), terms.since) {
        (Ok((files, reason)), _) => {
            let unknown = if terms.since.is_some() { None } else { git.unknown_upstream()? };
            let told = Comparison { reason: reason.or(unknown), ..base.told() };
            Ok(BaseComparison { git: Some(git), base: Some(base), files: Some(files), told })
        }
        (Err(err), None) => {
            let why = format!("git cannot read {}: {}", base.name, git::refusal(err)?);
            Ok(without(Some(git), why))
        }
        (Err(err), Some(since)) => {
            let why = git::refusal(err)?;
            bail!("cannot compare with `{since}`, named by --since: {why}")
        }
    }
}

/// The top of the repository that holds a tree.
pub(super) fn repository_of(tree: &Tree) -> Option<&Utf8Path> {
    tree.cwd.ancestors().find(|folder| folder.join(".git").exists())
}

/// Whether a finding is about a revision that the base has as it is here, and no step depends on it.
pub(super) fn is_merged(finding: &Finding, base: &Base) -> bool {
    let Some(place) = &finding.place else { return false };
    let is_ours = |changed: &Changed| changed.by_us && changed.file == place.file;
    base.files.contains(&place.file)
        && !base.changed.iter().any(is_ours)
        && !predicted::decides_a_step(finding)
}

/// Whether a change brings revisions, as far as a base says so.
pub(super) fn has_new(graph: &Graph, base: Option<&Base>) -> bool {
    base.is_some() && graph.revisions.iter().any(|revision| revision.new)
}

/// How a tree's revisions came into the history.
pub(super) fn arrivals(
    compared: &BaseComparison<'_>,
    settings: &Settings,
) -> Result<HashMap<Utf8PathBuf, Arrival>> {
    let Some(git) = &compared.git else { return Ok(HashMap::new()) };
    git.arrivals(compared.base.as_ref(), &tree_files::folders(settings))
}

/// That revisions are missing only because they are not checked out.
pub(super) fn not_checked_out(
    compared: &BaseComparison<'_>,
    settings: &Settings,
    (tree, graph): (&Tree, &Graph),
) -> Result<Option<String>> {
    let git = compared.git.as_ref().filter(|_| !graph.faults.is_empty());
    let Some(git) = git else { return Ok(None) };
    let count = git.not_checked_out(&tree_files::folders(settings))?;
    let label = &tree.label;
    Ok((count > 0).then(|| {
        format!(
            "revisions of {label} that are left out of this sparse checkout, and missing here: {count}; \
             `git sparse-checkout disable` brings them"
        )
    }))
}

/// Revisions that other branches add to a tree, and why some branches could not be read.
pub(super) fn others(
    compared: &BaseComparison<'_>,
    settings: &Settings,
    root: &Utf8Path,
    terms: LintOptions<'_>,
) -> Result<(Vec<Theirs>, Option<String>)> {
    let (Some(git), Some(base)) = (&compared.git, &compared.base) else {
        return Ok((Vec::new(), None));
    };
    let (branches, missing) = match git.other_branches(base, &tree_files::folders(settings)) {
        Ok(found) => found,
        Err(err) => {
            let why = git::refusal(err)?;
            return Ok((Vec::new(), Some(format!("other branches cannot be looked at: {why}"))));
        }
    };
    let unseen = match missing {
        0 if terms.every_branch => git.branches_left_out()?,
        0 => None,
        _ => Some(format!(
            "revisions of other branches that are not here, and were left out: {missing}; {}",
            git::PARTIAL
        )),
    };
    Ok((branches.into_iter().map(|branch| theirs(branch, settings, root)).collect(), unseen))
}

fn theirs(branch: Branch, settings: &Settings, root: &Utf8Path) -> Theirs {
    let Branch { name, author, day, adds, .. } = branch;
    let ours = adds.iter().filter(|(file, _)| is_of_tree(file, settings, root));
    let adds = ours.filter_map(|(file, bytes)| Script::read(file, bytes).0).collect();
    Theirs { branch: name, author, day, adds }
}

/// The collisions with revisions of this branch, in one line.
pub(super) fn collide(collisions: &[Collision], tree: &Tree) -> Option<String> {
    let mut ours = collisions.iter().filter(|collision| collision.ours);
    let first = ours.next()?;
    let more = match ours.count() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    let (what, tree) = (&first.what, quote_all(tree.arguments().iter()));
    Some(format!("{what}{more}: `{} collisions {tree}` says what to do", called::gate()))
}

/// Without a base branch, the head is new.
pub(super) fn mark_new(graph: &mut Graph, base: Option<&Base>) {
    match base {
        Some(base) => {
            for revision in &mut graph.revisions {
                revision.new = !base.files.contains(&revision.file);
            }
        }
        None => {
            for head in graph.heads.clone() {
                graph.revisions[head].new = true;
            }
        }
    }
}

/// As much of the base branch as lies where Alembic looks for this tree's revisions.
pub(super) fn base_of(base: &Base, settings: &Settings, root: &Utf8Path) -> Base {
    let is_ours = |file: &Utf8Path| is_of_tree(file, settings, root);
    Base {
        name: base.name.clone(),
        files: base.files.iter().filter(|file| is_ours(file)).cloned().collect(),
        changed: base.changed.iter().filter(|changed| is_ours(&changed.file)).cloned().collect(),
        ahead: base.ahead.iter().filter(|ahead| is_ours(&ahead.file)).cloned().collect(),
    }
}

/// Whether Alembic looks for this tree's revisions where a file lies.
pub(super) fn is_of_tree(file: &Utf8Path, settings: &Settings, root: &Utf8Path) -> bool {
    let file = root.join(file);
    let below = |folder: &Utf8PathBuf| match settings.recursive {
        true => file.starts_with(folder),
        false => file.parent() == Some(folder),
    };
    let folders = tree_files::folders(settings);
    folders.iter().any(below) && file.file_name().is_some_and(is_revision_name)
}

/// The graph as the base branch has it now: the revisions before this change, with the later
/// changes of the base branch.
pub(super) fn graph_of_base(scripts: &[Script], base: &Base) -> Graph {
    let is_changed = |file: &Utf8Path| {
        base.changed.iter().any(|changed| changed.file == file)
            || base.ahead.iter().any(|ahead| ahead.file == file)
    };
    let went_on = |file: &Utf8Path| base.ahead.iter().any(|ahead| ahead.file == file);
    let before = base.changed.iter().filter(|changed| !went_on(&changed.file));
    let before = before.map(|changed| (&changed.file, &changed.before));
    let ahead = base.ahead.iter().filter_map(|ahead| Some((&ahead.file, ahead.bytes.as_ref()?)));
    let before: Vec<Script> =
        before.chain(ahead).filter_map(|(file, bytes)| Script::read(file, bytes).0).collect();
    let same = scripts.iter().filter(|s| base.files.contains(&s.file) && !is_changed(&s.file));
    let mut all: Vec<&Script> = same.chain(&before).collect();
    all.sort_by(|a, b| a.file.cmp(&b.file));
    graph::build(&all)
}

/// Says where the base branch's head has gone on to, where this change does not stand on it.
pub(super) fn moved(tree: &Tree, scripts: &[Script], base: &Base, now: &Graph) -> Option<String> {
    if base.ahead.is_empty() {
        return None;
    }
    let left = graph_of_base(scripts, &Base { ahead: Vec::new(), ..base.clone() });
    let heads = |graph: &Graph| graph.ids(&graph.heads).join(", ");
    let (head, stands) = (heads(now), heads(&left));
    (head != stands).then(|| {
        let (label, name) = (&tree.label, &base.name);
        format!("{name} has moved: its head of {label} is {head}, this change stands on {stands}")
    })
}
