//! The arguments of a call, by position and by name.

use tree_sitter::Node;

use crate::python::{Module, field};

/// The arguments of a call.
#[derive(Clone, Default)]
pub struct Arguments<'m> {
    /// The positional arguments, in order; `*rest` is one of them.
    pub positional: Vec<Node<'m>>,
    named: Vec<(&'m str, Node<'m>)>,
}

impl<'m> Arguments<'m> {
    /// The arguments of a `call` node.
    pub fn of(module: &'m Module, call: Node<'m>) -> Arguments<'m> {
        let mut arguments = Arguments::default();
        let Some(list) = call.child_by_field_id(field::ARGUMENTS) else { return arguments };
        let mut cursor = list.walk();
        for child in list.named_children(&mut cursor) {
            match child.kind() {
                "comment" => {}
                "keyword_argument" => {
                    let name = child.child_by_field_id(field::NAME);
                    match (name, child.child_by_field_id(field::VALUE)) {
                        (Some(name), Some(value)) => {
                            arguments.named.push((module.text(name), value));
                        }
                        _ => arguments.positional.push(child),
                    }
                }
                _ => arguments.positional.push(child),
            }
        }
        arguments
    }

    /// The argument of this name.
    pub fn named(&self, name: &str) -> Option<Node<'m>> {
        self.named.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// The argument at this position or of this name.
    pub fn get(&self, position: usize, name: &str) -> Option<Node<'m>> {
        self.named(name).or_else(|| self.positional.get(position).copied())
    }

    /// Every argument.
    pub fn all(&self) -> impl Iterator<Item = Node<'m>> {
        self.positional.iter().copied().chain(self.named.iter().map(|(_, value)| *value))
    }

    /// The named arguments.
    pub fn all_named(&self) -> impl Iterator<Item = (&'m str, Node<'m>)> {
        self.named.iter().copied()
    }
}
