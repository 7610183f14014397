//! The value of an expression, if the text alone determines it.

use tree_sitter::Node;

pub use super::env::HOLE;
use super::env::{Constant, Env, Value};
use super::field;
use super::literal;
use super::module::{Module, line};

/// How deep expressions may nest before their value counts as unknown.
pub const MAX_DEPTH: u32 = 64;
/// How long a string may grow before its value counts as unknown.
const MAX_STRING: usize = 4 << 20;
/// The number of elements from which the value of a sequence counts as unknown.
const MAX_ELEMENTS: usize = 100_000;

/// Evaluates an expression.
pub(super) fn eval(module: &Module, node: Node<'_>, env: &Env<'_>, depth: u32) -> Option<Constant> {
    if depth > MAX_DEPTH || node.is_error() || node.is_missing() {
        return None;
    }
    let deeper = |node| eval(module, node, env, depth + 1);
    let value = match node.kind() {
        "none" => Value::None,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "integer" => Value::Int(literal::integer(module.text(node))?),
        "identifier" => return env.value(module.text(node)).cloned(),
        "parenthesized_expression" => return deeper(only_child(node)?),
        "named_expression" => return deeper(node.child_by_field_id(field::VALUE)?),
        "string" => string(module, node, env, depth)?,
        "concatenated_string" => {
            let mut parts = children(node).into_iter().map(|part| string(module, part, env, depth));
            let first = parts.next()??;
            parts.try_fold(first, |joined, part| join(joined, part?))?
        }
        "tuple" | "expression_list" => Value::Tuple(elements(module, node, env, depth)?),
        "list" => Value::List(elements(module, node, env, depth)?),
        "binary_operator" => sum(module, node, env, depth)?,
        _ => return None,
    };
    Some(Constant { value, line: line(node), bytes: node.byte_range() })
}

/// The named children of a node that are no comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

fn only_child(node: Node<'_>) -> Option<Node<'_>> {
    match children(node).as_slice() {
        [child] => Some(*child),
        _ => None,
    }
}

fn elements(module: &Module, node: Node<'_>, env: &Env<'_>, depth: u32) -> Option<Vec<Constant>> {
    let mut elements = Vec::new();
    for child in children(node) {
        if child.kind() == "list_splat" {
            let inner = eval(module, only_child(child)?, env, depth + 1)?;
            elements.extend_from_slice(inner.elements()?);
        } else {
            elements.push(eval(module, child, env, depth + 1)?);
        }
        if elements.len() > MAX_ELEMENTS {
            return None;
        }
    }
    Some(elements)
}

/// `a + b + c`, which nests to the left: the spine is walked, not recursed into.
fn sum(module: &Module, node: Node<'_>, env: &Env<'_>, depth: u32) -> Option<Value> {
    let mut right_first = Vec::new();
    let mut left = node;
    while left.kind() == "binary_operator" {
        if left.child_by_field_id(field::OPERATOR)?.kind() != "+" {
            return None;
        }
        right_first.push(left.child_by_field_id(field::RIGHT)?);
        left = left.child_by_field_id(field::LEFT)?;
    }
    let first = eval(module, left, env, depth + 1).map(|constant| constant.value);
    right_first.into_iter().rev().try_fold(first, |sum, right| {
        let right = eval(module, right, env, depth + 1).map(|constant| constant.value);
        // The sum of a text and any other value is a text, known or not.
        let unknown = || Value::Partial(HOLE.to_string());
        match (sum, right) {
            (None, None) => Some(None),
            (Some(left), None) if is_text(&left) => join(left, unknown()).map(Some),
            (None, Some(right)) if is_text(&right) => join(unknown(), right).map(Some),
            (Some(left), Some(right)) => join(left, right).map(Some),
            _ => None,
        }
    })?
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Partial(_))
}

fn join(left: Value, right: Value) -> Option<Value> {
    let joined = match (left, right) {
        (Value::Str(left), Value::Str(right)) => Value::Str(left + &right),
        (Value::Str(left) | Value::Partial(left), Value::Str(right) | Value::Partial(right)) => {
            Value::Partial(left + &right)
        }
        (Value::Tuple(left), Value::Tuple(right)) => Value::Tuple([left, right].concat()),
        (Value::List(left), Value::List(right)) => Value::List([left, right].concat()),
        _ => return None,
    };
    match &joined {
        Value::Str(text) | Value::Partial(text) if text.len() > MAX_STRING => None,
        Value::Tuple(all) | Value::List(all) if all.len() > MAX_ELEMENTS => None,
        _ => Some(joined),
    }
}

/// One string literal, with the values of its `{…}` if it is an f-string.
fn string(module: &Module, node: Node<'_>, env: &Env<'_>, depth: u32) -> Option<Value> {
    if node.kind() != "string" || node.has_error() {
        return None;
    }
    let parts = children(node);
    let (start, end) = (parts.first()?, parts.last()?);
    let prefix = literal::Prefix::of(module.text(*start))?;
    if prefix.bytes || end.kind() != "string_end" {
        return None;
    }
    let mut text = String::new();
    let mut whole = true;
    let mut at = start.end_byte();
    let mut literal_until = |text: &mut String, until: usize, next: usize| -> Option<()> {
        text.push_str(&literal::unescape(module.slice(at..until), prefix)?);
        at = next;
        Some(())
    };
    for part in parts.iter().filter(|part| part.kind() == "interpolation") {
        literal_until(&mut text, part.start_byte(), part.end_byte())?;
        match interpolated(module, *part, env, depth) {
            Some((inner, known)) => {
                text.push_str(&inner);
                whole &= known;
            }
            None => {
                text.push(HOLE);
                whole = false;
            }
        }
    }
    literal_until(&mut text, end.start_byte(), end.end_byte())?;
    if text.len() > MAX_STRING {
        return None;
    }
    Some(if whole { Value::Str(text) } else { Value::Partial(text) })
}

/// The text of one `{…}`, and whether it is known whole.
fn interpolated(
    module: &Module,
    node: Node<'_>,
    env: &Env<'_>,
    depth: u32,
) -> Option<(String, bool)> {
    // A conversion, a format or `{x=}` makes other text of it.
    let expression = only_child(node)?;
    let outside =
        (node.end_byte() - node.start_byte()) - (expression.end_byte() - expression.start_byte());
    if module.text(node).contains('=') && outside > 2 {
        return None;
    }
    Some(match eval(module, expression, env, depth + 1)?.value {
        Value::Str(text) => (text, true),
        Value::Partial(text) => (text, false),
        Value::Int(number) => (number.to_string(), true),
        Value::None => ("None".to_owned(), true),
        Value::Bool(yes) => (if yes { "True" } else { "False" }.to_owned(), true),
        Value::Tuple(_) | Value::List(_) => return None,
    })
}
