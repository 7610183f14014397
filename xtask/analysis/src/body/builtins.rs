//! Builtins of Python that matter to the reader: sets, whose order is undefined, and prompts.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::Thing;
use super::{Frame, Reader};
use crate::effect::Effect;
use crate::python::{self, field};

/// Functions that wait for input on the terminal.
const ASKS: &[&str] =
    &["builtins.input", "click.confirm", "click.prompt", "getpass.getpass", "input"];

impl<'m> Reader<'m> {
    /// A call of a Python builtin that matters to the reader.
    pub(super) fn builtin(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        name: &str,
        arguments: &Arguments<'m>,
    ) -> Option<Thing> {
        let first = arguments.positional.first().copied();
        match name {
            "input" if self.name(frame, name) == Thing::Unknown => {
                self.asks(frame, node, name);
                Some(Thing::Unknown)
            }
            "set" | "frozenset" => {
                let first = first?;
                self.thing(frame, first);
                let ordered = self.has_an_order(first);
                Some(if ordered { Thing::Unknown } else { Thing::Set })
            }
            "list" | "tuple" | "reversed" | "enumerate" => {
                (self.thing(frame, first?) == Thing::Set).then_some(Thing::Set)
            }
            _ => None,
        }
    }

    /// A set literal or a call of `set`.
    pub(super) fn set(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        self.each_child(frame, node);
        if self.has_an_order(node) { Thing::Unknown } else { Thing::Set }
    }

    /// `a | b`: a set where one of them is.
    pub(super) fn of_sets(&mut self, frame: &mut Frame<'_>, node: Node<'m>) -> Thing {
        let sides = [field::LEFT, field::RIGHT].map(|side| node.child_by_field_id(side));
        let sides = sides.map(|side| side.map(|side| self.thing(frame, side)).unwrap_or_default());
        if sides.contains(&Thing::Set) { Thing::Set } else { Thing::Unknown }
    }

    /// Whether a set of these elements has one order: numbers do, and so does a single element.
    fn has_an_order(&self, elements: Node<'m>) -> bool {
        let mut cursor = elements.walk();
        let written = ["set", "list", "tuple"].contains(&elements.kind());
        let all: Vec<Node<'m>> = elements.named_children(&mut cursor).collect();
        let is_splat = all.iter().any(|element| element.kind().contains("splat"));
        let numbers = all.iter().all(|element| element.kind() == "integer");
        written && (numbers || (all.len() < 2 && !is_splat))
    }

    /// Takes note of a question.
    pub(super) fn asks(&mut self, frame: &Frame<'_>, node: Node<'m>, name: &str) {
        if ASKS.contains(&name) && !frame.conditional {
            self.push(frame, python::line(node), Effect::Asks(name.to_owned()));
        }
    }
}
