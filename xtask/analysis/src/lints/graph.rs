//! Lints on the revision graph.

use std::collections::HashSet;

use super::subject::Subject;
use super::{arrivals, nearest};
use model::called;
use model::code::{self, Code};
use model::finding::Finding;
use model::graph::{Branch, Fault};

/// The number of heads named at most.
const HEADS_SHOWN: usize = 10;
/// The number of missing names for which a similar name is searched.
const HINTS: usize = 50;
/// How long an id may be: Alembic makes the column of its version table `varchar(32)`.
const MOST_ID_CHARACTERS: usize = 32;
/// The effect of a circle that Alembic does not detect.
const ENDLESS: &str = ". Alembic does not look for a circle that can be reached from a head and from \
                       a base: its commands may run for ever";

/// Several heads, and ids that are used twice (runbook, failure mode C).
pub(super) fn heads_and_duplicates(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for fault in &subject.graph.faults {
        if let Fault::IdTwice { first, second } = fault {
            let change = arrivals::latest(subject, &[*first, *second]).unwrap_or(*second);
            let message = format!(
                "revision id {} is used twice: {} and {}. Alembic warns, keeps the second and \
                 drops the first.{}",
                subject.graph.id(*first),
                subject.scripts[*first].file,
                subject.scripts[*second].file,
                arrivals::told(subject, &[*first, *second])
            );
            let line = subject.scripts[change].revision.line;
            findings.push(subject.in_script(&code::MULTIPLE_HEADS, change, line, message));
        }
    }
    findings.extend(several_heads(subject));
    findings
}

fn several_heads(subject: &Subject<'_>) -> Option<Finding> {
    let graph = subject.graph;
    let kept = |index: &&usize| graph.by_id.get(graph.id(**index)) == Some(*index);
    let broken = after_a_missing_parent(subject);
    let whole = |index: &&usize| !broken.contains(*index);
    let heads: Vec<usize> = graph.heads.iter().filter(kept).filter(whole).copied().collect();
    let shares = |branch: &Branch| branch.from.is_some();
    let is_meant = subject.tree.several && !graph.branches.iter().any(shares);
    if !graph.whole || heads.len() < 2 || is_meant || has_cycle(subject) {
        return None;
    }
    let mut shown: Vec<String> =
        heads.iter().take(HEADS_SHOWN).map(|head| subject.show(*head)).collect();
    if heads.len() > shown.len() {
        shown.push(format!("and {} more", heads.len() - shown.len()));
    }
    let label = &subject.tree.label;
    let expected = if subject.tree.several { "one for each base" } else { "exactly 1" };
    let mut message =
        format!("{label} has {} heads, expected {expected}: {}.", heads.len(), shown.join(", "));
    let described = graph.branches.iter().filter(|branch| heads.contains(&branch.head));
    for branch in described.take(HEADS_SHOWN) {
        message.push_str(&format!("\n{}", describe(subject, branch)));
    }
    // The branch to move is the latest.
    let branches = graph.branches.iter().filter(|branch| heads.contains(&branch.head));
    let roots: Vec<usize> = branches.filter_map(|branch| branch.adds.first()).copied().collect();
    let root = arrivals::latest(subject, &roots)?;
    message.push_str(&arrivals::told(subject, &roots));
    if let Some((base, _)) = subject.base.filter(|_| roots.iter().all(|r| subject.is_on_base(*r))) {
        message.push_str(&format!(
            "\nAll are on {} already, so none may move: `{} renumber --merge` writes the revision that \
             merges them.",
            base.name,
            called::gate()
        ));
    }
    let script = subject.scripts.get(root)?;
    let line = script.down_revision.line.unwrap_or(script.revision.line);
    Some(subject.in_script(&code::MULTIPLE_HEADS, root, line, message))
}

/// A revision whose parent is missing is not a head of its own: the missing parent is reported
/// already.
fn after_a_missing_parent(subject: &Subject<'_>) -> HashSet<usize> {
    let mut after = HashSet::new();
    let mut todo: Vec<usize> = subject
        .graph
        .faults
        .iter()
        .filter_map(|fault| match fault {
            Fault::NoParent { of, .. } => Some(*of),
            _ => None,
        })
        .collect();
    while let Some(index) = todo.pop() {
        if after.insert(index) {
            todo.extend(&subject.graph.revisions[index].children);
        }
    }
    after
}

fn describe(subject: &Subject<'_>, branch: &Branch) -> String {
    let graph = subject.graph;
    let mut ids = graph.ids(&branch.adds);
    if ids.len() > 8 {
        let left = ids.len() - 7;
        ids.splice(4..ids.len() - 3, [format!("… {left} more …")]);
    }
    let ids = ids.join(", ");
    match branch.from {
        Some(from) => format!("Head {} adds {ids} to {}.", graph.id(branch.head), graph.id(from)),
        None => format!("Head {} shares nothing with the others: {ids}.", graph.id(branch.head)),
    }
}

/// A `down_revision` without a target (runbook, failure mode E).
pub(super) fn missing_parents(subject: &Subject<'_>) -> Vec<Finding> {
    missing(subject, &code::BROKEN_POINTER, |fault| match fault {
        Fault::NoParent { of, named } => Some((*of, named, "down_revision")),
        _ => None,
    })
}

/// A `depends_on` without a target.
pub(super) fn missing_dependencies(subject: &Subject<'_>) -> Vec<Finding> {
    missing(subject, &code::MISSING_DEPENDENCY, |fault| match fault {
        Fault::NoDependency { of, named } => Some((*of, named, "depends_on")),
        _ => None,
    })
}

fn missing(
    subject: &Subject<'_>,
    code: &'static Code,
    select: impl Fn(&Fault) -> Option<(usize, &String, &'static str)>,
) -> Vec<Finding> {
    // A revision that seems to be missing may be in an unreadable file.
    if !subject.graph.whole {
        return Vec::new();
    }
    let faults = subject.graph.faults.iter().filter_map(select);
    faults
        .enumerate()
        .map(|(number, (of, named, field))| {
            let script = &subject.scripts[of];
            let names =
                if field == "depends_on" { &script.depends_on } else { &script.down_revision };
            let ident = names.names.iter().find(|name| name.text == *named);
            let line = ident.map(|name| name.line).or(names.line).unwrap_or(script.revision.line);
            let mut message = format!("`{field}` names `{named}`, which no file here has");
            match Some(named).filter(|_| number < HINTS).and_then(|n| nearest::hint(subject, n)) {
                Some(hint) => message.push_str(&format!(": {hint}")),
                None => message.push('.'),
            }
            subject.in_script(code, of, line, message)
        })
        .collect()
}

/// Revisions that precede themselves.
pub(super) fn cycles(subject: &Subject<'_>) -> Vec<Finding> {
    let graph = subject.graph;
    let mut findings = Vec::new();
    for fault in &graph.faults {
        let (index, message) = match fault {
            Fault::OwnParent(index) => {
                (*index, "it names itself as its `down_revision`".to_owned())
            }
            Fault::OwnDependency(index) => (*index, "it names itself in `depends_on`".to_owned()),
            Fault::Cycle(around) | Fault::DependencyCycle(around) | Fault::EndlessCycle(around) => {
                let Some(circle) = circle(subject, around) else { continue };
                let ids = graph.ids(&circle).join(" → ");
                let mut message =
                    format!("each of these comes before the next, in a circle: {ids}");
                if matches!(fault, Fault::EndlessCycle(_)) {
                    message.push_str(ENDLESS);
                }
                (circle[0], message)
            }
            _ => continue,
        };
        let script = &subject.scripts[index];
        let field = match fault {
            Fault::OwnDependency(_) => &script.depends_on,
            _ => &script.down_revision,
        };
        let line = field.line.unwrap_or(script.revision.line);
        findings.push(subject.in_script(&code::CYCLE, index, line, message));
    }
    findings
}

/// One circle among these revisions: its first revision is at both ends.
fn circle(subject: &Subject<'_>, among: &[usize]) -> Option<Vec<usize>> {
    let graph = subject.graph;
    let mut left: HashSet<usize> = among.iter().copied().collect();
    let before = |index: usize, left: &HashSet<usize>| {
        let revision = &graph.revisions[index];
        let mut before = revision.parents.iter().chain(&revision.dependencies).copied();
        before.find(|index| left.contains(index))
    };
    // A revision without a predecessor is on no circle; then neither is one that had only such
    // predecessors.
    loop {
        let loose: Vec<usize> =
            left.iter().copied().filter(|index| before(*index, &left).is_none()).collect();
        if loose.is_empty() {
            break;
        }
        for index in loose {
            left.remove(&index);
        }
    }
    // Every revision left has a predecessor: going back leads into a circle.
    let mut path = vec![*left.iter().min()?];
    loop {
        let next = before(*path.last()?, &left)?;
        if let Some(at) = path.iter().position(|index| *index == next) {
            let mut circle = path.split_off(at);
            circle.push(next);
            circle.reverse();
            return Some(circle);
        }
        path.push(next);
    }
}

pub(super) fn has_cycle(subject: &Subject<'_>) -> bool {
    subject.graph.faults.iter().any(|fault| {
        matches!(
            fault,
            Fault::OwnParent(_)
                | Fault::OwnDependency(_)
                | Fault::Cycle(_)
                | Fault::DependencyCycle(_)
                | Fault::EndlessCycle(_)
        )
    })
}

/// More than one base.
pub(super) fn several_bases(subject: &Subject<'_>) -> Vec<Finding> {
    let bases = &subject.graph.bases;
    if subject.tree.several || !subject.graph.whole || bases.len() < 2 {
        return Vec::new();
    }
    let first = bases.iter().copied().find(|base| subject.is_on_base(*base)).unwrap_or(bases[0]);
    let others = bases.iter().filter(|base| **base != first);
    others
        .map(|base| {
            let script = &subject.scripts[*base];
            let line = script.down_revision.line.unwrap_or(script.revision.line);
            let message = format!(
                "it has no parent, so it starts a history of its own beside {}",
                subject.show(first)
            );
            subject.in_script(&code::SEVERAL_BASES, *base, line, message)
        })
        .collect()
}

/// Ids with characters that Alembic does not allow.
pub(super) fn illegal_ids(subject: &Subject<'_>) -> Vec<Finding> {
    let illegal = subject.graph.faults.iter().filter_map(|fault| match fault {
        Fault::IllegalId(index, character) => Some((*index, character)),
        _ => None,
    });
    illegal
        .map(|(index, character)| {
            let script = &subject.scripts[index];
            let id = &script.revision.text;
            let message = format!("Alembic does not allow `{character}` in the id `{id}`");
            subject.in_script(&code::ILLEGAL_ID, index, script.revision.line, message)
        })
        .collect()
}

/// Ids that are too long for `alembic_version`. A revision that mentions its column may widen it,
/// and if the base has such an id, the column is wide enough already.
pub(super) fn long_ids(subject: &Subject<'_>) -> Vec<Finding> {
    let long = |id: &str| id.chars().count() > MOST_ID_CHARACTERS;
    let scripts = subject.scripts.iter().enumerate();
    let found: Vec<_> = scripts.filter(|(_, script)| long(&script.revision.text)).collect();
    if found.is_empty()
        || subject.scripts.iter().any(|script| script.module.source().contains("version_num"))
        || subject.base.is_some() && found.iter().any(|(index, _)| subject.is_on_base(*index))
    {
        return Vec::new();
    }
    found
        .into_iter()
        .map(|(index, script)| {
            let length = script.revision.text.chars().count();
            let message = format!(
                "the id has {length} characters, and `alembic_version` has room for \
                 {MOST_ID_CHARACTERS}"
            );
            subject.in_script(&code::ID_TOO_LONG, index, script.revision.line, message)
        })
        .collect()
}

/// Branch labels shared by two revisions.
pub(super) fn labels_used_twice(subject: &Subject<'_>) -> Vec<Finding> {
    let twice = subject.graph.faults.iter().filter_map(|fault| match fault {
        Fault::LabelTwice { of, label, other } => Some((*of, label, *other)),
        _ => None,
    });
    twice
        .map(|(of, label, other)| {
            let script = &subject.scripts[of];
            let line = script.branch_labels.line.unwrap_or(script.revision.line);
            let message = format!("the label `{label}` is that of {}", subject.show(other));
            subject.in_script(&code::LABEL_USED_TWICE, of, line, message)
        })
        .collect()
}
