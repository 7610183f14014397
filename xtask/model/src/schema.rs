//! A schema as Postgres knows it: objects by kind and identity, their attributes as text.
//!
//! Every attribute is text that the server rendered, with names in place of oids. Snapshots of two
//! databases can therefore be compared, and a difference can be shown unchanged.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The roles and other things that all databases of a cluster share.
pub const CLUSTER_KINDS: &[&str] = &["role", "membership", "tablespace", "parameter"];

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// Its kind, in a word or two: `table`, `default privileges`.
    pub kind: String,
    /// Its name as SQL writes it, without the schema where that is `public`; the name of a part of
    /// a table starts with the table's name: `orders.note`.
    pub identity: String,
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.identity)
    }
}

/// Attributes of an object: names and values, in the order in which they are shown. A missing
/// attribute has no entry.
pub type Attributes = Vec<(String, String)>;

/// Objects by kind and identity.
pub type Objects = BTreeMap<ObjectId, Attributes>;

/// A database's schema and its cluster's roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema(Arc<Objects>);

impl Schema {
    /// A schema of these objects.
    pub fn of(objects: Objects) -> Schema {
        Schema(Arc::new(objects))
    }

    /// Its objects.
    pub fn objects(&self) -> &Objects {
        &self.0
    }

    /// An object's attributes.
    pub fn get(&self, kind: &str, identity: &str) -> Option<&Attributes> {
        self.0.get(&ObjectId { kind: kind.to_owned(), identity: identity.to_owned() })
    }
}

/// The value of an attribute.
pub fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A text without the schema `public`, which is the default.
pub fn without_public(text: &str) -> String {
    const PUBLIC: &str = "public.";
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(PUBLIC) {
        // `republic.` and `"public.` are other names.
        let before = text[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || "_$\".".contains(c)) {
            out.push_str(&text[done..at]);
            done = at + PUBLIC.len();
        }
    }
    out + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::without_public;

    #[test]
    fn only_the_schema_is_left_out() {
        assert_eq!(without_public("public.f(public.side, x.public.y)"), "f(side, x.public.y)");
        assert_eq!(without_public("republic.t public.t"), "republic.t t");
        assert_eq!(without_public("public.public.t"), "public.t");
    }
}
