//! Parts of an SQL expression.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, ObjectNamePart,
    Query, Value as Literal,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::{MOST_TOKENS_PARSED, tokenize, unescape};
use crate::effect::Value;

static DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// A parser over some tokens; `None` if they are too many.
pub fn parser(tokens: &[Token]) -> Option<Parser<'static>> {
    let few = tokens.len() <= MOST_TOKENS_PARSED;
    few.then(|| Parser::new(&DIALECT).with_tokens(tokens.to_vec()))
}

/// Parses the text of one expression; `None` where sqlparser does not take it.
pub fn parse(text: &str) -> Option<Expr> {
    let tokens: Vec<Token> = tokenize(text)?.into_iter().map(|token| token.token).collect();
    parser(&tokens)?.parse_expr().ok()
}

/// The direct subexpressions of an expression, without those of a subquery.
pub fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::IsFalse(e) | Expr::IsNotFalse(e) | Expr::IsTrue(e) | Expr::IsNotTrue(e) => vec![e],
        Expr::IsNull(e) | Expr::IsNotNull(e) | Expr::IsUnknown(e) | Expr::IsNotUnknown(e) => {
            vec![e]
        }
        Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => vec![a, b],
        Expr::InList { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
        Expr::InSubquery { expr, .. } | Expr::UnaryOp { expr, .. } => vec![expr],
        Expr::Cast { expr, .. } | Expr::Collate { expr, .. } => vec![expr],
        Expr::Extract { expr, .. } | Expr::Nested(expr) => vec![expr],
        Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } | Expr::Trim { expr, .. } => vec![expr],
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => vec![left, right],
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
            vec![expr, pattern]
        }
        Expr::SimilarTo { expr, pattern, .. } => vec![expr, pattern],
        Expr::AtTimeZone { timestamp, time_zone } => vec![timestamp, time_zone],
        Expr::Position { expr, r#in } => vec![expr, r#in],
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let rest = [substring_from, substring_for].into_iter().flatten();
            std::iter::once(expr).chain(rest).map(|e| &**e).collect()
        }
        Expr::Function(function) => arguments(function).into_iter().flatten().collect(),
        Expr::Case { operand, conditions, else_result, .. } => operand
            .iter()
            .chain(else_result)
            .map(|e| &**e)
            .chain(conditions.iter().flat_map(|when| [&when.condition, &when.result]))
            .collect(),
        Expr::Tuple(all) => all.iter().collect(),
        Expr::Array(array) => array.elem.iter().collect(),
        Expr::CompoundFieldAccess { root, .. } => vec![root],
        _ => Vec::new(),
    }
}

/// The arguments of a call; `None` for one that is no expression.
pub fn arguments(function: &Function) -> Vec<Option<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg) => match arg {
                FunctionArgExpr::Expr(expr) => Some(expr),
                _ => None,
            },
        })
        .collect()
}

/// The query that an expression is or holds.
pub fn subquery(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::InSubquery { subquery, .. } | Expr::Exists { subquery, .. } => Some(subquery),
        Expr::Subquery(query) => Some(query),
        Expr::Function(function) => match &function.args {
            FunctionArguments::Subquery(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// A name as the cursor reads it: folded, without `public.`.
pub fn name(name: &ObjectName) -> Option<String> {
    let mut parts = Vec::new();
    for part in &name.0 {
        let ObjectNamePart::Identifier(ident) = part else { return None };
        parts.push(match ident.quote_style {
            Some(_) => ident.value.clone(),
            None => ident.value.to_lowercase(),
        });
    }
    if parts.len() > 1 && parts.first().is_some_and(|first| first == "public") {
        parts.remove(0);
    }
    Some(parts.join("."))
}

/// The column that an expression is, without its table.
pub fn column(expr: &Expr) -> Option<String> {
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        Expr::Nested(inner) => return column(inner),
        _ => return None,
    };
    Some(match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    })
}

/// The value of an expression, as far as the text determines it.
pub fn value(expr: &Expr) -> Value {
    match expr {
        Expr::Value(literal) => match &literal.value {
            Literal::SingleQuotedString(text) => Value::Known(unescape(text)),
            Literal::Number(number, _) => Value::Known(number.clone()),
            Literal::Boolean(yes) => Value::Known(yes.to_string()),
            Literal::Placeholder(name) => match name.strip_prefix(':') {
                Some(name) => Value::Bound(name.to_owned()),
                None => Value::Unknown,
            },
            _ => Value::Unknown,
        },
        Expr::Nested(expr) | Expr::Cast { expr, .. } => value(expr),
        _ => Value::Unknown,
    }
}
