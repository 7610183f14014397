//! Expressions and calls: their values, and their effects.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::{Built, Does, Thing};
use super::{Frame, MAX_DEPTH, Reader};
use crate::effect::{Effect, Kind, Object};
use crate::python::{Value, field, line};

/// Modules that no migration needs to be followed into: they have no connection.
const HARMLESS: &[&str] = &[
    "alembic",
    "base64",
    "calendar",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "operator",
    "os",
    "pathlib",
    "random",
    "re",
    "secrets",
    "sqlalchemy",
    "string",
    "sys",
    "textwrap",
    "time",
    "typing",
    "uuid",
    "warnings",
    "zoneinfo",
];

impl<'m> Reader<'m> {
    /// The value of an expression. Effects of the evaluation are recorded.
    pub(super) fn thing(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        if frame.depth > MAX_DEPTH {
            return Thing::Unknown;
        }
        frame.depth += 1;
        let thing = self.thing_at(frame, node);
        frame.depth -= 1;
        thing
    }

    fn thing_at(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        match node.kind() {
            "identifier" => self.name(frame, self.module.text(node)),
            "attribute" => {
                let (Some(object), Some(attribute)) = (
                    node.child_by_field_id(field::OBJECT),
                    node.child_by_field_id(field::ATTRIBUTE),
                ) else {
                    return Thing::Unknown;
                };
                let attribute = self.module.text(attribute);
                match self.thing(frame, object) {
                    Thing::Path(path) => Thing::Path(format!("{path}.{attribute}")),
                    // The connection of the driver below this one, or the bind of a session.
                    bind @ Thing::Bind { .. } if attribute == "connection" => bind,
                    Thing::Context if attribute == "bind" => Thing::Bind { autocommit: false },
                    Thing::Bind { .. } | Thing::Context
                        if ["dialect", "engine"].contains(&attribute) =>
                    {
                        Thing::Dialect
                    }
                    Thing::Dialect if attribute == "name" => Thing::DialectName,
                    _ => Thing::Unknown,
                }
            }
            "call" => self.call(frame, node),
            "parenthesized_expression" | "await" => {
                node.named_child(0).map(|inner| self.thing(frame, inner)).unwrap_or_default()
            }
            "named_expression" => {
                let value = node.child_by_field_id(field::VALUE);
                let thing = value.map(|value| self.thing(frame, value)).unwrap_or_default();
                if let Some(name) = node.child_by_field_id(field::NAME) {
                    frame.things.insert(self.module.text(name).to_owned(), thing.clone());
                }
                thing
            }
            "subscript" => self.subscript(frame, node),
            "set" => self.set(frame, node),
            "binary_operator" => self.of_sets(frame, node),
            "set_comprehension" => {
                self.comprehension(frame, node);
                Thing::Set
            }
            "list_comprehension" | "generator_expression" | "dictionary_comprehension" => {
                self.comprehension(frame, node)
            }
            "conditional_expression" | "boolean_operator" => self.perhaps(frame, node),
            "string" | "concatenated_string" | "lambda" | "integer" | "none" | "true" | "false" => {
                Thing::Unknown
            }
            _ => {
                self.each_child(frame, node);
                Thing::Unknown
            }
        }
    }

    fn subscript(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        let value = node.child_by_field_id(field::VALUE);
        match value.map(|value| self.thing(frame, value)) {
            // `….first()[0]` raises without a row; for a name, an earlier condition may have
            // checked the row.
            Some(Thing::Found(at)) if value.is_some_and(|v| v.kind() == "call") => {
                self.mark_raising(at);
                Thing::Found(at)
            }
            Some(found @ Thing::Found(_)) => found,
            _ => Thing::Unknown,
        }
    }

    pub(super) fn each_child(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.thing(frame, child);
        }
    }

    pub(super) fn name(&self, frame: &Frame<'_>, name: &str) -> Thing {
        if let Some(thing) = frame.things.get(name) {
            return thing.clone();
        }
        if let Some(thing) = self.things.get(name).filter(|thing| **thing != Thing::Unknown) {
            return thing.clone();
        }
        self.names.get(name).map(|full| Thing::Path(full.clone())).unwrap_or_default()
    }

    fn call(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        let Some(callee) = node.child_by_field_id(field::FUNCTION) else { return Thing::Unknown };
        let arguments = Arguments::of(self.module, node);
        if callee.kind() == "identifier" {
            let name = self.module.text(callee);
            if let Some(function) = self.functions.get(name).copied() {
                return self.inline(frame, function, &arguments);
            }
            if let Some(thing) = self.builtin(frame, node, name, &arguments) {
                return thing;
            }
        }
        if callee.kind() == "attribute"
            && let (Some(object), Some(method)) = (
                callee.child_by_field_id(field::OBJECT),
                callee.child_by_field_id(field::ATTRIBUTE),
            )
        {
            let method = self.module.text(method);
            let object = self.thing(frame, object);
            if !matches!(object, Thing::Path(_) | Thing::Unknown) {
                return self.method(frame, node, object, method, &arguments);
            }
            if let Thing::Path(path) = object {
                return self.call_path(frame, node, &format!("{path}.{method}"), &arguments);
            }
            if ["create_all", "drop_all", "create", "drop"].contains(&method) {
                self.opaque(frame, node);
            }
            // An inspector raises for a missing table.
            if method == "get_columns"
                && let Some(table) = self.table_name(frame, &arguments, 0, "table_name")
            {
                self.push(frame, line(node), Effect::Use(Object::new(Kind::Table, table)));
            }
            return self.call_unknown(frame, node, &arguments);
        }
        match self.thing(frame, callee) {
            Thing::Path(path) => self.call_path(frame, node, &path, &arguments),
            // `Session = sessionmaker(bind=bind)`, then `Session()`.
            Thing::Session => Thing::Session,
            _ => self.call_unknown(frame, node, &arguments),
        }
    }

    /// A call of an imported function.
    fn call_path(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        path: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        if let Some(operation) = path.strip_prefix("alembic.op.") {
            return self.operation(frame, node, operation, arguments, None);
        }
        self.asks(frame, node, path);
        let root = path.split('.').next().unwrap_or_default();
        let last = path.rsplit('.').next().unwrap_or_default();
        if root == "sqlalchemy" || root == "sqlmodel" {
            return self.sqlalchemy(frame, node, last, arguments);
        }
        self.each_argument(frame, arguments);
        if !HARMLESS.contains(&root) || self.hands_over_the_connection(frame, arguments) {
            self.opaque(frame, node);
        }
        Thing::Unknown
    }

    /// A call of an unknown function: harmless, unless it gets hold of the connection.
    fn call_unknown(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        arguments: &Arguments<'m>,
    ) -> Thing {
        self.each_argument(frame, arguments);
        if self.hands_over_the_connection(frame, arguments) {
            self.opaque(frame, node);
        }
        Thing::Unknown
    }

    fn each_argument(&mut self, frame: &mut Frame<'_>, arguments: &Arguments<'m>) {
        for argument in arguments.all() {
            self.thing(frame, argument);
        }
    }

    fn hands_over_the_connection(
        &mut self,
        frame: &mut Frame<'_>,
        arguments: &Arguments<'m>,
    ) -> bool {
        let names = arguments.all().filter(|node| node.kind() == "identifier");
        let mut things = names.map(|node| self.name(frame, self.module.text(node)));
        let direct = things.any(|thing| match thing {
            Thing::Bind { .. } | Thing::Session | Thing::Context | Thing::Batch(_) => true,
            Thing::Path(path) => path == "alembic.op",
            _ => false,
        });
        direct || arguments.all().any(|node| self.module.text(node).starts_with("op.get_bind()"))
    }

    /// A call of a function of SQLAlchemy, by its last name.
    fn sqlalchemy(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        name: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        match name {
            "text" | "DDL" => match arguments.positional.first() {
                Some(first) => Thing::Sql(self.sql_text(frame, *first)),
                None => Thing::Unknown,
            },
            "Enum" | "ENUM" => {
                self.enum_of(frame, arguments, name == "ENUM").map_or(Thing::Unknown, Thing::Enum)
            }
            "table" | "Table" => {
                let table = self.constant_name(frame, arguments.positional.first().copied());
                table.map_or(Thing::Unknown, Thing::Table)
            }
            "insert" | "update" | "delete" | "select" => {
                let table = arguments.positional.first().map(|table| self.thing(frame, *table));
                let table = match table {
                    Some(Thing::Table(table)) if name != "select" => Some(table),
                    _ => None,
                };
                Thing::Built(Built { table, does: does(name) })
            }
            "Session" | "sessionmaker" => Thing::Session,
            "CreateSchema" | "CreateSequence" | "DropSchema" | "DropSequence" => {
                self.ddl_element(frame, name, arguments)
            }
            // An inspector reads the catalogue and changes no object.
            "inspect" => Thing::Unknown,
            _ => {
                self.each_argument(frame, arguments);
                if self.hands_over_the_connection(frame, arguments) {
                    self.opaque(frame, node);
                }
                Thing::Unknown
            }
        }
    }

    /// A call of a method of a known value.
    fn method(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        object: Thing,
        method: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        match object {
            Thing::Bind { autocommit } => {
                self.bind_method(frame, node, autocommit, method, arguments)
            }
            Thing::Session => self.session_method(frame, node, method, arguments),
            Thing::Context => match method {
                "execute" => self.execute(frame, node, arguments),
                _ => Thing::Unknown,
            },
            Thing::Batch(table) => self.operation(frame, node, method, arguments, Some(&table)),
            Thing::Enum(enum_) => self.enum_method(frame, node, enum_, method, arguments),
            Thing::Table(table) => match method {
                "insert" | "update" | "delete" | "select" => {
                    Thing::Built(Built { table: Some(table), does: does(method) })
                }
                "create" | "drop" => self.table_method(frame, node, table, method, arguments),
                _ => Thing::Unknown,
            },
            Thing::Sql(sql) => self.sql_method(frame, sql, method, arguments),
            Thing::Built(built) => Thing::Built(built),
            Thing::Result(at) | Thing::Found(at) => self.result_method(at, method),
            Thing::Path(_) | Thing::Set | Thing::Dialect | Thing::DialectName | Thing::Unknown => {
                Thing::Unknown
            }
        }
    }

    /// The value of a method of a result: a row or None, or an exception where no row is found.
    fn result_method(&mut self, at: usize, method: &str) -> Thing {
        match method {
            "one" | "scalar_one" => {
                self.mark_raising(at);
                Thing::Found(at)
            }
            "scalar" | "first" | "fetchone" | "one_or_none" | "scalar_one_or_none" | "all"
            | "fetchall" => Thing::Found(at),
            "scalars" | "mappings" | "unique" | "columns" => Thing::Result(at),
            _ => Thing::Unknown,
        }
    }

    /// A name that a constant gives, through `op.f(…)` and `quoted_name(…)`.
    pub(super) fn constant_name(
        &self,
        frame: &Frame<'_>,
        node: Option<Node<'m>>,
    ) -> Option<String> {
        let node = node?;
        if node.kind() == "call" {
            let inner = Arguments::of(self.module, node).positional.first().copied()?;
            let callee = self.module.text(node.child_by_field_id(field::FUNCTION)?);
            let passes = ["f", "quoted_name"].contains(&callee.rsplit('.').next()?);
            return if passes { self.constant_name(frame, Some(inner)) } else { None };
        }
        match self.module.eval(node, &frame.env)?.value {
            Value::Str(name) => Some(name),
            _ => None,
        }
    }
}

fn does(verb: &str) -> Does {
    match verb {
        "insert" => Does::Insert,
        "select" => Does::Read,
        _ => Does::Write,
    }
}
