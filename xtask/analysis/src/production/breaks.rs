//! Breaks: statements of the running version that succeeded before a change and fail after it,
//! explained by the changes to the objects that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::production::{Act, Catalog, Column, Key, Oid, State, Tried, Use};

/// Change of an object that a statement names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A table or a view has another name.
    TableRenamed {
        /// The other name.
        to: String,
    },
    /// A table was dropped.
    TableDropped,
    /// A view was dropped.
    ViewDropped,
    /// An enum type was renamed or dropped.
    TypeGone,
    /// A column has another name.
    ColumnRenamed {
        /// The column.
        column: String,
        /// The other name.
        to: String,
    },
    /// A column was dropped.
    ColumnDropped {
        /// The column.
        column: String,
    },
    /// A column must be given a value.
    NotNull {
        /// The column.
        column: String,
    },
    /// A constraint refuses values that were allowed.
    Refused {
        /// The constraint.
        constraint: String,
    },
    /// The role has lost a privilege; `None`: all of them.
    NoRight {
        /// The action that it may not do.
        act: Option<&'static str>,
    },
    /// Row security refuses a row.
    RowRefused,
    /// Row security hides all rows.
    RowsHidden,
    /// There is no unique index on the columns by which a conflict is found.
    NoKey {
        /// The columns.
        columns: String,
        /// The columns of a unique index that includes these and others.
        now: Option<String>,
        /// The name of the dropped index.
        index: Option<String>,
    },
    /// A label of an enum type was removed.
    LabelGone {
        /// The label.
        label: String,
    },
    /// A column has another type.
    TypeChanged {
        /// The column.
        column: String,
        /// Its type before.
        from: String,
        /// Its type now.
        to: String,
    },
    /// A column that was given a value takes none.
    GeneratedAlways,
    /// A trigger refuses.
    Trigger,
    /// Anything else.
    Other {
        /// The SQLSTATE.
        state: String,
        /// Postgres's message.
        message: String,
    },
}

/// Break of the running version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The relation; of a label, 0.
    pub relation: Oid,
    /// The name of that, or of the type.
    pub name: String,
    /// Its change.
    pub kind: Kind,
    /// The number of statements that fail for this reason.
    pub count: usize,
    /// One of them.
    pub sql: String,
    /// Postgres's message about it.
    pub said: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.kind {
            Kind::TableRenamed { to } => write!(f, "table renamed: {name} -> {to}"),
            Kind::TableDropped => write!(f, "table dropped: {name}"),
            Kind::ViewDropped => write!(f, "view dropped: {name}"),
            Kind::TypeGone => write!(f, "type renamed or dropped: {name}"),
            Kind::ColumnRenamed { column, to } => {
                write!(f, "column renamed: {name}.{column} -> {to}")
            }
            Kind::ColumnDropped { column } => write!(f, "column dropped: {name}.{column}"),
            Kind::NotNull { column } => write!(f, "not null without default: {name}.{column}"),
            Kind::Refused { constraint } => write!(f, "constraint refuses: {name} {constraint}"),
            Kind::NoRight { act: None } => write!(f, "permission denied: {name}"),
            Kind::NoRight { act: Some(act) } => write!(f, "permission denied: {act} {name}"),
            Kind::RowRefused => write!(f, "row security refuses: {name}"),
            Kind::RowsHidden => write!(f, "rows hidden: {name}"),
            Kind::NoKey { .. } => write!(f, "ON CONFLICT has no unique index: {name}"),
            Kind::LabelGone { label } => write!(f, "enum value gone: {name}.{label}"),
            Kind::TypeChanged { column, from, to } => {
                write!(f, "type changed: {name}.{column} {from} -> {to}")
            }
            Kind::GeneratedAlways => write!(f, "generated always: {name}"),
            Kind::Trigger => write!(f, "trigger refuses: {name}"),
            Kind::Other { state, .. } => write!(f, "{state}: {name}"),
        }
    }
}

/// The statements that succeeded in one state and fail in another. `first` is the catalogue from
/// which the statements were made, `lost` are tables whose rows are gone.
pub fn breaks(
    first: &Catalog,
    uses: &[Use],
    (before, after): (&State, &State),
    lost: &BTreeSet<Oid>,
) -> Vec<Break> {
    let reader = Reader { first, now: &after.catalog, uses, tried: &after.tried, lost };
    let (mut found, mut unnamed): (Vec<Break>, Vec<(&Use, &Tried)>) = Default::default();
    for ((used, was), now) in uses.iter().zip(&before.tried).zip(&after.tried) {
        if was.state.is_some() {
            continue;
        }
        let kind = match &now.state {
            None => reader.hidden(used, was, now),
            Some(state) => reader.kind(used, state, now),
        };
        let Some(kind) = kind else {
            unnamed.extend(
                now.state.as_deref().filter(|state| *state == "42703").map(|_| (used, now)),
            );
            continue;
        };
        let name = reader.name(used);
        match found.iter_mut().find(|b| b.name == name && b.kind == kind) {
            Some(known) => known.count += 1,
            None => found.push(reader.broken(used, kind, now)),
        }
    }
    // A missing column is covered by its own break; without one, a trigger, or a function that it
    // calls, asks for a column.
    for (used, now) in unnamed {
        if !found.iter().any(|broken| broken.relation == used.relation) {
            found.push(reader.broken(used, other("42703", now), now));
        }
    }
    found
}

fn other(state: &str, now: &Tried) -> Kind {
    Kind::Other { state: state.to_owned(), message: now.message.clone() }
}

struct Reader<'a> {
    first: &'a Catalog,
    now: &'a Catalog,
    uses: &'a [Use],
    tried: &'a [Tried],
    lost: &'a BTreeSet<Oid>,
}

impl Reader<'_> {
    fn broken(&self, used: &Use, kind: Kind, now: &Tried) -> Break {
        Break {
            relation: used.relation,
            name: self.name(used),
            kind,
            count: 1,
            sql: used.sql.clone(),
            said: now.message.clone(),
        }
    }

    fn name(&self, used: &Use) -> String {
        let relation = self.first.relations.iter().find(|r| r.oid == used.relation);
        relation.map_or_else(|| used.column.clone().unwrap_or_default(), |r| r.name.clone())
    }

    fn hidden(&self, used: &Use, was: &Tried, now: &Tried) -> Option<Kind> {
        let none = |tried: &Tried| tried.value.as_deref() == Some("0");
        let hides = used.act == Act::Count && !none(was) && none(now);
        (hides && !self.lost.contains(&used.relation)).then_some(Kind::RowsHidden)
    }

    fn kind(&self, used: &Use, state: &str, now: &Tried) -> Option<Kind> {
        let about = now.about.clone().unwrap_or_default();
        Some(match state {
            "42P01" | "42704" | "3F000" if used.act == Act::Label => Kind::TypeGone,
            "42P01" | "3F000" => self.table_gone(used.relation),
            "22P02" if used.act == Act::Label => Kind::LabelGone { label: label(&used.sql) },
            // The labels are tried by themselves.
            "22P02" if now.message.contains("for enum") => return None,
            "42703" => return self.column_gone(used),
            "23502" => Kind::NotNull { column: about },
            // A row that is pointed to now could be pointed to before.
            "23503" if used.act == Act::Delete => return None,
            // The inserted row is a copy of an existing one.
            "23505" | "23P01"
                if matches!(used.act, Act::Insert | Act::Upsert) && !self.is_own(used, &about) =>
            {
                return None;
            }
            "23514" | "23505" | "23503" | "23P01" => Kind::Refused { constraint: about },
            "42501" if now.message.contains("row-level security") => Kind::RowRefused,
            "42501" => self.right(used),
            "42P10" => self.no_key(used),
            "428C9" => Kind::GeneratedAlways,
            "P0001" => Kind::Trigger,
            "42804" | "42883" | "22P02" | "22003" | "22001" | "22007" | "22008" => {
                return self.type_changed(used, state, now);
            }
            _ => other(state, now),
        })
    }

    /// Whether a unique index is on columns of which the statement gives none: each row has values of its own.
    fn is_own(&self, used: &Use, key: &str) -> bool {
        let of = |c: &&Column| c.of == used.relation && c.required;
        let given: Vec<&String> = self.first.columns.iter().filter(of).map(|c| &c.name).collect();
        let key = self.now.keys.iter().find(|known| known.name == key);
        key.is_some_and(|key| !key.columns.iter().any(|column| given.contains(&column)))
    }

    fn no_key(&self, used: &Use) -> Kind {
        let columns =
            used.sql.split_once("ON CONFLICT (").and_then(|(_, rest)| rest.split_once(')'));
        let columns = columns.map_or("…", |(columns, _)| columns).replace('"', "");
        let keys = |catalog: &Catalog, is: &dyn Fn(&Key) -> bool| -> Option<Key> {
            catalog.keys.iter().filter(|key| key.of == used.relation).find(|key| is(key)).cloned()
        };
        let shown = |key: &Key| key.columns.join(", ");
        let has = |key: &Key| columns.split(", ").all(|name| key.columns.iter().any(|c| c == name));
        let now = keys(self.now, &has).map(|key| shown(&key));
        let index = keys(self.first, &|key| shown(key) == columns).map(|key| key.name);
        Kind::NoKey { columns, now, index }
    }

    fn table_gone(&self, oid: Oid) -> Kind {
        let was = self.first.relations.iter().find(|r| r.oid == oid);
        match self.now.relations.iter().find(|r| r.oid == oid) {
            // The object exists, but this role cannot see it: the role may not use the schema.
            Some(now) if was.is_some_and(|was| was.name == now.name) => Kind::NoRight { act: None },
            Some(now) => Kind::TableRenamed { to: now.name.clone() },
            None if was.is_some_and(|r| "vm".contains(r.kind)) => Kind::ViewDropped,
            None => Kind::TableDropped,
        }
    }

    /// The column of a statement then and now. A column that still exists under its name is not the
    /// missing one.
    fn column(&self, used: &Use) -> Option<(&Column, Option<&Column>)> {
        let name = used.column.as_ref()?;
        let of = |c: &&Column| c.of == used.relation;
        let was = self.first.columns.iter().filter(of).find(|c| c.name == *name && !c.dropped)?;
        Some((was, self.now.columns.iter().filter(of).find(|c| c.number == was.number)))
    }

    fn column_gone(&self, used: &Use) -> Option<Kind> {
        let (was, now) = self.column(used)?;
        let column = was.name.clone();
        match now.filter(|now| !now.dropped) {
            None => Some(Kind::ColumnDropped { column }),
            Some(now) if now.name != column => {
                Some(Kind::ColumnRenamed { column, to: now.name.clone() })
            }
            Some(_) => None,
        }
    }

    fn type_changed(&self, used: &Use, state: &str, now: &Tried) -> Option<Kind> {
        let Some((was, is)) = self.column(used) else { return Some(other(state, now)) };
        let is = is.map(|is| is.type_name.clone()).unwrap_or_default();
        if is == was.type_name {
            return Some(other(state, now));
        }
        let (column, from) = (was.name.clone(), was.type_name.clone());
        Some(Kind::TypeChanged { column, from, to: is })
    }

    /// The action that a role may not do; a lost right to read is reported once.
    fn right(&self, used: &Use) -> Kind {
        let counts = |other: &Use| {
            other.relation == used.relation && other.role == used.role && other.act == Act::Count
        };
        let reads = self.uses.iter().position(counts).and_then(|at| self.tried.get(at));
        if reads.is_some_and(|tried| tried.state.as_deref() == Some("42501")) {
            return Kind::NoRight { act: None };
        }
        let act = match used.act {
            Act::Update => "UPDATE",
            Act::Insert | Act::Upsert => "INSERT",
            Act::Delete => "DELETE",
            _ => "SELECT",
        };
        Kind::NoRight { act: Some(act) }
    }
}

/// The label that a statement names.
fn label(sql: &str) -> String {
    sql.split('\'').nth(1).unwrap_or_default().to_owned()
}

/// The columns whose prepared statements fail: their type changed under their name.
pub fn prepared(first: &Catalog, now: &Catalog) -> Vec<(Oid, String)> {
    let now: BTreeMap<(Oid, i16), &Column> =
        now.columns.iter().map(|c| ((c.of, c.number), c)).collect();
    let changed = first.columns.iter().filter(|was| {
        let is = now.get(&(was.of, was.number));
        !was.dropped
            && is.is_some_and(|is| {
                is.name == was.name && !is.dropped && is.type_name != was.type_name
            })
    });
    changed.map(|was| (was.of, was.name.clone())).collect()
}
