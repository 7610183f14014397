//! Privileges as Postgres writes them (`raptor_app=arw/postgres`), for people and for `GRANT`.

use std::collections::BTreeSet;

/// The letters of an `aclitem` and their meanings.
const LETTERS: &[(char, &str)] = &[
    ('r', "SELECT"),
    ('a', "INSERT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('c', "CONNECT"),
    ('T', "TEMPORARY"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// One privilege of one role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Privilege {
    /// The role that has it, as SQL writes the name; `PUBLIC` for every role.
    pub(super) grantee: String,
    /// `SELECT`.
    pub(super) name: &'static str,
    /// Whether it may be granted on.
    pub(super) grantable: bool,
}

/// Parses an attribute `privileges`.
pub(super) fn parse(text: &str) -> BTreeSet<Privilege> {
    let mut found = BTreeSet::new();
    for item in text.lines() {
        let Some((grantee, rest)) = item.rsplit_once('=') else { continue };
        let letters = rest.split_once('/').map_or(rest, |(letters, _)| letters);
        let grantee = if grantee.is_empty() { "PUBLIC" } else { grantee };
        let mut chars = letters.chars().peekable();
        while let Some(letter) = chars.next() {
            let grantable = chars.next_if_eq(&'*').is_some();
            if let Some((_, name)) = LETTERS.iter().find(|(known, _)| *known == letter) {
                found.insert(Privilege { grantee: grantee.to_owned(), name, grantable });
            }
        }
    }
    found
}

/// Lost and remaining privileges, by role.
pub(super) fn describe(expected: Option<&str>, found: Option<&str>) -> String {
    let was = parse(expected.unwrap_or_default());
    let now = parse(found.unwrap_or_default());
    let mut parts = Vec::new();
    for (only, verb) in [(&was - &now, "was lost"), (&now - &was, "stayed")] {
        for (grantee, names) in by_grantee(&only) {
            parts.push(format!("{names} of {grantee} {verb}"));
        }
    }
    if parts.is_empty() {
        // The grantor differs, which `GRANT` cannot name.
        let line = |text: Option<&str>| text.unwrap_or("nothing").replace('\n', ", ");
        return format!("privileges were {}, are {}", line(expected), line(found));
    }
    parts.join("; ")
}

/// `SELECT, INSERT` for each role, and whether it may grant them on.
pub(super) fn by_grantee(privileges: &BTreeSet<Privilege>) -> Vec<(String, String)> {
    let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
    for privilege in privileges {
        let grantable = if privilege.grantable { " WITH GRANT OPTION" } else { "" };
        let name = format!("{}{grantable}", privilege.name);
        match grouped.iter_mut().find(|(grantee, _)| *grantee == privilege.grantee) {
            Some((_, names)) => names.push(name),
            None => grouped.push((privilege.grantee.clone(), vec![name])),
        }
    }
    grouped.into_iter().map(|(grantee, names)| (grantee, names.join(", "))).collect()
}
