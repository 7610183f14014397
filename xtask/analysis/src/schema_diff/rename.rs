//! Renames: an object that a revision renamed and did not rename back is one difference, rather
//! than a missing object, a leftover object, and a difference for each object that names either.

use super::origin::mentions;
use super::{Change, Difference};
use model::schema::{Attributes, attribute};
use model::transcript::Statement;

/// Puts one difference in the place of those that a rename among the statements explains.
pub fn fold(differences: Vec<Difference>, statements: &[&Statement]) -> Vec<Difference> {
    let renames: Vec<(usize, usize)> = differences
        .iter()
        .enumerate()
        .filter(|(_, missing)| matches!(missing.change, Change::Missing(_)))
        .filter_map(|(at, missing)| {
            let left = |left: &Difference| {
                matches!(left.change, Change::LeftBehind(_)) && renamed(missing, left, statements)
            };
            Some((at, differences.iter().position(left)?))
        })
        .collect();
    let names: Vec<(&str, &str)> = renames
        .iter()
        .map(|(was, is)| (name(&differences[*was]), name(&differences[*is])))
        .collect();
    let kept = differences.iter().enumerate().filter_map(|(at, difference)| {
        if let Some((_, is)) = renames.iter().find(|(was, _)| *was == at) {
            let to = differences[*is].object.identity.clone();
            let anew = !is_renamed_by(difference, &differences[*is], statements);
            let change = Change::Renamed { to, anew };
            return Some(Difference { object: difference.object.clone(), change });
        }
        let follows = match &difference.change {
            Change::Changed { expected: Some(was), found: Some(is), .. } => {
                names.iter().fold(was.clone(), |text, (was, is)| with_name(&text, was, is)) == *is
            }
            _ => renames.iter().any(|(_, is)| *is == at),
        };
        (!follows).then(|| difference.clone())
    });
    kept.collect()
}

/// Whether the one is the other under another name.
fn renamed(missing: &Difference, left: &Difference, statements: &[&Statement]) -> bool {
    let owner = |difference: &Difference| {
        let identity = &difference.object.identity;
        identity.rsplit_once('.').map(|(owner, _)| owner.to_owned())
    };
    missing.object.kind == left.object.kind
        && owner(missing) == owner(left)
        && (is_renamed_by(missing, left, statements) || same(missing, left))
}

/// Whether a statement renames the one to the other.
fn is_renamed_by(missing: &Difference, left: &Difference, statements: &[&Statement]) -> bool {
    let is_rename = |sql: &str| {
        let mut words = sql.split_whitespace();
        words.any(|word| word.eq_ignore_ascii_case("rename"))
            && mentions(sql, name(missing))
            && mentions(sql, name(left))
    };
    statements.iter().any(|statement| is_rename(&statement.sql))
}

/// Whether two constraints, indexes or sequences of one column differ only in their names.
fn same(missing: &Difference, left: &Difference) -> bool {
    let (Change::Missing(was), Change::LeftBehind(is)) = (&missing.change, &left.change) else {
        return false;
    };
    let plain = |own: &Attributes, difference| -> Vec<(String, String)> {
        let renamed = |value: &String| with_name(value, name(difference), "");
        own.iter().map(|(attribute, value)| (attribute.clone(), renamed(value))).collect()
    };
    let is_owned = attribute(was, "owned by").is_some();
    let kind = missing.object.kind.as_str();
    (["constraint", "index"].contains(&kind) || (kind == "sequence" && is_owned))
        && !was.is_empty()
        && plain(was, missing) == plain(is, left)
}

/// The bare name of an object.
fn name(difference: &Difference) -> &str {
    let identity = difference.object.identity.as_str();
    let plain = identity.split('(').next().unwrap_or(identity);
    plain.rsplit('.').next().unwrap_or(plain).trim_matches('"')
}

/// A text with one name in the place of another, where that is a word of its own.
fn with_name(text: &str, was: &str, is: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(was) {
        let before = rest[..at].chars().next_back().or(out.chars().next_back());
        let after = rest[at + was.len()..].chars().next();
        out.push_str(&rest[..at]);
        let whole = !before.is_some_and(is_part) && !after.is_some_and(is_part);
        out.push_str(if whole { is } else { was });
        rest = &rest[at + was.len()..];
    }
    out + rest
}
