//! Conditions: the names that are empty where a condition holds, the conditions whose outcome on
//! Postgres is known, and the code that runs only under a condition.

use tree_sitter::Node;

use super::thing::Thing;
use super::{Frame, Reader};
use crate::python::{Value, field};

impl<'m> Reader<'m> {
    /// `x is None`, `not x`: the name that is empty when the condition holds.
    pub(super) fn absent_when_true(&self, condition: Node<'m>) -> Option<&'m str> {
        let condition = bare(condition);
        let text = self.module.text(condition);
        match condition.kind() {
            "not_operator" => {
                name_of(self.module.text(condition.child_by_field_id(field::ARGUMENT)?))
            }
            "comparison_operator" => {
                let ends = [" is None", " == None", " == 0"];
                let left = ends.iter().find_map(|end| text.strip_suffix(end))?;
                name_of(left.trim_start_matches("len(").trim_end_matches(')'))
            }
            _ => None,
        }
    }

    /// `x`, `x is not None`: the name that is empty when the condition does not hold.
    pub(super) fn absent_when_false(&self, condition: Node<'m>) -> Option<&'m str> {
        let condition = bare(condition);
        let text = self.module.text(condition);
        match condition.kind() {
            "identifier" => Some(text),
            "comparison_operator" => name_of(text.strip_suffix(" is not None")?),
            _ => None,
        }
    }

    /// Whether a condition holds on Postgres, where that is known.
    pub(super) fn is_postgres(
        &mut self,
        frame: &mut Frame<'_>,
        condition: Node<'m>,
    ) -> Option<bool> {
        let condition = bare(condition);
        if let Some(Value::Bool(always)) =
            self.module.eval(condition, &frame.env).map(|constant| constant.value)
        {
            return Some(always);
        }
        if condition.kind() != "comparison_operator" || condition.named_child_count() != 2 {
            return None;
        }
        let (left, right) = (condition.named_child(0)?, condition.named_child(1)?);
        if self.thing(frame, left) != Thing::DialectName {
            return None;
        }
        let names = self.module.eval(right, &frame.env)?;
        let found = match &names.value {
            Value::Str(name) => name == "postgresql",
            _ => names.elements()?.iter().any(|name| name.as_str() == Some("postgresql")),
        };
        let between = self.module.slice(left.end_byte()..right.start_byte());
        match between.trim() {
            "==" | "in" => Some(found),
            "!=" | "not in" => Some(!found),
            _ => None,
        }
    }

    /// Everything below an expression that may run it, or a part of it, or not.
    pub(super) fn perhaps(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        let before = frame.conditional;
        frame.conditional = true;
        self.each_child(frame, node);
        frame.conditional = before;
        Thing::Unknown
    }

    /// The first iterable of a comprehension is always evaluated, the rest only for its elements.
    pub(super) fn comprehension(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        let mut cursor = node.walk();
        let mut clauses = node.named_children(&mut cursor).filter(|c| c.kind() == "for_in_clause");
        let first = clauses.next().and_then(|clause| clause.child_by_field_name("right"));
        if let Some(first) = first {
            self.thing(frame, first);
        }
        let mut cursor = node.walk();
        let before = std::mem::replace(&mut frame.conditional, true);
        for child in node.named_children(&mut cursor) {
            match child.child_by_field_name("right") {
                right if right.is_some() && right == first => {}
                _ => {
                    self.thing(frame, child);
                }
            }
        }
        frame.conditional = before;
        Thing::Unknown
    }
}

/// Without parentheses around it.
fn bare(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while node.kind() == "parenthesized_expression"
        && let Some(inner) = node.named_child(0)
    {
        node = inner;
    }
    node
}

fn name_of(text: &str) -> Option<&str> {
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(text)
}
