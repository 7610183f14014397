//! Origin of an object that differs: the statement that made it, its revision, file and line; and
//! the directives of its revision.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::difference::{Change, Difference};
use crate::directive;
use model::schema::{ObjectId, without_public};
use model::transcript::Statement;

/// Sources of the revisions.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The root that files are shown relative to.
    pub root: &'a Utf8Path,
    /// Every statement that was run, in order.
    pub statements: &'a [Statement],
    /// The revision that is on trial.
    pub revision: &'a str,
    /// Its file and the file's text, if readable.
    pub file: Option<(&'a Utf8Path, &'a str)>,
}

/// Origin of an object, as far as known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The statement that made it or touched it last.
    pub statement: Option<String>,
    /// The file of its revision.
    pub file: Option<Utf8PathBuf>,
    /// The line of the file that names the object, else the first line of `downgrade`.
    pub line: Option<u32>,
    /// The text of that line.
    pub source: Option<String>,
}

/// The statement that made an object different in another environment. `here` and `elsewhere` are
/// the statements run in the two, `elsewhere` once and up alone. Among the statements that name the
/// object, the first that only one environment has, or that belongs to a revision whose statements
/// ran in another order; else the last.
pub fn impure<'s>(
    difference: &Difference,
    here: &'s [Statement],
    elsewhere: &'s [Statement],
) -> Option<&'s Statement> {
    let names = names(&difference.object);
    // A column's name alone is not distinctive.
    let named =
        |s: &&Statement| s.revision.is_some() && names.iter().all(|name| mentions(&s.sql, name));
    let only = |of: &'s [Statement], other: &'s [Statement]| {
        let known: BTreeSet<_> = other.iter().map(|s| (&s.revision, &s.sql)).collect();
        of.iter().filter(move |s| !known.contains(&(&s.revision, &s.sql)))
    };
    let of_revision = |of: &'s [Statement], id: &Option<String>| -> Vec<&'s str> {
        of.iter().filter(|s| s.revision == *id).map(|s| s.sql.as_str()).collect()
    };
    let in_another_order = |s: &&Statement| {
        let (there, here) = (of_revision(elsewhere, &s.revision), of_revision(here, &s.revision));
        !here.windows(there.len().max(1)).any(|some| some == there)
    };
    only(elsewhere, here)
        .find(named)
        .or_else(|| elsewhere.iter().filter(named).find(in_another_order))
        .or_else(|| only(here, elsewhere).find(named))
        .or_else(|| elsewhere.iter().rfind(named))
}

impl Origin {
    /// Looks an object up.
    pub fn find(difference: &Difference, sources: Sources<'_>) -> Origin {
        let names = names(&difference.object);
        let own: Vec<&Statement> = sources
            .statements
            .iter()
            .filter(|s| s.revision.as_deref() == Some(sources.revision))
            .collect();
        let makes = |s: &&&Statement| {
            let word = s.sql.trim_start().get(..6).unwrap_or_default().to_lowercase();
            word == "create" || word.starts_with("alter")
        };
        // For a column: statements that name it and its table; else those that name it; else those
        // that name its table.
        let named = |count: usize| -> Vec<&Statement> {
            let some = |s: &&Statement| match count {
                0 => names.iter().any(|name| mentions(&s.sql, name)),
                _ => names.iter().take(count).all(|name| mentions(&s.sql, name)),
            };
            own.iter().copied().filter(some).collect()
        };
        let missing = matches!(difference.change, Change::Missing(_));
        let kind = difference.object.kind.as_str();
        let creates = |s: &&&Statement| names.first().is_some_and(|n| creates(&s.sql, kind, n));
        let nearest = [2, 1, 0].map(named).into_iter().find(|found| !found.is_empty());
        let nearest = nearest.unwrap_or_default();
        let statement = match missing {
            // For a missing object, the statement that dropped it matters more than the one that
            // made it.
            true => nearest.first().copied().or_else(|| {
                let of_all = |s: &&Statement| names.iter().any(|name| mentions(&s.sql, name));
                sources.statements.iter().rfind(of_all)
            }),
            false => {
                let made = nearest.iter().find(creates).or_else(|| nearest.iter().find(makes));
                made.or(nearest.first()).copied()
            }
        };
        let mut origin =
            Origin { statement: statement.map(|s| s.sql.clone()), ..Origin::default() };
        if let Some((file, text)) = sources.file {
            origin.file = Some(file.strip_prefix(sources.root).unwrap_or(file).to_owned());
            let line = line_that_names(text, &names).or_else(|| line_of(text, "def downgrade"));
            if let Some((number, source)) = line {
                (origin.line, origin.source) = (Some(number), Some(source.to_owned()));
            }
        }
        origin
    }
}

/// `CREATE … KIND name`: an enum may have a label of the same name, and a table a column.
fn creates(sql: &str, kind: &str, name: &str) -> bool {
    let part = |c: char| c.is_whitespace() || c == '(';
    let mut words = sql.split(part).filter(|word| !word.is_empty());
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    if !words.next().is_some_and(|word| is(word, "create")) {
        return false;
    }
    // `materialized view` ends with the word to search for.
    let kind = kind.rsplit(' ').next().unwrap_or(kind);
    let after = words.skip_while(|word| !is(word, kind)).skip(1);
    let mut after = after.skip_while(|word| {
        ["concurrently", "if", "not", "exists"].iter().any(|extra| is(word, extra))
    });
    after
        .next()
        .and_then(|word| word.rsplit('.').next())
        .is_some_and(|w| w.trim_matches('"') == name)
}

/// The bare names by which a statement may call the object, the most telling first.
pub(super) fn names(id: &ObjectId) -> Vec<String> {
    let identity = &id.identity;
    let plain = identity.split('(').next().unwrap_or(identity);
    let plain = plain.strip_prefix("of role ").unwrap_or(plain);
    let plain = plain.split(" in ").next().unwrap_or(plain);
    let mut names: Vec<String> = Vec::new();
    for part in plain.rsplit('.').take(2) {
        let bare = part.split(' ').next().unwrap_or(part).trim_matches('"');
        if !bare.is_empty() {
            names.push(bare.to_owned());
        }
    }
    // The column identifies more precisely than its table, and the table more precisely than its
    // schema.
    names
}

/// The first line of `upgrade`, or after it, that has one of the names as a word; the names are tried in
/// their order.
pub fn line_that_names<'t>(text: &'t str, names: &[String]) -> Option<(u32, &'t str)> {
    let start = line_of(text, "def upgrade").map_or(0, |(line, _)| line as usize);
    names.iter().find_map(|name| {
        let mut lines = text.lines().enumerate().skip(start);
        // A comment may speak of anything.
        let (at, line) =
            lines.find(|(_, line)| !line.trim_start().starts_with('#') && mentions(line, name))?;
        Some((u32::try_from(at + 1).ok()?, line))
    })
}

/// The first line that begins with a text.
pub fn line_of<'t>(text: &'t str, start: &str) -> Option<(u32, &'t str)> {
    let (at, line) = text.lines().enumerate().find(|(_, line)| line.starts_with(start))?;
    Some((u32::try_from(at + 1).ok()?, line))
}

/// Declaration of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// `keeps type order_side, reason`: the downgrade does not restore an object, for a reason.
    Keeps {
        /// The kind and the name.
        what: String,
        /// Why.
        reason: String,
    },
    /// `irreversible, reason`: it cannot be taken back.
    Irreversible {
        /// Why.
        reason: String,
    },
    /// `rows orders, reason`: the table's production data cannot be derived from the catalogue; no
    /// rows are generated for it.
    Rows {
        /// The table.
        table: String,
        /// Why.
        reason: String,
    },
    /// `blocks orders, reason`: the table may be blocked.
    Blocks {
        /// The table.
        table: String,
        /// Why.
        reason: String,
    },
    /// `unused orders.note, reason`: no version that runs uses it.
    Unused {
        /// The table, or the table and the column.
        what: String,
        /// Why.
        reason: String,
    },
    /// `loses orders.note, reason`: the downgrade does not restore the data of the column.
    Loses {
        /// The table, or the table and the column.
        what: String,
        /// Why.
        reason: String,
    },
}

impl Declaration {
    /// The reason, where this declaration is about the object that differs and gives one.
    pub fn excuses(&self, difference: &Difference) -> Option<&str> {
        let Declaration::Keeps { what, reason } = self else { return None };
        let object = &difference.object;
        let owner = object.identity.rsplit_once('.').map(|(owner, _)| owner);
        let is_owner = owner.is_some_and(|owner| *what == format!("table {owner}"));
        (is_owner || *what == object.to_string()).then_some(reason)
    }
}

/// The declarations in the text of a revision file.
pub fn declared(text: &str) -> Vec<Declaration> {
    let (directives, _) = directive::read(text);
    let has_reason = directives.into_iter().filter(|it| !it.reason.is_empty());
    has_reason
        .filter_map(|it| {
            let (what, reason) = (without_public(&it.subject), it.reason);
            Some(match it.verb.as_str() {
                "keeps" => Declaration::Keeps { what, reason },
                "irreversible" if what.is_empty() => Declaration::Irreversible { reason },
                "rows" => Declaration::Rows { table: what, reason },
                "blocks" => Declaration::Blocks { table: what, reason },
                "unused" => Declaration::Unused { what, reason },
                "loses" => Declaration::Loses { what, reason },
                _ => return None,
            })
        })
        .collect()
}

/// Whether a text contains a name as a word of its own.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
