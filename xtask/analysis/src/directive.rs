//! Directives: comments in which a revision instructs the gate, `# migration-gate: keeps type
//! order_side, REASON`.

use std::collections::BTreeSet;

use crate::distance::distance;
use crate::python::{Module, descendants, line};

/// The start of such a comment, after its `#`.
const MARK: &str = "migration-gate:";
/// Stands where a person must write why.
const REASON: &str = "REASON";

/// The directives, each with its arguments.
const FORMS: [(&str, &str); 7] = [
    ("allow", " MGnnn REASON"),
    ("rows", " TABLE, REASON"),
    ("loses", " TABLE.COLUMN, REASON"),
    ("keeps", " KIND NAME, REASON"),
    ("irreversible", ", REASON"),
    ("blocks", " TABLE, REASON"),
    ("unused", " TABLE.COLUMN, REASON"),
];

/// The queries for the schema, which name the kinds of objects.
const SCHEMA: &str = include_str!("../../src/postgres/schema.sql");

/// A directive as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The line, from 1.
    pub line: u32,
    /// The directive's verb: `keeps`.
    pub verb: String,
    /// Its subject: `type order_side`; of `allow`, the rest of the line.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// The kinds of objects that a revision may keep: those that the gate reads from Postgres.
pub fn kinds() -> BTreeSet<&'static str> {
    // The first column of each query is the kind of its rows.
    let columns = SCHEMA.lines().filter_map(|line| line.strip_prefix("SELECT "));
    let kinds = columns.flat_map(|column| {
        let (case, kind) = (column.strip_prefix("CASE "), column.strip_prefix('\''));
        let choices = case.and_then(|case| case.split(" END").next()).unwrap_or_default();
        // Letters are compared.
        let choices = choices.split('\'').skip(1).step_by(2).filter(|kind| kind.len() > 1);
        kind.and_then(|kind| kind.split('\'').next()).into_iter().chain(choices)
    });
    kinds.collect()
}

/// The directives of a revision file; and the lines of comments that nearly are some.
pub fn read(text: &str) -> (Vec<Directive>, Vec<u32>) {
    let (mut found, mut nearly) = (Vec::new(), Vec::new());
    // The text is searched first: few files have such a comment.
    let may_have = text.contains("# migration") || text.contains("#migration");
    let Some(module) = may_have.then(|| Module::parse(text.as_bytes()).ok()).flatten() else {
        return (found, nearly);
    };
    for node in descendants(module.root()).filter(|node| node.kind() == "comment") {
        let comment = module.text(node).trim_start_matches('#').trim();
        match comment.strip_prefix(MARK) {
            Some(rest) => found.push(Directive::parse(line(node), rest.trim())),
            None if is_nearly_one(comment) => nearly.push(line(node)),
            None => {}
        }
    }
    (found, nearly)
}

/// Whether a comment begins with nearly the mark, and a directive after it.
fn is_nearly_one(comment: &str) -> bool {
    let mut words = comment.split([' ', ',']);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    distance(first, MARK) <= 2 && FORMS.iter().any(|(verb, _)| *verb == second)
}

/// The name that is nearest to one that is not known, where one is near.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let near = known.into_iter().map(|known| (distance(name, known), known)).min()?;
    (near.0 <= (name.chars().count() / 4).clamp(1, 2)).then_some(near.1)
}

/// A suggestion, for the end of an error.
pub fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(name, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}

/// The text about directives in `lint --help`.
pub fn help() -> String {
    let forms = FORMS.map(|(verb, rest)| format!("  # {MARK} {verb}{rest}\n")).concat();
    format!(
        "Directives, each a comment of a revision:\n{forms}\nKIND is one of: {}. A NAME is written as SQL \
         writes it: `keeps column orders.note, REASON`. Without a reason a directive has no effect.",
        shown(&kinds())
    )
}

/// How a directive is written.
pub fn form(verb: &str) -> String {
    let rest = FORMS.iter().find(|(known, _)| *known == verb).map(|(_, rest)| *rest);
    format!("`# {MARK} {verb}{}`", rest.unwrap_or_default())
}

impl Directive {
    fn parse(line: u32, text: &str) -> Directive {
        let end = text.find([' ', ',']).unwrap_or(text.len());
        let (verb, rest) = (text[..end].to_owned(), text[end..].trim_start());
        let comma = if verb == "allow" { None } else { outer_comma(rest) };
        let (subject, reason) = comma.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
        Directive {
            line,
            verb,
            subject: subject.trim().to_owned(),
            reason: reason.trim().to_owned(),
        }
    }

    /// The kind and the name of the object that it is about.
    pub fn object(&self) -> Option<(&'static str, &str)> {
        let kinds = kinds().into_iter().filter_map(|kind| {
            let name = self.subject.strip_prefix(kind)?.strip_prefix(' ')?.trim();
            Some((kind, name))
        });
        // `operator class` before `operator`.
        kinds.max_by_key(|(kind, _)| kind.len()).filter(|(_, name)| !name.is_empty())
    }

    /// The bare names in its subject.
    pub fn names(&self) -> Vec<&str> {
        let name = match self.verb.as_str() {
            "keeps" => self.object().map(|(_, name)| name),
            "rows" | "loses" | "blocks" | "unused" => Some(self.subject.as_str()),
            _ => None,
        };
        let plain = name.unwrap_or_default().split(['(', ' ']).next().unwrap_or_default();
        plain
            .split('.')
            .map(|part| part.trim_matches('"'))
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// The fault of its text; the codes of `allow` are checked elsewhere.
    pub fn wrong(&self) -> Option<String> {
        let Directive { verb, subject, reason, .. } = self;
        let verbs = FORMS.map(|(verb, _)| verb);
        if !verbs.contains(&verb.as_str()) {
            let meant = did_you_mean(verb, verbs);
            let meant = if meant.is_empty() { ";".to_owned() } else { meant };
            return Some(format!("unknown directive `{verb}`{meant} known: {}", verbs.join(", ")));
        }
        if verb == "keeps" && self.object().is_none() {
            let (word, known) = (subject.split(' ').next().unwrap_or_default(), kinds());
            if word.is_empty() || known.contains(subject.as_str()) {
                return Some(format!("it names nothing to keep: write {}", form(verb)));
            }
            let meant = did_you_mean(word, known.iter().copied());
            let meant = if meant.is_empty() { ";".to_owned() } else { meant };
            return Some(format!("unknown kind `{word}`{meant} known: {}", shown(&known)));
        }
        let about_nothing = subject.is_empty() != (verb == "irreversible");
        if verb != "allow" && about_nothing {
            return Some(format!("write {}", form(verb)));
        }
        let has_none = verb != "allow" && reason.is_empty();
        let told = format!("{verb} {subject}");
        if has_none {
            return Some(format!(
                "no reason is given, so `{}` has no effect: write {}",
                told.trim_end(),
                form(verb)
            ));
        }
        (reason == REASON).then(|| format!("write why in the place of `{REASON}`"))
    }
}

fn shown(kinds: &BTreeSet<&str>) -> String {
    kinds.iter().copied().collect::<Vec<_>>().join(", ")
}

/// The position of the first comma outside brackets.
fn outer_comma(text: &str) -> Option<usize> {
    let mut depth = 0_i32;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (c == ',' && depth <= 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::{kinds, read};

    #[test]
    fn kinds_are_those_that_postgres_is_asked_for() {
        let kinds = kinds();
        for kind in [
            "aggregate",
            "column",
            "domain",
            "materialized view",
            "operator class",
            "table",
            "type",
        ] {
            assert!(kinds.contains(kind), "{kind} in {kinds:?}");
        }
    }

    #[test]
    fn wrong_directives_name_what_is_nearest_and_what_is_known() {
        let wrong = |comment: &str| {
            let (found, _) = read(&format!("x = 1  # migration-gate: {comment}\n"));
            found[0].wrong().unwrap_or_default()
        };
        for (comment, said) in [
            ("keeps type macro_kind, the archive uses it", ""),
            ("keeps function f(integer, text), the archive", ""),
            ("keeps operator class x USING btree, the archive", ""),
            ("irreversible, the old ids are gone", ""),
            ("rows users, why not", ""),
            (
                "keep type macro_kind, x",
                "unknown directive `keep`; did you mean `keeps`? known: allow, rows",
            ),
            ("retains type x, y", "unknown directive `retains`; known: allow, rows"),
            (
                "keeps typ macro_kind, x",
                "unknown kind `typ`; did you mean `type`? known: access method",
            ),
            ("keeps macro_kind, x", "unknown kind `macro_kind`; known: access method"),
            (
                "keeps type, x",
                "it names nothing to keep: write `# migration-gate: keeps KIND NAME, REASON`",
            ),
            ("keeps type x", "no reason is given, so `keeps type x` has no effect: write"),
            ("rows users", "no reason is given, so `rows users` has no effect"),
            ("rows , x", "write `# migration-gate: rows TABLE, REASON`"),
            ("irreversible", "no reason is given, so `irreversible` has no effect"),
            ("irreversible because", "write `# migration-gate: irreversible, REASON`"),
            ("keeps type x, REASON", "write why in the place of `REASON`"),
        ] {
            let wrong = wrong(comment);
            assert!(
                wrong.starts_with(said) && wrong.is_empty() == said.is_empty(),
                "{comment}: {wrong}"
            );
        }
    }

    #[test]
    fn comments_that_are_nearly_directives_are_found() {
        let lines = |text: &str| read(text).1;
        assert_eq!(lines("# migration-gate keeps type x, y\n"), [1]);
        assert_eq!(lines("\n# migration-gates: rows t, y\n"), [2]);
        assert!(
            lines("# the migration gate keeps it\nx = '# migration-gate keeps type x'\n")
                .is_empty()
        );
    }
}
