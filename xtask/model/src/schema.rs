//! A schema as Postgres knows it: objects by kind and identity, their attributes as text.
//!
//! Everything is text that the server rendered, with names in the place of oids; so two snapshots of
//! two databases compare, and what differs can be shown as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The roles and other things that all databases of a cluster share.
pub const CLUSTER_KINDS: &[&str] = &["role", "membership", "tablespace", "parameter"];

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// What it is, in a word or two: `table`, `default privileges`.
    pub kind: String,
    /// Its name as SQL writes it, without the schema where that is `public`; what belongs to a
    /// table starts with the table's name: `orders.note`.
    pub identity: String,
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.identity)
    }
}

/// What an object is like: the names and values of its attributes, in the order in which they are
/// told. An attribute that it lacks is not there.
pub type Attributes = Vec<(String, String)>;

/// Objects by kind and identity.
pub type Objects = BTreeMap<ObjectId, Attributes>;

/// A database's schema and its cluster's roles.
///
/// It lies in parts that schemas share: who looks again after little has changed reads little, and
/// what two schemas have from the same look is not compared. Which part an object lies in means
/// nothing: two schemas are equal when their objects are.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    parts: Vec<Arc<Objects>>,
}

impl Schema {
    /// Of parts that have no object in common.
    pub fn of(parts: Vec<Arc<Objects>>) -> Schema {
        Schema { parts }
    }

    /// An object's attributes.
    pub fn get(&self, kind: &str, identity: &str) -> Option<&Attributes> {
        let id = ObjectId { kind: kind.to_owned(), identity: identity.to_owned() };
        self.parts.iter().find_map(|part| part.get(&id))
    }

    /// Leaves out the objects that are not wanted.
    pub fn retain(&mut self, is_wanted: impl Fn(&ObjectId) -> bool) {
        for part in &mut self.parts {
            if !part.keys().all(&is_wanted) {
                Arc::make_mut(part).retain(|id, _| is_wanted(id));
            }
        }
    }

    /// The objects in the parts that two schemas do not share: of each schema its own. All others are
    /// the same in both.
    pub fn unshared<'a>(
        &'a self,
        other: &'a Schema,
    ) -> [BTreeMap<&'a ObjectId, &'a Attributes>; 2] {
        let of = |one: &'a Schema, other: &Schema| {
            let parts = one.parts.iter().enumerate();
            let own = parts.filter(|(at, part)| {
                !other.parts.get(*at).is_some_and(|there| Arc::ptr_eq(part, there))
            });
            own.flat_map(|(_, part)| part.iter()).collect()
        };
        [of(self, other), of(other, self)]
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Schema) -> bool {
        let [one, another] = self.unshared(other);
        one == another
    }
}

impl Eq for Schema {}

/// The value of an attribute.
pub fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A text without the schema `public`, which goes without saying.
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
