//! Immutability of an expression, by Postgres 15's own catalogue of functions.
//!
//! A finding is certain: no overload that fits is immutable. A call whose overload depends on an
//! unknown type is left alone.

use sqlparser::ast::{BinaryOperator, Expr, Function, UnaryOperator, Value as Literal};

use super::expression;
use super::types;
use super::volatility::{
    CASTS, CASTS_WITH_TEXT, NEVER_IMMUTABLE, OPERATORS, OVERLOADS, TEXT_DEPENDS_ON_SETTINGS,
};

/// How deep expressions may nest before the rest is left alone.
const MAX_DEPTH: u32 = 64;

/// Expressions that the grammar turns into calls: they are not functions of the catalogue.
const VALUE_FUNCTIONS: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

/// Facts about the place of an expression.
pub struct Known<'a> {
    /// The type of a column.
    pub column: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a function of the chain is declared immutable; `None`: the chain makes none of this
    /// name.
    pub function: &'a dyn Fn(&str) -> Option<bool>,
    /// Whether the chain made an enum of this name.
    pub is_enum: &'a dyn Fn(&str) -> bool,
}

/// The first part of an expression that is not immutable, as a reader would write it.
pub fn offender(text: &str, known: &Known<'_>) -> Option<String> {
    let expr = expression::parse(text)?;
    Reading { known }.offender(&expr, 0)
}

/// A condition without those of its parts, joined by AND, that are not immutable; empty where none is
/// left. `None` where it cannot be read.
pub fn immutable_part(text: &str, known: &Known<'_>) -> Option<String> {
    fn parts(expr: Expr, into: &mut Vec<Expr>) {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                parts(*left, into);
                parts(*right, into);
            }
            expr => into.push(expr),
        }
    }
    let mut all = Vec::new();
    parts(expression::parse(text)?, &mut all);
    all.retain(|part| Reading { known }.offender(part, 0).is_none());
    Some(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" AND "))
}

/// Whether Postgres has functions of this name, and none of them is immutable.
pub fn is_never_immutable(function: &str) -> bool {
    NEVER_IMMUTABLE.binary_search(&function).is_ok() || VALUE_FUNCTIONS.contains(&function)
}

struct Reading<'a> {
    known: &'a Known<'a>,
}

impl Reading<'_> {
    fn offender(&self, expr: &Expr, depth: u32) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        let children = expression::children(expr);
        children.into_iter().find_map(|e| self.offender(e, depth + 1)).or_else(|| self.own(expr))
    }

    /// Whether this expression itself, not one below it, is the offender.
    fn own(&self, expr: &Expr) -> Option<String> {
        match expr {
            // `current_date` is a call; as a column it would have to be quoted.
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                let name = ident.value.to_lowercase();
                VALUE_FUNCTIONS.contains(&name.as_str()).then(|| name.to_uppercase())
            }
            Expr::Function(function) => self.call(function),
            Expr::Cast { expr: inner, data_type, .. } => {
                let to = type_name(&data_type.to_string());
                if is_literal(inner) {
                    // Postgres reads a literal once, when the index is made.
                    return None;
                }
                let from = self.type_of(inner, 0)?;
                self.cast(&from, &to).then(|| format!("the cast from {from} to {to}"))
            }
            Expr::BinaryOp { left, op, right } => {
                let (left, right) = (self.type_of(left, 0)?, self.type_of(right, 0)?);
                let op = op.to_string();
                let op = if op == "!=" { "<>" } else { &op };
                let found = OPERATORS.contains(&(op, left.as_str(), right.as_str()));
                found.then(|| format!("{left} {op} {right}"))
            }
            Expr::Extract { field, expr, .. } => {
                let from = self.type_of(expr, 0)?;
                // The seconds since 1970 are the same everywhere, but the catalogue does not mark
                // the function as immutable.
                let types = ["text".to_owned(), from.clone()].map(Some);
                overloads_exclude("extract", &types)
                    .then(|| format!("extract({field} FROM {from})"))
            }
            _ => None,
        }
    }

    fn call(&self, function: &Function) -> Option<String> {
        let name = expression::name(&function.name)?;
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
        if let Some(immutable) = (self.known.function)(name) {
            let reason = "which is not declared IMMUTABLE";
            return (!immutable).then(|| format!("{name}(), {reason}"));
        }
        if VALUE_FUNCTIONS.contains(&name) {
            return Some(name.to_uppercase());
        }
        if is_never_immutable(name) {
            return Some(format!("{name}()"));
        }
        let types: Vec<Option<String>> = expression::arguments(function)
            .into_iter()
            .map(|argument| argument.and_then(|argument| self.type_of(argument, 0)))
            .collect();
        overloads_exclude(name, &types).then(|| {
            let shown: Vec<&str> = types.iter().map(|t| t.as_deref().unwrap_or("…")).collect();
            format!("{name}({})", shown.join(", "))
        })
    }

    fn cast(&self, from: &str, to: &str) -> bool {
        let is_text = |name: &str| ["text", "varchar", "bpchar"].contains(&name);
        if CASTS.contains(&(from, to)) {
            return true;
        }
        // Without an entry in pg_cast, text and another type are converted by the type's output and
        // input functions.
        let by_printing = is_text(from) != is_text(to) && !CASTS_WITH_TEXT.contains(&(from, to));
        let other = if is_text(from) { to } else { from };
        by_printing && (TEXT_DEPENDS_ON_SETTINGS.contains(&other) || (self.known.is_enum)(other))
    }

    /// The type of an expression, where that is certain.
    fn type_of(&self, expr: &Expr, depth: u32) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                (self.known.column)(&expression::column(expr)?)
            }
            Expr::Nested(inner) => self.type_of(inner, depth + 1),
            Expr::Cast { data_type, .. } => Some(type_name(&data_type.to_string())),
            Expr::TypedString(typed) => Some(type_name(&typed.data_type.to_string())),
            Expr::Interval(_) => Some("interval".into()),
            Expr::AtTimeZone { timestamp, .. } => {
                match self.type_of(timestamp, depth + 1)?.as_str() {
                    "timestamptz" => Some("timestamp".into()),
                    "timestamp" => Some("timestamptz".into()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Whether matching overloads exist, and none of them is immutable. An argument of unknown type
/// matches any.
fn overloads_exclude(name: &str, types: &[Option<String>]) -> bool {
    let mut meant = OVERLOADS
        .iter()
        .filter(|(own, wanted, _)| *own == name && wanted.len() == types.len())
        .filter(|(_, wanted, _)| {
            wanted.iter().zip(types).all(|(wanted, found)| {
                found.as_ref().is_none_or(|found| {
                    wanted == found || (*wanted == "text" && found == "varchar")
                })
            })
        })
        .peekable();
    meant.peek().is_some() && meant.all(|(_, _, immutable)| !immutable)
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => !matches!(value.value, Literal::Placeholder(_)),
        Expr::Nested(inner) => is_literal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        _ => false,
    }
}

/// The `pg_type` name of a type as sqlparser writes it.
fn type_name(written: &str) -> String {
    types::parse(written).unwrap_or_else(|| written.to_lowercase())
}
