//! Queries, and statements that change rows.

use sqlparser::ast::{
    Delete, Expr, FromTable, Insert, Query, Select, SelectItem, SetExpr, Statement, TableFactor,
    TableObject, TableWithJoins, Update, UpdateTableFromKind,
};
use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, text_of};
use super::{expression, opaque};
use crate::effect::{Effect, Kind, Lookup, Object, Rows, Value, Whole};

/// How deep queries may nest before the rest is left alone.
const MAX_DEPTH: u32 = 64;

/// The effects of a query or a change of rows.
pub fn read(tokens: &[Token]) -> Option<Vec<Effect>> {
    let parsed = expression::parser(tokens).and_then(|mut p| p.parse_statement().ok());
    let mut walk = Walk::default();
    match parsed {
        Some(Statement::Query(query)) => {
            if calls_something(&query) {
                return Some(vec![opaque(text_of(tokens))]);
            }
            walk.query(&query, 0);
            walk.effects.extend(lookup(&query).map(Effect::Lookup));
        }
        Some(Statement::Insert(insert)) => walk.insert(&insert, 0),
        Some(Statement::Update(update)) => walk.update(&update, 0),
        Some(Statement::Delete(delete)) => walk.delete(&delete, 0),
        _ => return by_head(tokens),
    }
    Some(walk.effects)
}

/// The objects that a query in a view or a `CREATE TABLE AS` reads; none where it cannot be parsed.
pub fn uses(tokens: &[Token]) -> Vec<Effect> {
    let parsed = expression::parser(tokens).and_then(|mut p| p.parse_query().ok());
    let mut walk = Walk::default();
    if let Some(query) = parsed {
        walk.query(&query, 0);
    }
    walk.effects
}

/// An `INSERT` that sqlparser refuses is still one into its table.
fn by_head(tokens: &[Token]) -> Option<Vec<Effect>> {
    let mut c = Cursor::new(tokens);
    if c.eat(&["INSERT", "INTO"]) {
        return Some(vec![Effect::Insert(Rows { table: c.name()?, rows: None })]);
    }
    if c.eat(&["UPDATE"]) || c.eat(&["DELETE", "FROM"]) {
        c.eat(&["ONLY"]);
        return Some(vec![Effect::Write(c.name()?)]);
    }
    None
}

/// `SELECT f(…)` without a table: it is run for the effect of `f`. Functions of Postgres that only
/// read, or use a sequence, are known; any other function may have any effect.
fn calls_something(query: &Query) -> bool {
    let SetExpr::Select(select) = &*query.body else { return false };
    if !select.from.is_empty() {
        return false;
    }
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(Expr::Function(function))
        | SelectItem::ExprWithAlias { expr: Expr::Function(function), .. } => {
            let name = expression::name(&function.name).unwrap_or_default();
            let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
            let harmless = [
                "setval",
                "nextval",
                "currval",
                "set_config",
                "current_setting",
                "version",
                "now",
                "to_regclass",
                "to_regtype",
                "coalesce",
                "count",
                "exists",
                "current_database",
                "current_schema",
                "has_table_privilege",
                "gen_random_uuid",
            ];
            !(harmless.contains(&name) || name.starts_with("pg_"))
        }
        _ => false,
    })
}

/// Collects the relations that a statement reads and writes.
#[derive(Default)]
struct Walk {
    effects: Vec<Effect>,
    /// Names that `WITH` gives: no relations.
    ctes: Vec<String>,
}

impl Walk {
    fn query(&mut self, query: &Query, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        let outer = self.ctes.len();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.push(cte.alias.name.value.to_lowercase());
            self.query(&cte.query, depth + 1);
        }
        self.body(&query.body, depth + 1);
        self.ctes.truncate(outer);
    }

    fn body(&mut self, body: &SetExpr, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        match body {
            SetExpr::Select(select) => self.select(select, depth),
            SetExpr::Query(query) => self.query(query, depth + 1),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, depth + 1);
                self.body(right, depth + 1);
            }
            SetExpr::Values(values) => {
                for row in &values.rows {
                    row.iter().for_each(|expr| self.expression(expr, depth + 1));
                }
            }
            SetExpr::Insert(Statement::Insert(insert)) => self.insert(insert, depth + 1),
            SetExpr::Update(Statement::Update(update)) => self.update(update, depth + 1),
            SetExpr::Delete(Statement::Delete(delete)) => self.delete(delete, depth + 1),
            _ => {}
        }
    }

    fn select(&mut self, select: &Select, depth: u32) {
        self.tables(&select.from, depth);
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                self.expression(expr, depth + 1);
            }
        }
        for expr in select.selection.iter().chain(&select.having) {
            self.expression(expr, depth + 1);
        }
    }

    fn tables(&mut self, from: &[TableWithJoins], depth: u32) {
        for table in from {
            self.factor(&table.relation, depth + 1);
            for join in &table.joins {
                self.factor(&join.relation, depth + 1);
            }
        }
    }

    fn factor(&mut self, factor: &TableFactor, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        match factor {
            TableFactor::Table { name, args: None, .. } => {
                if let Some(name) = expression::name(name).filter(|name| !self.ctes.contains(name))
                {
                    self.effects.push(Effect::Use(Object::new(Kind::Table, name)));
                }
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery, depth + 1),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.tables(std::slice::from_ref(table_with_joins), depth + 1);
            }
            _ => {}
        }
    }

    fn expression(&mut self, expr: &Expr, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        if let Some(query) = expression::subquery(expr) {
            self.query(query, depth + 1);
        }
        for child in expression::children(expr) {
            self.expression(child, depth + 1);
        }
    }

    fn insert(&mut self, insert: &Insert, depth: u32) {
        let TableObject::TableName(name) = &insert.table else { return };
        let Some(table) = expression::name(name) else { return };
        if let Some(source) = &insert.source {
            self.query(source, depth + 1);
        }
        self.effects.push(Effect::Use(Object::new(Kind::Table, &table)));
        self.effects.push(Effect::Insert(Rows { table, rows: inserted(insert) }));
    }

    fn update(&mut self, update: &Update, depth: u32) {
        match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                self.tables(from, depth);
            }
            None => {}
        }
        for assignment in &update.assignments {
            self.expression(&assignment.value, depth + 1);
        }
        update.selection.iter().for_each(|expr| self.expression(expr, depth + 1));
        let whole = update.selection.is_none() && update.from.is_none();
        self.written(&update.table, whole.then_some(Whole::Update));
    }

    fn delete(&mut self, delete: &Delete, depth: u32) {
        delete.using.iter().for_each(|using| self.tables(using, depth));
        delete.selection.iter().for_each(|expr| self.expression(expr, depth + 1));
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let whole = delete.selection.is_none() && delete.using.is_none();
        from.iter().for_each(|table| self.written(table, whole.then_some(Whole::Empty)));
    }

    fn written(&mut self, table: &TableWithJoins, whole: Option<Whole>) {
        if let TableFactor::Table { name, .. } = &table.relation
            && let Some(name) = expression::name(name)
        {
            self.effects.push(Effect::Use(Object::new(Kind::Table, &name)));
            self.effects.push(Effect::Write(name.clone()));
            self.effects.extend(whole.map(|work| Effect::Whole { table: name, work }));
        }
    }
}

/// The rows of an `INSERT … VALUES` with named columns.
fn inserted(insert: &Insert) -> Option<Vec<Vec<(String, Value)>>> {
    let SetExpr::Values(values) = &*insert.source.as_ref()?.body else { return None };
    let columns: Vec<String> = insert.columns.iter().filter_map(expression::name).collect();
    values
        .rows
        .iter()
        .map(|row| {
            let named = row.len() == columns.len();
            named.then(|| columns.iter().cloned().zip(row.iter().map(expression::value)).collect())
        })
        .collect()
}

/// The rows that a plain `SELECT … FROM t WHERE …` selects. `None` for any other query, and for one
/// that always returns a row.
fn lookup(query: &Query) -> Option<Lookup> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let [TableWithJoins { relation: TableFactor::Table { name, args: None, .. }, joins }] =
        select.from.as_slice()
    else {
        return None;
    };
    let aggregates = select.projection.iter().any(|item| {
        matches!(
            item,
            SelectItem::UnnamedExpr(Expr::Function(_))
                | SelectItem::ExprWithAlias { expr: Expr::Function(_), .. }
        )
    });
    if query.with.is_some() || aggregates {
        return None;
    }
    let mut lookup = Lookup {
        table: expression::name(name)?,
        conditions: Vec::new(),
        whole: joins.is_empty() && query.limit_clause.is_none(),
        raises: false,
    };
    if let Some(selection) = &select.selection {
        conditions(selection, &mut lookup);
    }
    Some(lookup)
}

/// Splits `a = 1 AND b = 2`. Long conditions nest deeply to the left, which is why a loop is used
/// rather than recursion.
fn conditions(selection: &Expr, lookup: &mut Lookup) {
    use sqlparser::ast::BinaryOperator::{And, Eq};
    let mut pending = vec![selection];
    while let Some(expr) = pending.pop() {
        match expr {
            Expr::BinaryOp { left, op: And, right } => pending.extend([&**left, &**right]),
            Expr::Nested(inner) => pending.push(inner),
            Expr::BinaryOp { left, op: Eq, right } => {
                match (expression::column(left), expression::value(right)) {
                    (Some(_), Value::Unknown) | (None, _) => lookup.whole = false,
                    (Some(column), value) => lookup.conditions.push((column, value)),
                }
            }
            _ => lookup.whole = false,
        }
    }
}
