//! `op.*` and `batch_op.*`.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::Thing;
use super::{Frame, Reader};
use crate::effect::{Detail, Effect, HOLE, Kind, Object, Rows, Spot, Whole, cut};
use crate::python::{self, Value, field};
use crate::sql;

/// One call of an operation.
pub(super) struct Operation<'m, 'a> {
    pub(super) arguments: &'a Arguments<'m>,
    /// The table of `op.batch_alter_table`, which `batch_op.*` does not name again.
    batch: Option<&'a str>,
    pub(super) line: u32,
}

impl<'m> Operation<'m, '_> {
    /// The argument at this position of `op.*`. A batch leaves out the one that names the table.
    fn get(&self, position: usize, table_at: usize, name: &str) -> Option<Node<'m>> {
        let shifted = self.batch.is_some() && position > table_at;
        self.arguments.get(if shifted { position - 1 } else { position }, name)
    }
}

impl<'m> Reader<'m> {
    /// Records the effects of an operation.
    pub(super) fn operation(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        name: &str,
        arguments: &Arguments<'m>,
        batch: Option<&str>,
    ) -> Thing {
        let operation = Operation { arguments, batch, line: python::line(node) };
        let o = &operation;
        match name {
            "execute" => return self.execute(frame, node, arguments),
            "get_bind" => return Thing::Bind { autocommit: false },
            "get_context" => return Thing::Context,
            "batch_alter_table" => {
                return match self.table_name(frame, arguments, 0, "table_name") {
                    Some(table) => Thing::Batch(table),
                    None => Thing::Batch(HOLE.to_owned()),
                };
            }
            "create_table" => return self.create_table(frame, node, arguments),
            "bulk_insert" => self.bulk_insert(frame, node, arguments),
            "f" | "inline_literal" => {}
            _ => {
                let effects = self.effects_of(frame, name, o);
                let mut effects = effects.unwrap_or_else(|| vec![Effect::Opaque(None)]);
                // A batch without operations runs no SQL.
                let used = batch.filter(|table| *table != HOLE);
                let used = used.map(|table| Effect::Use(Object::new(Kind::Table, table)));
                if used.is_some() && effects.first() != used.as_ref() {
                    effects.splice(..0, used);
                }
                for effect in effects {
                    self.push(frame, o.line, effect);
                }
            }
        }
        Thing::Unknown
    }

    /// The effects of an operation; `None` where it or a name in it is not known.
    fn effects_of(
        &mut self,
        frame: &mut Frame<'_>,
        name: &str,
        o: &Operation<'m, '_>,
    ) -> Option<Vec<Effect>> {
        match name {
            "drop_table" => {
                let table = self.table_name(frame, o.arguments, 0, "table_name")?;
                let guarded = self.is_true(o.arguments.named("if_exists"));
                let object = Object::new(Kind::Table, table);
                Some(vec![Effect::Drop { object, guarded, cascade: false }])
            }
            "rename_table" => {
                let old = self.table_name(frame, o.arguments, 0, "old_table_name")?;
                let to = self.constant_name(frame, o.arguments.get(1, "new_table_name"))?;
                let object = Object::new(Kind::Table, old);
                Some(vec![Effect::Rename { object, to, guarded: false }])
            }
            "add_column" => self.add_column(frame, o),
            "drop_column" => {
                let table = self.table_at(frame, o, 0, "table_name")?;
                let column = self.constant_name(frame, o.get(1, 0, "column_name"))?;
                let guarded = self.is_true(o.arguments.named("if_exists"));
                let object = Object::on(table, Kind::Column, column);
                Some(vec![Effect::Drop { object, guarded, cascade: false }])
            }
            "alter_column" => self.alter_column(frame, o),
            "create_index" => self.create_index(frame, o),
            "drop_index" => self.drop_index(frame, o),
            "create_foreign_key"
            | "create_unique_constraint"
            | "create_check_constraint"
            | "create_primary_key"
            | "create_exclude_constraint" => self.create_constraint(frame, name, o),
            "drop_constraint" => {
                if let Some(lacks) = self.drop_lacks(o) {
                    return Some(vec![Effect::DropWithout(lacks.into())]);
                }
                let name = self.constant_name(frame, o.get(0, 1, "constraint_name"));
                let table = self.table_at(frame, o, 1, "table_name")?;
                let guarded = self.is_true(o.arguments.named("if_exists"));
                let object = Object::on(table, Kind::Constraint, name.unwrap_or_default());
                Some(vec![Effect::Drop { object, guarded, cascade: false }])
            }
            "create_table_comment" | "drop_table_comment" => {
                let table = self.table_at(frame, o, 0, "table_name")?;
                Some(vec![Effect::Use(Object::new(Kind::Table, table))])
            }
            _ => None,
        }
    }

    fn add_column(&mut self, frame: &mut Frame<'_>, o: &Operation<'m, '_>) -> Option<Vec<Effect>> {
        let table = self.table_at(frame, o, 0, "table_name")?;
        let column = o.get(1, 0, "column")?;
        let guarded = self.is_true(o.arguments.named("if_not_exists"));
        let mut effects = vec![Effect::Use(Object::new(Kind::Table, &table))];
        effects.extend(self.column(frame, &table, column, guarded, false)?);
        let work = self.work_of_column(column).filter(|_| !guarded);
        effects.extend(work.map(|work| Effect::Whole { table, work }));
        Some(effects)
    }

    fn alter_column(
        &mut self,
        frame: &mut Frame<'_>,
        o: &Operation<'m, '_>,
    ) -> Option<Vec<Effect>> {
        let table = self.table_at(frame, o, 0, "table_name")?;
        let column = self.constant_name(frame, o.get(1, 0, "column_name"))?;
        let object = Object::on(&table, Kind::Column, column);
        let given = o.arguments.named("type_");
        let (type_, enum_) = given.map(|node| self.type_of(frame, node)).unwrap_or_default();
        let mut effects = vec![Effect::Use(Object::new(Kind::Table, table))];
        effects.extend(enum_.map(|enum_| Effect::Alter {
            object: Object::new(Kind::Type, enum_.name),
            guarded: false,
            type_: None,
        }));
        // A type that is not known is no longer the one from before.
        let type_ = type_.or_else(|| given.map(|_| "?".to_owned()));
        effects.push(Effect::Alter { object: object.clone(), guarded: false, type_ });
        if let Some(node) = o.arguments.named("server_default")
            && let Some(text) = self.module.eval(node, &frame.env)
            && let Value::Str(text) = text.value
        {
            effects.push(Effect::Literals(vec![text]));
        }
        if let Some("False") = o.arguments.named("nullable").map(|node| self.module.text(node)) {
            let (table, work) = (object.table.clone().unwrap_or_default(), object.name.clone());
            effects.push(Effect::Whole { table, work: Whole::NotNull(work) });
        }
        if let Some(new) = o.arguments.get(99, "new_column_name") {
            let to = self.constant_name(frame, Some(new))?;
            effects.push(Effect::Rename { object, to, guarded: false });
        }
        Some(effects)
    }

    fn create_index(
        &mut self,
        frame: &mut Frame<'_>,
        o: &Operation<'m, '_>,
    ) -> Option<Vec<Effect>> {
        let table = self.table_at(frame, o, 1, "table_name")?;
        let mut effects = vec![Effect::Use(Object::new(Kind::Table, &table))];
        if self.is_true(o.arguments.named("postgresql_concurrently")) {
            effects.push(Effect::OutsideTransaction("CREATE INDEX CONCURRENTLY".into()));
        }
        let waits = ["postgresql_concurrently", "if_not_exists", "postgresql_only"];
        if waits.iter().all(|name| self.is_not_true(o.arguments.named(name))) {
            effects.push(Effect::Whole { table: table.clone(), work: Whole::Index });
        }
        let name = self.constant_name(frame, o.get(0, 1, "index_name"));
        let shown = name.clone().unwrap_or_else(|| format!("the index on {table}"));
        let mut columns = Vec::new();
        if let Some(list) = o.get(2, 1, "columns") {
            let mut cursor = list.walk();
            for element in list.named_children(&mut cursor) {
                match self.constant_name(frame, Some(element)) {
                    Some(column) => columns.push(column),
                    None => effects.extend(self.immutable(
                        frame,
                        Spot::IndexExpression,
                        &shown,
                        &table,
                        element,
                    )),
                }
            }
        }
        if let Some(predicate) = o.arguments.named("postgresql_where") {
            let spot = Spot::IndexPredicate;
            effects.extend(self.immutable(frame, spot, &shown, &table, predicate));
        }
        match name {
            Some(name) => {
                let guarded = self.is_true(o.arguments.named("if_not_exists"));
                let object = Object { kind: Kind::Index, name, table: Some(table) };
                let detail = Detail { guarded, columns, ..Detail::default() };
                effects.push(Effect::Create(object, detail));
            }
            // Without a name, a naming convention gives one.
            None if o.get(0, 1, "index_name").is_some_and(|n| n.kind() == "none") => {}
            None => {
                let object = Object { kind: Kind::Index, name: String::new(), table: Some(table) };
                effects.push(Effect::Create(object, Detail { columns, ..Detail::default() }));
            }
        }
        Some(effects)
    }

    fn drop_index(&mut self, frame: &mut Frame<'_>, o: &Operation<'m, '_>) -> Option<Vec<Effect>> {
        let name = self.constant_name(frame, o.get(0, 1, "index_name"));
        let table = self.table_at(frame, o, 1, "table_name");
        let name = if table.is_some() { name.unwrap_or_default() } else { name? };
        let mut effects = Vec::new();
        if self.is_true(o.arguments.named("postgresql_concurrently")) {
            effects.push(Effect::OutsideTransaction("DROP INDEX CONCURRENTLY".into()));
        }
        let guarded = self.is_true(o.arguments.named("if_exists"));
        let object = Object { kind: Kind::Index, name, table };
        effects.push(Effect::Drop { object, guarded, cascade: false });
        Some(effects)
    }

    fn create_constraint(
        &mut self,
        frame: &mut Frame<'_>,
        operation: &str,
        o: &Operation<'m, '_>,
    ) -> Option<Vec<Effect>> {
        let is_key = operation == "create_foreign_key";
        let table_name = if is_key { "source_table" } else { "table_name" };
        let table = self.table_at(frame, o, 1, table_name)?;
        let mut effects = vec![Effect::Use(Object::new(Kind::Table, &table))];
        let schema = o.arguments.named("referent_schema").filter(|s| s.kind() != "none");
        let schema = schema.map(|node| self.constant_name(frame, Some(node)).unwrap_or_default());
        if is_key && let Some(to) = self.constant_name(frame, o.get(2, 1, "referent_table")) {
            let to = match schema.as_deref() {
                None | Some("public") => to,
                Some(schema) => format!("{schema}.{to}"),
            };
            effects.push(Effect::Use(Object::new(Kind::Table, &to)));
            let referred = self.names(frame, o.get(4, 1, "remote_cols"));
            let used = |column| Effect::Use(Object::on(&to, Kind::Column, column));
            effects.extend(referred.into_iter().map(used));
        }
        let at = if is_key { (3, "local_cols") } else { (2, "columns") };
        let columns = match operation {
            "create_check_constraint" | "create_exclude_constraint" => Vec::new(),
            _ => self.names(frame, o.get(at.0, 1, at.1)),
        };
        let indexed = !is_key && operation != "create_check_constraint";
        if self.is_not_true(o.arguments.named("postgresql_not_valid")) {
            let target = self.constant_name(frame, o.get(2, 1, "referent_table"));
            let work = match operation {
                "create_check_constraint" => Whole::Check,
                _ if is_key => Whole::ForeignKey { columns: columns.clone(), target },
                _ => Whole::Index,
            };
            effects.push(Effect::Whole { table: table.clone(), work });
        }
        let name = self.constant_name(frame, o.get(0, 1, "constraint_name")).unwrap_or_default();
        let detail = Detail { columns, indexed, ..Detail::default() };
        effects.push(Effect::Create(Object::on(table, Kind::Constraint, name), detail));
        Some(effects)
    }

    /// The argument that `drop_constraint` needs and does not get. A naming convention may name a
    /// primary key by its table alone.
    fn drop_lacks(&self, o: &Operation<'m, '_>) -> Option<&'static str> {
        let (name, table) = (o.get(0, 1, "constraint_name"), o.get(1, 1, "table_name"));
        let is_none = |node: Option<Node<'m>>| node.is_none_or(|node| node.kind() == "none");
        let is_open = o.arguments.all().any(|node| node.kind().contains("splat"));
        let of_key = o.get(2, 1, "type_").is_some_and(|node| {
            self.module.text(node).contains("primary") || node.kind() != "string"
        });
        if is_open {
            None
        } else if is_none(name) {
            (!of_key).then_some("name")
        } else {
            (o.batch.is_none() && is_none(table)).then_some("table")
        }
    }

    fn bulk_insert(&mut self, frame: &mut Frame<'_>, node: Node<'m>, arguments: &Arguments<'m>) {
        let table = arguments.get(0, "table").map(|table| self.thing(frame, table));
        let Some(Thing::Table(table)) = table else { return };
        let line = python::line(node);
        let rows = arguments.get(1, "rows").and_then(|rows| self.rows(frame, rows));
        self.push(frame, line, Effect::Use(Object::new(Kind::Table, &table)));
        self.push(frame, line, Effect::Insert(Rows { table, rows }));
    }

    /// The use of an expression that requires immutability. For an expression built in Python, only
    /// the functions called as `sa.func.name(…)` are known.
    pub(super) fn immutable(
        &mut self,
        frame: &mut Frame<'_>,
        spot: Spot,
        owner: &str,
        table: &str,
        node: Node<'m>,
    ) -> Vec<Effect> {
        let (owner, table) = (owner.to_owned(), table.to_owned());
        let text = match self.thing(frame, node) {
            Thing::Sql(sql) => Some(sql.text),
            _ => self.module.eval(node, &frame.env).and_then(|c| c.as_str().map(str::to_owned)),
        };
        if let Some(text) = text {
            return vec![Effect::Immutable { spot, owner, table, text }];
        }
        python::descendants(node)
            .filter(|call| call.kind() == "call")
            .filter_map(|call| call.child_by_field_id(field::FUNCTION))
            .filter_map(|callee| self.module.text(callee).rsplit_once("func."))
            .filter(|(_, name)| sql::immutability::is_never_immutable(name))
            .map(|(_, name)| Effect::Immutable {
                spot,
                owner: owner.clone(),
                table: table.clone(),
                text: format!("{name}()"),
            })
            .collect()
    }

    /// The table that an operation works on.
    fn table_at(
        &self,
        frame: &Frame<'_>,
        o: &Operation<'m, '_>,
        position: usize,
        name: &str,
    ) -> Option<String> {
        match o.batch {
            Some(table) => Some(table.to_owned()).filter(|table| table != HOLE),
            None => self.table_name(frame, o.arguments, position, name),
        }
    }

    /// A table's name with its schema, which `public` is left out of.
    pub(super) fn table_name(
        &self,
        frame: &Frame<'_>,
        arguments: &Arguments<'m>,
        position: usize,
        name: &str,
    ) -> Option<String> {
        let table = self.constant_name(frame, arguments.get(position, name))?;
        let table = cut(&table).to_owned();
        let schema = ["schema", "source_schema"].iter().find_map(|name| arguments.named(name));
        let Some(schema) = schema.filter(|schema| schema.kind() != "none") else {
            return Some(table);
        };
        match self.constant_name(frame, Some(schema))?.as_str() {
            "public" => Some(table),
            schema => Some(format!("{schema}.{table}")),
        }
    }

    /// The names in a list.
    pub(super) fn names(&self, frame: &Frame<'_>, list: Option<Node<'m>>) -> Vec<String> {
        let values = list.and_then(|list| self.module.eval(list, &frame.env));
        let elements = values.as_ref().and_then(|values| values.elements()).unwrap_or_default();
        elements.iter().filter_map(|element| element.as_str().map(str::to_owned)).collect()
    }

    /// Whether an argument is missing or `False`.
    fn is_not_true(&self, node: Option<Node<'m>>) -> bool {
        node.is_none_or(|node| self.module.text(node) == "False")
    }

    /// Whether an argument is `True`.
    pub(super) fn is_true(&self, node: Option<Node<'m>>) -> bool {
        node.is_some_and(|node| self.module.text(node) == "True")
    }
}
