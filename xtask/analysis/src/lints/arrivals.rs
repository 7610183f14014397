//! Arrivals: which of several colliding revisions came later, and what git says of it.

use super::subject::Subject;
use crate::renumber;

/// How many files are told of at most.
const SHOWN: usize = 4;
/// How much of a commit's first line is told.
const SUBJECT_MAX: usize = 60;

/// The one of these that came last, which is the one to move: `renumber` goes by the same.
pub(super) fn latest(subject: &Subject<'_>, revisions: &[usize]) -> Option<usize> {
    revisions.iter().copied().max_by_key(|index| (age(subject, *index), *index))
}

/// How each of these came, and which came last, as far as git knows it.
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

/// Whether the base branch lacks it; without one, nothing is known to be new.
fn is_new(subject: &Subject<'_>, index: usize) -> bool {
    subject.base.is_some() && !subject.is_on_base(index)
}

/// `\n0024_x.py came on 2026-05-10 with 3f5fa0f by Ada: Notes for operators (#1550)`
fn arrival(subject: &Subject<'_>, index: usize) -> Option<String> {
    let file = &subject.scripts[index].file;
    let (name, is_new) = (file.file_name()?, is_new(subject, index));
    let base = subject.base.map(|(base, _)| base.name.as_str());
    let Some(arrival) = subject.arrivals.get(file) else {
        // Of what was there before a history that was cut off, git knows nothing.
        let is_untold = is_new && !subject.arrivals.is_empty();
        return is_untold.then(|| format!("\n{name} is in no commit yet"));
    };
    let subject: String = arrival.subject.chars().take(SUBJECT_MAX).collect();
    let (day, commit, author) = (&arrival.day, &arrival.commit, &arrival.author);
    // Whether the base has it weighs more than any date: a merge brings what is older there.
    let (to, lacks) = match base {
        Some(base) if is_new => (String::new(), format!(", which {base} lacks")),
        Some(base) => (format!(" to {base}"), String::new()),
        None => Default::default(),
    };
    Some(format!("\n{name} came{to} on {day} with {commit} by {author}: {subject}{lacks}"))
}
