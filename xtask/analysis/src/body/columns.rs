//! `op.create_table` and its arguments: columns, constraints, types.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::{Enum, Thing};
use super::{Frame, Reader};
use crate::effect::{Detail, Effect, Kind, Object, Spot, Whole};
use crate::python::{self, Value, field};
use crate::sql::types;

/// The Postgres names of SQLAlchemy's types, in lower case.
const TYPES: &[(&str, &str)] = &[
    ("array", "?"),
    ("bigint", "int8"),
    ("biginteger", "int8"),
    ("bit", "bit"),
    ("boolean", "bool"),
    ("bytea", "bytea"),
    ("char", "bpchar"),
    ("cidr", "cidr"),
    ("date", "date"),
    ("double", "float8"),
    ("double_precision", "float8"),
    ("float", "float8"),
    ("inet", "inet"),
    ("integer", "int4"),
    ("interval", "interval"),
    ("json", "json"),
    ("jsonb", "jsonb"),
    ("largebinary", "bytea"),
    ("money", "money"),
    ("numeric", "numeric"),
    ("real", "float4"),
    ("smallint", "int2"),
    ("smallinteger", "int2"),
    ("string", "varchar"),
    ("text", "text"),
    ("tsvector", "tsvector"),
    ("tstzrange", "tstzrange"),
    ("unicode", "varchar"),
    ("unicodetext", "text"),
    ("uuid", "uuid"),
    ("varchar", "varchar"),
];

impl<'m> Reader<'m> {
    /// `op.create_table(name, *columns, …)`.
    pub(super) fn create_table(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        arguments: &Arguments<'m>,
    ) -> Thing {
        let line = python::line(node);
        let Some(table) = self.table_name(frame, arguments, 0, "table_name") else {
            self.opaque(frame, node);
            return Thing::Unknown;
        };
        let guarded = self.is_true(arguments.named("if_not_exists"));
        let prefixes = arguments.named("prefixes").map(|node| self.module.text(node));
        let temporary = prefixes.is_some_and(|text| text.contains("TEMP"));
        let detail = Detail { guarded, temporary, ..Detail::default() };
        // The types first: a table creates the types that do not exist before it.
        let mut inside = Vec::new();
        for element in arguments.positional.iter().skip(1) {
            let at = python::line(*element);
            let effects = self.element(frame, &table, *element, guarded);
            inside.extend(effects.into_iter().map(|effect| (at, effect)));
        }
        // A constraint may be written before its columns.
        inside.sort_by_key(|(_, effect)| effect.is_on_columns());
        without_equals(&mut inside);
        for (_, effect) in &mut inside {
            if let Effect::Create(object, own) = effect
                && object.table.is_some()
            {
                own.temporary = temporary;
            }
        }
        let detail = Detail { whole: self.is_whole(frame, arguments), ..detail };
        let is_type = |effect: &Effect| matches!(effect, Effect::Create(object, _) if object.kind == Kind::Type);
        let (types, inside): (Vec<_>, Vec<_>) = inside.into_iter().partition(|(_, e)| is_type(e));
        for (at, effect) in types {
            self.push(frame, at, effect);
        }
        self.push(frame, line, Effect::Create(Object::new(Kind::Table, &table), detail));
        for (at, effect) in inside {
            self.push(frame, at, effect);
        }
        if let Some(by) = arguments.named("postgresql_partition_by")
            && let Some(by) = self.module.eval(by, &frame.env)
            && let Some(key) = by.as_str().and_then(|by| by.split_once('(')).map(|(_, key)| key)
        {
            let text = key.trim_end().trim_end_matches(')').to_owned();
            let (spot, owner) = (Spot::PartitionKey, table.clone());
            let table = table.clone();
            self.push(frame, line, Effect::Immutable { spot, owner, table, text });
        }
        Thing::Table(table)
    }

    /// Whether the arguments of a table name all of its columns.
    fn is_whole(&self, frame: &Frame<'_>, arguments: &Arguments<'m>) -> bool {
        let known = |element: &Node<'m>| {
            let callee = if element.kind() == "call" { self.callee(*element) } else { "" };
            let inner = Arguments::of(self.module, *element);
            match callee {
                "Column" => self.constant_name(frame, inner.get(0, "name")).is_some(),
                _ => callee.ends_with("Constraint") || callee == "Index",
            }
        };
        let inherits = arguments.named("postgresql_inherits").is_some();
        !inherits && arguments.positional.iter().skip(1).all(known)
    }

    /// A column or a constraint of a table.
    fn element(
        &mut self,
        frame: &mut Frame<'_>,
        table: &str,
        node: Node<'m>,
        guarded: bool,
    ) -> Vec<Effect> {
        if node.kind() != "call" {
            return Vec::new();
        }
        let arguments = Arguments::of(self.module, node);
        match self.callee(node) {
            // Such a key is put on later, by an operation of its own.
            _ if self.is_true(arguments.named("use_alter")) => Vec::new(),
            "Column" => self.column(frame, table, node, guarded, true).unwrap_or_default(),
            "PrimaryKeyConstraint" | "UniqueConstraint" => {
                let columns = arguments.positional.iter();
                let columns = columns.filter_map(|c| self.constant_name(frame, Some(*c))).collect();
                self.constraint(
                    frame,
                    table,
                    &arguments,
                    Detail { columns, indexed: true, guarded, ..Detail::default() },
                )
            }
            "ForeignKeyConstraint" => {
                let columns = self.names(frame, arguments.get(0, "columns"));
                let referred = self.names(frame, arguments.get(1, "refcolumns"));
                let mut effects = referred_table(referred.first()).into_iter().collect::<Vec<_>>();
                let detail = Detail { columns, guarded, ..Detail::default() };
                effects.extend(self.constraint(frame, table, &arguments, detail));
                effects
            }
            "CheckConstraint" => {
                let detail = Detail { guarded, ..Detail::default() };
                self.constraint(frame, table, &arguments, detail)
            }
            "ExcludeConstraint" => {
                let detail = Detail { guarded, indexed: true, ..Detail::default() };
                self.constraint(frame, table, &arguments, detail)
            }
            _ => Vec::new(),
        }
    }

    fn constraint(
        &mut self,
        frame: &Frame<'_>,
        table: &str,
        arguments: &Arguments<'m>,
        detail: Detail,
    ) -> Vec<Effect> {
        let name = self.constant_name(frame, arguments.named("name"));
        name.map(|name| Effect::Create(Object::on(table, Kind::Constraint, name), detail))
            .into_iter()
            .collect()
    }

    /// `sa.Column(name, type, …)`. `None` where its name is not known.
    pub(super) fn column(
        &mut self,
        frame: &mut Frame<'_>,
        table: &str,
        node: Node<'m>,
        guarded: bool,
        with_table: bool,
    ) -> Option<Vec<Effect>> {
        if node.kind() != "call" || self.callee(node) != "Column" {
            return None;
        }
        let arguments = Arguments::of(self.module, node);
        let name = self.constant_name(frame, arguments.get(0, "name"))?;
        let typed = arguments.get(1, "type_").map(|node| self.type_of(frame, node));
        let (type_, enum_) = typed.unwrap_or_default();
        let mut effects = Vec::new();
        if let Some(enum_) = enum_ {
            let made = with_table && enum_.made_with_table;
            let object = Object::new(Kind::Type, enum_.name);
            effects.push(if made {
                let with_table = true;
                let detail = Detail { guarded, is_enum: true, with_table, ..Detail::default() };
                Effect::Create(object, detail)
            } else {
                Effect::Alter { object, guarded: false, type_: None }
            });
        }
        let is_false = |node: Node<'m>| self.module.text(node) == "False";
        // An unknown type may be a domain with a default, and a call among the arguments may give a
        // value.
        let calls =
            arguments.positional.iter().skip(2).any(|node| self.callee(*node) != "ForeignKey");
        let needs_value = arguments.named("nullable").is_some_and(is_false)
            && arguments.named("server_default").is_none()
            && type_.as_deref().is_some_and(types::is_own)
            && !calls;
        let not_null = arguments.named("nullable").is_some_and(is_false)
            || self.is_true(arguments.named("primary_key"));
        let detail = Detail { guarded, type_, not_null, needs_value, ..Detail::default() };
        effects.push(Effect::Create(Object::on(table, Kind::Column, &name), detail));
        if self.is_true(arguments.named("index")) {
            let index = format!("ix_{}_{name}", table.replace('.', "_"));
            let object = Object { kind: Kind::Index, name: index, table: Some(table.to_owned()) };
            let columns = vec![name.clone()];
            let detail = Detail { guarded, columns, by_itself: true, ..Detail::default() };
            effects.push(Effect::Create(object, detail));
        }
        for element in arguments.positional.iter().skip(1).filter(|node| node.kind() == "call") {
            let inner = Arguments::of(self.module, *element);
            match self.callee(*element) {
                "ForeignKey" if !self.is_true(inner.named("use_alter")) => {
                    let target = self.constant_name(frame, inner.get(0, "column"));
                    effects.extend(referred_table(target.as_ref()));
                    let detail =
                        Detail { guarded, columns: vec![name.clone()], ..Detail::default() };
                    effects.extend(self.constraint(frame, table, &inner, detail));
                }
                "Computed" => {
                    if let Some(text) = inner.get(0, "sqltext") {
                        let spot = Spot::GeneratedColumn;
                        effects.extend(self.immutable(frame, spot, &name, table, text));
                    }
                }
                _ => {}
            }
        }
        if let Some(default) = arguments.named("server_default")
            && let Some(constant) = self.module.eval(default, &frame.env)
            && let Value::Str(text) = constant.value
        {
            effects.push(Effect::Literals(vec![text]));
        }
        Some(effects)
    }

    /// The work of a new column on the rows of an existing table.
    pub(super) fn work_of_column(&self, node: Node<'m>) -> Option<Whole> {
        let arguments = Arguments::of(self.module, node);
        let has = |names: &[&str]| {
            let calls = arguments.positional.iter().filter(|node| node.kind() == "call");
            calls.into_iter().any(|node| names.contains(&self.callee(*node)))
        };
        let is_indexed = ["index", "unique"].iter().any(|n| self.is_true(arguments.named(n)));
        if has(&["Computed", "Identity"]) {
            Some(Whole::Rewrite)
        } else {
            is_indexed.then_some(Whole::Index)
        }
    }

    /// The last name of the called function: `Column` of `sa.Column(…)`.
    fn callee(&self, call: Node<'m>) -> &'m str {
        let callee = call.child_by_field_id(field::FUNCTION).map(|callee| self.module.text(callee));
        let written = callee.and_then(|text| text.rsplit('.').next()).unwrap_or_default();
        // `from sqlalchemy import Column as C`
        match self.names.get(written) {
            Some(full) if full.starts_with("sqlalchemy.") => {
                let full: &'m str = full;
                full.rsplit('.').next().unwrap_or(written)
            }
            _ => written,
        }
    }

    /// The type that an expression names, and the enum that it is.
    pub(super) fn type_of(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
    ) -> (Option<String>, Option<Enum>) {
        // A type of the application's own is a type, whatever it is made of.
        let may_be_enum =
            node.kind() != "call" || ["Enum", "ENUM", "with_variant"].contains(&self.callee(node));
        if may_be_enum && let Thing::Enum(enum_) = self.thing(frame, node) {
            return (Some(enum_.name.clone()), Some(enum_));
        }
        let (name, arguments) = match node.kind() {
            "call" => (self.callee(node), Arguments::of(self.module, node)),
            _ => {
                let text = self.module.text(node);
                (text.rsplit('.').next().unwrap_or(text), Arguments::default())
            }
        };
        let lower = name.to_lowercase();
        let zoned = self.is_true(arguments.get(0, "timezone"));
        let found = match lower.as_str() {
            "datetime" | "timestamp" if zoned => Some("timestamptz"),
            "datetime" | "timestamp" => Some("timestamp"),
            "time" if zoned => Some("timetz"),
            "time" => Some("time"),
            _ => TYPES.iter().find(|(own, _)| *own == lower).map(|(_, type_)| *type_),
        };
        (found.filter(|type_| *type_ != "?").map(str::to_owned), None)
    }

    /// `sa.Enum(…)` or `postgresql.ENUM(…)`.
    pub(super) fn enum_of(
        &mut self,
        frame: &Frame<'_>,
        arguments: &Arguments<'m>,
        is_postgres: bool,
    ) -> Option<Enum> {
        let is_false = |name| arguments.named(name).is_some_and(|n| self.module.text(n) == "False");
        if is_false("native_enum") {
            return None;
        }
        let given = self.constant_name(frame, arguments.named("name"));
        let name = match given {
            Some(name) => name,
            // An enum class gives its own name, in lower case.
            None if arguments.named("name").is_none() => {
                let class = arguments.positional.first().filter(|n| n.kind() == "identifier")?;
                self.module.text(*class).to_lowercase()
            }
            None => return None,
        };
        let schema = self.constant_name(frame, arguments.named("schema"));
        let name = match schema.filter(|schema| schema != "public") {
            Some(schema) => format!("{schema}.{name}"),
            None => name,
        };
        // `create_type` is an argument of postgresql.ENUM: sa.Enum takes it and does nothing with it.
        let is_separate = is_postgres && is_false("create_type");
        let made_with_table = !is_separate && arguments.named("metadata").is_none();
        Some(Enum { name, made_with_table })
    }
}

/// Postgres makes one of the keys and unique constraints of a table that are on the same columns:
/// the first.
fn without_equals(elements: &mut Vec<(u32, Effect)>) {
    let mut seen: Vec<Vec<String>> = Vec::new();
    elements.retain(|(_, effect)| match effect {
        Effect::Create(object, detail)
            if object.kind == Kind::Constraint && detail.indexed && !detail.columns.is_empty() =>
        {
            let new = !seen.contains(&detail.columns);
            seen.push(detail.columns.clone());
            new
        }
        _ => true,
    });
}

/// `accounts.id`: the table.
fn referred_table(target: Option<&String>) -> Option<Effect> {
    let (table, _) = target?.rsplit_once('.')?;
    let table = table.strip_prefix("public.").unwrap_or(table);
    Some(Effect::Use(Object::new(Kind::Table, table)))
}
