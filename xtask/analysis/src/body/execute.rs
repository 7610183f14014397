//! Whatever runs SQL: `op.execute`, `bind.execute`, `exec_driver_sql`, a session.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::{Built, Does, Sql, Thing};
use super::{Frame, Reader};
use crate::effect::{Effect, HOLE, Kind, Object, Rows, Value};
use crate::python::{self, constant, field};
use crate::sql;

impl<'m> Reader<'m> {
    /// A method of the connection.
    pub(super) fn bind_method(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        autocommit: bool,
        method: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        let before = frame.autocommit;
        if autocommit {
            self.blocks += 1;
            frame.autocommit = Some(self.blocks);
        }
        let thing = match method {
            "execute" | "exec_driver_sql" | "executemany" => self.execute(frame, node, arguments),
            "scalar" => match self.execute(frame, node, arguments) {
                Thing::Result(at) => Thing::Found(at),
                _ => Thing::Unknown,
            },
            "scalars" => self.execute(frame, node, arguments),
            "execution_options" => {
                let isolation = arguments.named("isolation_level");
                let autocommit =
                    isolation.is_some_and(|level| self.module.text(level).contains("AUTOCOMMIT"));
                Thing::Bind { autocommit }
            }
            "connect" | "cursor" | "begin" | "begin_nested" | "__enter__" => {
                Thing::Bind { autocommit }
            }
            "commit" | "rollback" => {
                let verb = format!("{method}()");
                self.push(frame, python::line(node), Effect::Transaction(verb));
                Thing::Unknown
            }
            "fetchone" | "fetchall" | "close" | "get_bind" | "in_transaction" | "detach" => {
                Thing::Unknown
            }
            _ => {
                self.opaque(frame, node);
                Thing::Unknown
            }
        };
        frame.autocommit = before;
        thing
    }

    /// A method of a session: its own `commit()` does not end Alembic's transaction.
    pub(super) fn session_method(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        method: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        match method {
            "execute" | "scalars" => self.execute(frame, node, arguments),
            "scalar" => match self.execute(frame, node, arguments) {
                Thing::Result(at) => Thing::Found(at),
                _ => Thing::Unknown,
            },
            "connection" | "get_bind" => Thing::Bind { autocommit: false },
            _ => Thing::Unknown,
        }
    }

    /// Runs the value of the first argument.
    pub(super) fn execute(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        arguments: &Arguments<'m>,
    ) -> Thing {
        self.acts = true;
        let first = arguments.positional.first().copied();
        let named = ["sqltext", "statement", "sql", "clause"].iter();
        let Some(first) = first.or_else(|| named.filter_map(|n| arguments.named(n)).next()) else {
            return Thing::Unknown;
        };
        let thing = match self.thing(frame, first) {
            Thing::Unknown | Thing::Path(_) => Thing::Sql(self.sql_text(frame, first)),
            thing => thing,
        };
        match thing {
            Thing::Sql(mut sql) => {
                let given = arguments.positional.get(1).copied();
                let given = given.or_else(|| arguments.named("parameters"));
                if let Some(given) = given {
                    sql.parameters.extend(self.dictionary(frame, given));
                }
                self.run_sql(frame, node, sql)
            }
            Thing::Built(built) => {
                self.run_built(frame, node, built);
                Thing::Unknown
            }
            _ => {
                self.opaque(frame, node);
                Thing::Unknown
            }
        }
    }

    fn run_built(&mut self, frame: &Frame<'_>, node: Node<'m>, built: Built) {
        let Some(table) = built.table else { return };
        let line = python::line(node);
        self.push(frame, line, Effect::Use(Object::new(Kind::Table, &table)));
        match built.does {
            Does::Read => {}
            Does::Insert => self.push(frame, line, Effect::Insert(Rows { table, rows: None })),
            Does::Write => self.push(frame, line, Effect::Write(table)),
        }
    }

    /// Records the effects of some SQL. A result is that of its last lookup.
    fn run_sql(&mut self, frame: &Frame<'_>, node: Node<'m>, sql: Sql) -> Thing {
        if sql.text == HOLE {
            self.opaque(frame, node);
            return Thing::Unknown;
        }
        let mut result = Thing::Unknown;
        for (below, effect) in sql::read(&sql.text) {
            let effect = with_parameters(effect, &sql.parameters);
            if matches!(effect, Effect::Lookup(_)) {
                result = Thing::Result(self.deeds.len());
            }
            self.push(frame, sql.line + below, effect);
        }
        result
    }

    /// The SQL of an expression. An unknown part is a hole.
    pub(super) fn sql_text(&mut self, frame: &Frame<'_>, node: Node<'m>) -> Sql {
        let line = python::line(node);
        let sql = |text: String, line: u32| Sql { text, line, parameters: Vec::new() };
        if let Some(constant) = self.module.eval(node, &frame.env) {
            return match constant.value {
                python::Value::Str(text) => sql(text, constant.line),
                python::Value::Partial(text) => {
                    sql(text.replace(constant::HOLE, HOLE), constant.line)
                }
                _ => sql(HOLE.to_owned(), line),
            };
        }
        let inner = match node.kind() {
            // "…" % (…)
            "binary_operator" => node.child_by_field_id(field::LEFT).map(|left| (left, "%s")),
            "call" => {
                let callee = node.child_by_field_id(field::FUNCTION);
                let callee_text = callee.map(|callee| self.module.text(callee)).unwrap_or_default();
                if callee_text.ends_with(".format") {
                    callee.and_then(|c| c.child_by_field_id(field::OBJECT)).map(|left| (left, "{}"))
                } else if callee_text.ends_with("dedent") || callee_text.ends_with("cleandoc") {
                    let first = Arguments::of(self.module, node).positional.first().copied();
                    return first
                        .map_or(sql(HOLE.to_owned(), line), |first| self.sql_text(frame, first));
                } else {
                    None
                }
            }
            _ => None,
        };
        let known = inner.and_then(|(left, holes)| {
            let constant = self.module.eval(left, &frame.env)?;
            Some((constant.as_str()?.to_owned(), holes, constant.line))
        });
        match known {
            Some((text, "%s", line)) => sql(fill(&text, '%', 's'), line),
            Some((text, _, line)) => sql(fill(&text, '{', '}'), line),
            None => sql(HOLE.to_owned(), line),
        }
    }

    /// A method of `sa.text(…)`.
    pub(super) fn sql_method(
        &mut self,
        frame: &mut Frame<'_>,
        mut sql: Sql,
        method: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        if method == "bindparams" {
            for (name, node) in arguments.all_named() {
                let value = self.value(frame, node);
                sql.parameters.push((name.to_owned(), value));
            }
        }
        Thing::Sql(sql)
    }

    /// `{"name": value}`, as far as known.
    fn dictionary(&self, frame: &Frame<'_>, node: Node<'m>) -> Vec<(String, Value)> {
        let mut cursor = node.walk();
        let pairs = node.named_children(&mut cursor).filter(|pair| pair.kind() == "pair");
        pairs
            .filter_map(|pair| {
                let key = self.module.eval(pair.child_by_field_id(field::KEY)?, &frame.env)?;
                let value = self.value(frame, pair.child_by_field_id(field::VALUE)?);
                Some((key.as_str()?.to_owned(), value))
            })
            .collect()
    }

    /// The rows of `op.bulk_insert(table, [{…}, …])`.
    pub(super) fn rows(
        &self,
        frame: &Frame<'_>,
        list: Node<'m>,
    ) -> Option<Vec<Vec<(String, Value)>>> {
        let mut cursor = list.walk();
        let rows: Vec<Node<'m>> =
            list.named_children(&mut cursor).filter(|row| row.kind() != "comment").collect();
        let plain = list.kind() == "list" && rows.iter().all(|row| row.kind() == "dictionary");
        plain.then(|| rows.into_iter().map(|row| self.dictionary(frame, row)).collect())
    }

    fn value(&self, frame: &Frame<'_>, node: Node<'m>) -> Value {
        match self.module.eval(node, &frame.env).map(|constant| constant.value) {
            Some(python::Value::Str(text)) => Value::Known(text),
            Some(python::Value::Int(number)) => Value::Known(number.to_string()),
            Some(python::Value::Bool(yes)) => Value::Known(yes.to_string()),
            _ => Value::Unknown,
        }
    }
}

/// Puts a hole where a format leaves room: from `open` to `close`.
fn fill(text: &str, open: char, close: char) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        filled.push_str(before);
        match after.split_once(close) {
            Some((inside, behind)) if inside.len() < 80 => {
                filled.push_str(HOLE);
                rest = behind;
            }
            _ => {
                filled.push(open);
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Puts in the values of bound parameters.
fn with_parameters(mut effect: Effect, parameters: &[(String, Value)]) -> Effect {
    let resolve = |value: &mut Value| {
        if let Value::Bound(name) = value {
            let bound = parameters.iter().find(|(own, _)| own == name);
            *value = bound.map_or(Value::Unknown, |(_, value)| value.clone());
        }
    };
    match &mut effect {
        Effect::Lookup(lookup) => lookup.conditions.iter_mut().for_each(|(_, v)| resolve(v)),
        Effect::Insert(Rows { rows: Some(rows), .. }) => {
            rows.iter_mut().flatten().for_each(|(_, value)| resolve(value));
        }
        _ => {}
    }
    effect
}
