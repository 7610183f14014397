//! Effects of a revision on a database, as plain data: the common language of the SQL reader, the
//! reader of `upgrade()` and `downgrade()`, and the lints.
//!
//! A statement that could not be understood is [`Effect::Opaque`], never guessed.

use std::borrow::Cow;

pub use crate::whole::Whole;

/// Stands in SQL for a part of an f-string that only a run would know.
pub const HOLE: &str = "__not_known_before_the_run__";

/// The number of bytes of a name that Postgres keeps.
const MOST_NAME_BYTES: usize = 63;

/// A name as Postgres keeps it.
pub fn cut(name: &str) -> &str {
    let mut end = if name.contains(HOLE) { name.len() } else { name.len().min(MOST_NAME_BYTES) };
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A table, partitioned or not.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// An index.
    Index,
    /// An enum, a domain, a composite type.
    Type,
    /// A function, a procedure or an aggregate; overloads are not distinguished.
    Function,
    /// A trigger on a table.
    Trigger,
    /// A policy on a table.
    Policy,
    /// A constraint of a table.
    Constraint,
    /// A column of a table.
    Column,
    /// A schema.
    Schema,
    /// An extension.
    Extension,
}

impl Kind {
    /// How a message names it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::View => "view",
            Kind::MaterializedView => "materialized view",
            Kind::Sequence => "sequence",
            Kind::Index => "index",
            Kind::Type => "type",
            Kind::Function => "function",
            Kind::Trigger => "trigger",
            Kind::Policy => "policy",
            Kind::Constraint => "constraint",
            Kind::Column => "column",
            Kind::Schema => "schema",
            Kind::Extension => "extension",
        }
    }
}

/// A named object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name, folded as Postgres folds it, without `public.`.
    pub name: String,
    /// The table it is on, where it is on one and that is known.
    pub table: Option<String>,
}

impl Object {
    /// An object that belongs to no table.
    pub fn new(kind: Kind, name: impl Into<String>) -> Object {
        Object { kind, name: name.into(), table: None }
    }

    /// An object on a table.
    pub fn on(table: impl Into<String>, kind: Kind, name: impl Into<String>) -> Object {
        Object { kind, name: name.into(), table: Some(table.into()) }
    }

    /// How a message names it: "column `a` of `t`".
    pub fn shown(&self) -> String {
        match (&self.table, self.kind) {
            (Some(table), Kind::Column | Kind::Constraint | Kind::Trigger | Kind::Policy) => {
                format!("{} `{}` of `{table}`", self.kind.word(), self.name)
            }
            _ => format!("{} `{}`", self.kind.word(), self.name),
        }
    }
}

/// Plain data: further properties of a created object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// `IF NOT EXISTS`, `checkfirst=True`: an existing object is no error.
    pub guarded: bool,
    /// `OR REPLACE`.
    pub replaces: bool,
    /// A column's type, as `pg_type` names it; the arguments of a function, as written.
    pub type_: Option<String>,
    /// Whether a type is an enum.
    pub is_enum: bool,
    /// Whether `op.create_table` makes it on its way, which SQLAlchemy does once for each name and
    /// run of Alembic.
    pub with_table: bool,
    /// Columns of an index or a constraint, which is dropped with any of them.
    pub columns: Vec<String>,
    /// Whether a constraint brings an index of its own name.
    pub indexed: bool,
    /// Whether a function is declared immutable.
    pub immutable: bool,
    /// The parent of a partition; the table that a sequence is dropped with.
    pub parent: Option<String>,
    /// Whether it is dropped at the end of the transaction or the session.
    pub temporary: bool,
    /// Whether all columns of a table are known.
    pub whole: bool,
    /// Whether a column takes no NULL.
    pub not_null: bool,
    /// Whether a column is NOT NULL without a default or another source of values.
    pub needs_value: bool,
    /// Whether an index got its name from Postgres.
    pub by_itself: bool,
}

/// Place of an expression that Postgres requires to be immutable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// `CREATE INDEX … WHERE`.
    IndexPredicate,
    /// `CREATE INDEX … ((expression))`.
    IndexExpression,
    /// `GENERATED ALWAYS AS (…) STORED`.
    GeneratedColumn,
    /// `PARTITION BY … (expression)`.
    PartitionKey,
}

impl Spot {
    /// How a message names it.
    pub fn phrase(self) -> &'static str {
        match self {
            Spot::IndexPredicate => "the predicate of",
            Spot::IndexExpression => "an expression of",
            Spot::GeneratedColumn => "the expression of generated column",
            Spot::PartitionKey => "the partition key of",
        }
    }
}

/// A value in a row or a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A literal, or a bound parameter whose value is in the text.
    Known(String),
    /// A bound parameter `:name`, before its value is looked up.
    Bound(String),
    /// Anything else.
    Unknown,
}

/// A query for rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The table.
    pub table: String,
    /// `column = value`, all of which must hold. Only those that are understood.
    pub conditions: Vec<(String, Value)>,
    /// Whether `conditions` is complete: otherwise a row may be missing for another reason.
    pub whole: bool,
    /// Whether a revision raises if no row is found.
    pub raises: bool,
}

/// Rows put into a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: String,
    /// The values by column; `None` where the rows are computed.
    pub rows: Option<Vec<Vec<(String, Value)>>>,
}

/// One thing that a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Makes an object; a constraint or an index whose name is not known here has an empty one.
    Create(Object, Detail),
    /// Drops one; an empty name is one that is not known here.
    Drop {
        /// The object.
        object: Object,
        /// `IF EXISTS`, `checkfirst=True`.
        guarded: bool,
        /// `CASCADE`: dependent objects are dropped as well.
        cascade: bool,
    },
    /// Changes an object, which must exist.
    Alter {
        /// The object.
        object: Object,
        /// `IF EXISTS`.
        guarded: bool,
        /// The new type of a column.
        type_: Option<String>,
    },
    /// Gives one another name.
    Rename {
        /// The object.
        object: Object,
        /// Its new name.
        to: String,
        /// `IF EXISTS`.
        guarded: bool,
    },
    /// Makes a table a partition of another, or no longer one; lets a sequence go with a table.
    Attach {
        /// The partition, or the sequence.
        child: String,
        /// Its parent from here on.
        parent: Option<String>,
    },
    /// Reads, writes, grants on or refers to an object, which must exist.
    Use(Object),
    /// Looks up rows of one table.
    Lookup(Lookup),
    /// Inserts rows.
    Insert(Rows),
    /// Changes or removes rows.
    Write(String),
    /// `LOCK TABLE`, by which nobody else uses the table: the revision says so itself.
    Lock(String),
    /// Works on all rows of a table, which must exist.
    Whole {
        /// The table.
        table: String,
        /// The work.
        work: Whole,
    },
    /// Names a role, which must exist; the word names the statement: `GRANT`.
    Role {
        /// Its name.
        name: String,
        /// The command.
        command: Cow<'static, str>,
    },
    /// Makes a role.
    CreateRole(String),
    /// An expression that must be immutable.
    Immutable {
        /// Where.
        spot: Spot,
        /// The object with the expression.
        owner: String,
        /// The table whose columns it sees.
        table: String,
        /// Its text.
        text: String,
    },
    /// Adds a label to an enum.
    AddValue {
        /// The enum.
        type_: String,
        /// The label.
        value: String,
    },
    /// String literals of a statement, which may be labels of an enum.
    Literals(Vec<String>),
    /// A statement that cannot run inside a transaction.
    OutsideTransaction(String),
    /// `COMMIT`, `BEGIN` and the like.
    Transaction(String),
    /// `drop_constraint` without this: `name`, `table`.
    DropWithout(Cow<'static, str>),
    /// Asks for input: `input`.
    Asks(String),
    /// Runs SQL for each element of a set.
    InSetOrder,
    /// Code that could not be followed; the text, if all of it is known.
    Opaque(Option<String>),
}

impl Effect {
    /// Whether it makes an object on columns: an index or a constraint.
    pub fn is_on_columns(&self) -> bool {
        matches!(self, Effect::Create(object, _) if matches!(object.kind, Kind::Constraint | Kind::Index))
    }
}

/// One effect and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The effect.
    pub effect: Effect,
    /// The line in the revision's file, from 1.
    pub line: u32,
    /// Whether it only happens under a condition.
    pub conditional: bool,
    /// The number of its `autocommit_block()`, from 1.
    pub autocommit: Option<u32>,
}

#[cfg(test)]
impl Effect {
    /// Shortly, for the tests.
    pub fn shown(&self) -> String {
        let guard = |guarded: &bool| if *guarded { " guarded" } else { "" };
        match self {
            Effect::Create(object, detail) => detail.shown(object),
            Effect::Drop { object, guarded, cascade } => {
                let cascade = if *cascade { " cascade" } else { "" };
                format!("drop {}{}{cascade}", object.shown(), guard(guarded))
            }
            Effect::Alter { object, guarded, type_ } => {
                let type_ = type_.as_ref().map(|t| format!(" to {t}")).unwrap_or_default();
                format!("alter {}{}{type_}", object.shown(), guard(guarded))
            }
            Effect::Rename { object, to, guarded } => {
                format!("rename {} to {to}{}", object.shown(), guard(guarded))
            }
            Effect::Attach { child, parent } => format!("attach {child} to {parent:?}"),
            Effect::Use(object) => format!("use {}", object.shown()),
            Effect::Lookup(Lookup { table, conditions, whole, raises }) => {
                let whole = if *whole { "" } else { " and more" };
                let raises = if *raises { " or raise" } else { "" };
                format!("lookup {table} {conditions:?}{whole}{raises}")
            }
            Effect::Insert(Rows { table, rows }) => format!("insert {table} {rows:?}"),
            Effect::Write(table) => format!("write {table}"),
            Effect::Lock(table) => format!("lock {table}"),
            Effect::Whole { table, work } => format!("whole {table}: {work:?}"),
            Effect::Role { name, command } => format!("role {name} ({command})"),
            Effect::CreateRole(name) => format!("create role {name}"),
            Effect::Immutable { spot, owner, table, text } => {
                format!("immutable: {} {owner}, table {table}: {text}", spot.phrase())
            }
            Effect::AddValue { type_, value } => format!("add value {value} to {type_}"),
            Effect::Literals(all) => format!("literals {all:?}"),
            Effect::OutsideTransaction(what) => format!("outside transaction: {what}"),
            Effect::Transaction(verb) => format!("transaction: {verb}"),
            Effect::DropWithout(what) => format!("drop constraint without {what}"),
            Effect::Asks(what) => format!("asks: {what}"),
            Effect::InSetOrder => "in the order of a set".into(),
            Effect::Opaque(text) => format!("opaque {text:?}"),
        }
    }
}

#[cfg(test)]
impl Detail {
    fn shown(&self, object: &Object) -> String {
        let mut text = format!("create {}", object.shown());
        let flags = [
            (self.guarded, "guarded"),
            (self.replaces, "replaces"),
            (self.indexed, "indexed"),
            (self.immutable, "immutable"),
            (self.is_enum, "enum"),
            (self.temporary, "temporary"),
        ];
        flags.iter().filter(|(on, _)| *on).for_each(|(_, word)| {
            text.push_str(&format!(" {word}"));
        });
        if let Some(type_) = &self.type_ {
            text.push_str(&format!(" {type_}"));
        }
        if let Some(parent) = &self.parent {
            text.push_str(&format!(" parent {parent}"));
        }
        if object.kind == Kind::Index {
            text.push_str(&format!(" on {}", object.table.as_deref().unwrap_or("?")));
        }
        if !self.columns.is_empty() {
            text.push_str(&format!(" ({})", self.columns.join(", ")));
        }
        text
    }
}
