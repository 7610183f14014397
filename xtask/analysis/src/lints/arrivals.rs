//! Arrivals: the order in which colliding revisions came, and the commits that brought them.

use super::subject::Subject;
use crate::renumber;

/// The number of files shown.
const SHOWN: usize = 4;
/// The number of characters shown of a commit's first line.
const SUBJECT_MAX: usize = 60;

/// The latest of these revisions, which is the one to move: `renumber` uses the same rule.
pub(super) fn latest(subject: &Subject<'_>, revisions: &[usize]) -> Option<usize> {
    revisions.iter().copied().max_by_key(|index| (age(subject, *index), *index))
}

/// The arrival of each of these revisions, and the latest of them, as far as git knows.
pub(super) fn told(subject: &Subject<'_>, revisions: &[usize]) -> String {
    let told: String =
        revisions.iter().take(SHOWN).filter_map(|index| arrival(subject, *index)).collect();
    let last = latest(subject, revisions).filter(|last| {
        let others = revisions.iter().filter(|other| *other != last);
        others.map(|other| age(subject, *other)).all(|other| other < age(subject, *last))
    });
    match last {
        Some(last) if !told.is_empty() => {
            format!("{told}\nSo {} came later.", subject.scripts[last].file)
        }
        _ => told,
    }
}

fn age(subject: &Subject<'_>, index: usize) -> usize {
    renumber::age(is_new(subject, index), subject.arrivals.get(&subject.scripts[index].file))
}

/// Whether the base branch lacks it; without a base branch, no revision is known to be new.
fn is_new(subject: &Subject<'_>, index: usize) -> bool {
    subject.base.is_some() && !subject.is_on_base(index)
}

/// `\n0024_x.py came on 2026-05-10 with 3f5fa0f by Ada: Notes for operators (#1550)`
fn arrival(subject: &Subject<'_>, index: usize) -> Option<String> {
    let file = &subject.scripts[index].file;
    let (name, is_new) = (file.file_name()?, is_new(subject, index));
    let base = subject.base.map(|(base, _)| base.name.as_str());
    let Some(arrival) = subject.arrivals.get(file) else {
        // For files from before the cut of a shallow history, git knows no commit.
        let is_untold = is_new && !subject.arrivals.is_empty();
        return is_untold.then(|| format!("\n{name} is in no commit yet"));
    };
    let subject: String = arrival.subject.chars().take(SUBJECT_MAX).collect();
    let (day, commit, author) = (&arrival.day, &arrival.commit, &arrival.author);
    // Whether the base has it outweighs any date: a merge brings older commits to the base.
    let (to, lacks) = match base {
        Some(base) if is_new => (String::new(), format!(", which {base} lacks")),
        Some(base) => (format!(" to {base}"), String::new()),
        None => Default::default(),
    };
    Some(format!("\n{name} came{to} on {day} with {commit} by {author}: {subject}{lacks}"))
}
