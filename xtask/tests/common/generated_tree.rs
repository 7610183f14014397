//! Generated trees: revisions with several parents, dependencies and labels, written in the ways in
//! which people write them, with a mistake in few of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

/// One revision of a generated tree.
#[derive(Clone, Debug)]
pub struct Rev {
    id: String,
    /// Which of the revisions before it are its parents, as shares of their number.
    parents: Vec<prop::sample::Index>,
    needs: Vec<prop::sample::Index>,
    label: bool,
    /// How its file is written.
    pub spelling: u8,
    /// Whether its file is sorted before those of its parents.
    early: bool,
    /// A mistake, in few of them.
    pub mistake: Option<Mistake>,
}

/// What is wrong with a revision.
#[derive(Clone, Copy, Debug)]
pub enum Mistake {
    NoSuchParent,
    NoSuchDependency,
    OwnParent,
    SameIdAgain,
    LabelTwice,
    ParentIsLater,
}

/// The revisions of a tree.
pub fn revs() -> impl Strategy<Value = Vec<Rev>> {
    let mistake = prop_oneof![
        Just(Mistake::NoSuchParent),
        Just(Mistake::NoSuchDependency),
        Just(Mistake::OwnParent),
        Just(Mistake::SameIdAgain),
        Just(Mistake::LabelTwice),
        Just(Mistake::ParentIsLater),
    ];
    let index = any::<prop::sample::Index>;
    let parents = prop_oneof![
        12 => prop::collection::vec(index(), 1),
        2 => prop::collection::vec(index(), 2..4),
        1 => Just(Vec::new()),
    ];
    let needs = prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(index(), 1..3)];
    let rev = (
        "[0-9a-f]{2,8}",
        parents,
        needs,
        prop::bool::weighted(0.15),
        any::<u8>(),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.01, mistake),
    );
    let rev = rev.prop_map(|(id, parents, needs, label, spelling, early, mistake)| Rev {
        id,
        parents,
        needs,
        label,
        spelling,
        early,
        mistake,
    });
    prop::collection::vec(rev, 1..14)
}

/// Writes the tree, and returns beginnings of its ids.
pub fn write(folder: &Path, revs: &[Rev]) -> Vec<String> {
    let versions = folder.join("m/versions");
    fs::create_dir_all(&versions).unwrap();
    let ini = "[alembic]\nscript_location = %(here)s/m\npath_separator = os\n";
    fs::write(folder.join("alembic.ini"), ini).unwrap();
    fs::write(versions.join("__init__.py"), "raise Exception\n").unwrap();
    fs::write(versions.join("README.md"), "no revision\n").unwrap();
    // Ids are made different, but for those that are the same by mistake.
    let mut ids: Vec<String> = Vec::new();
    for rev in revs {
        let again = ids.last().filter(|_| matches!(rev.mistake, Some(Mistake::SameIdAgain)));
        let mut id = again.cloned().unwrap_or_else(|| rev.id.clone());
        while ids.contains(&id) && again.is_none() {
            id.push('x');
        }
        ids.push(id);
    }
    let mut beginnings = Vec::new();
    for (at, rev) in revs.iter().enumerate() {
        let pick = |indexes: &[prop::sample::Index]| -> Vec<String> {
            let mut picked: Vec<String> = Vec::new();
            for index in indexes.iter().filter(|_| at > 0) {
                let id = ids[index.index(at)].clone();
                if !picked.contains(&id) && id != ids[at] {
                    picked.push(id);
                }
            }
            picked
        };
        let (mut parents, mut needs) = (pick(&rev.parents), pick(&rev.needs));
        let mut labels = if rev.label { vec![format!("label{at}")] } else { Vec::new() };
        match rev.mistake {
            Some(Mistake::NoSuchParent) => parents.push("nowhere".into()),
            Some(Mistake::NoSuchDependency) => needs.push("nowhere".into()),
            Some(Mistake::OwnParent) => parents.push(ids[at].clone()),
            Some(Mistake::LabelTwice) => labels = vec!["label".into(), ids[0].clone()],
            Some(Mistake::ParentIsLater) => parents.push(ids[ids.len() - 1].clone()),
            Some(Mistake::SameIdAgain) | None => {}
        }
        // A dependency may be named by its branch label.
        for need in &mut needs {
            let of = ids.iter().position(|id| id == need).filter(|of| revs[*of].label);
            if let Some(of) = of.filter(|_| rev.spelling & 64 != 0 && revs[at].mistake.is_none()) {
                *need = format!("label{of}");
            }
        }
        let order = if rev.early { 'a' } else { 'b' };
        let name = format!("{order}{:02}_{}.py", if rev.early { 50 - at } else { at }, ids[at]);
        let text = spell(&ids[at], &parents, &labels, &needs, rev.spelling);
        fs::write(versions.join(name), text).unwrap();
        beginnings.extend([2, 4, 5].map(|n| ids[at].chars().take(n).collect::<String>()));
    }
    beginnings.sort();
    beginnings.dedup();
    beginnings
}

/// The file of a revision, in one of the ways in which people write it.
fn spell(id: &str, parents: &[String], labels: &[String], needs: &[String], how: u8) -> String {
    let mut text = String::new();
    let quote = |text: &str| match how % 5 {
        0 => format!("'{text}'"),
        1 => format!("\"{text}\""),
        2 => format!("r'''{text}'''"),
        3 => format!("('{}' \"{}\")", &text[..text.len() / 2], &text[text.len() / 2..]),
        _ => format!("f\"{{p}}{text}\""),
    };
    let list = |names: &[String]| {
        let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
        match (quoted.as_slice(), how % 3) {
            ([], 0) => "None".to_owned(),
            ([], 1) => "()".to_owned(),
            ([], _) => "[None]".to_owned(),
            ([one], 0) => one.clone(),
            ([one], 1) => format!("{one},"),
            (several, 2) => format!("[\n    {},  # why\n]", several.join(",\n    ")),
            (several, _) => format!("({},)", several.join(", ")),
        }
    };
    let mark = |kind: &str| if how & 8 != 0 { format!(": {kind}") } else { String::new() };
    let end = if how & 16 != 0 { "\r\n" } else { "\n" };
    let _ = write!(
        text,
        "\"\"\"title of {id}\n\nRevision ID: {id}\n\"\"\"\nimport typing as t\np = ''\n"
    );
    if how & 32 != 0 {
        let _ = writeln!(text, "mine = {}\nrevision{} = mine", quote(id), mark("str"));
    } else {
        let _ = writeln!(text, "revision{} = {}", mark("str"), quote(id));
    }
    let _ = writeln!(text, "down_revision{} = {}", mark("t.Any"), list(parents));
    if !labels.is_empty() || how & 1 != 0 {
        let _ = writeln!(text, "branch_labels = {}", list(labels).replace("[None]", "None"));
    }
    if !needs.is_empty() || how & 2 != 0 {
        let _ = writeln!(text, "depends_on{} = {}", mark("t.Any"), list(needs));
    }
    text.push_str("\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    revision = 'local'\n");
    text.replace('\n', end)
}
