//! Statements, in the order in which they would run.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::Thing;
use super::{Frame, MAX_DEPTH, MOST_TURNS, Reader};
use crate::effect::Effect;
use crate::python::{Env, field, line};

/// Operations of Alembic whose order does not matter: they add neither a column nor a table, whose
/// order is visible, and drop no object that others refer to.
const IN_ANY_ORDER: &[&str] = &[
    "alter_column",
    "batch_alter_table",
    "create_check_constraint",
    "create_foreign_key",
    "create_index",
    "create_unique_constraint",
    "drop_column",
    "drop_constraint",
    "drop_index",
    "f",
];

impl<'m> Reader<'m> {
    /// Runs the statements of a block.
    pub(super) fn block(&mut self, frame: &mut Frame<'_>, block: Node<'m>) {
        if frame.depth > MAX_DEPTH {
            self.opaque(frame, block);
            return;
        }
        frame.depth += 1;
        let mut cursor = block.walk();
        for statement in block.named_children(&mut cursor) {
            if frame.done {
                break;
            }
            self.statement(frame, statement);
        }
        frame.depth -= 1;
    }

    fn statement(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        match node.kind() {
            "expression_statement" => self.expression_statement(frame, node),
            "return_statement" => {
                let value = node.named_child(0).map(|value| self.thing(frame, value));
                frame.returns = value.unwrap_or_default();
                frame.done = true;
            }
            "raise_statement" => {
                frame.done = true;
                if !frame.conditional {
                    frame.raises = Some(line(node));
                }
            }
            "with_statement" => self.with(frame, node),
            "if_statement" => self.if_statement(frame, node),
            "for_statement" => self.for_statement(frame, node),
            "assert_statement" => {
                if let Some(condition) = node.named_child(0) {
                    let name = self.absent_when_false(condition);
                    self.raises_without(frame, name);
                }
            }
            "while_statement" | "try_statement" | "match_statement" => self.maybe(frame, node),
            // A finally clause always runs.
            "finally_clause" => {
                if let Some(block) = last_block(node) {
                    self.block(frame, block);
                }
            }
            _ => frame.env.run(self.module, node),
        }
    }

    fn expression_statement(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        let mut cursor = node.walk();
        for expression in node.named_children(&mut cursor) {
            if expression.kind() == "assignment" {
                self.assign(frame, expression);
            } else {
                self.thing(frame, expression);
            }
        }
        frame.env.run(self.module, node);
    }

    /// `name = expression`.
    pub(super) fn assign(&mut self, frame: &mut Frame<'_>, assignment: Node<'m>) {
        let (Some(target), Some(value)) =
            (assignment.child_by_field_id(field::LEFT), assignment.child_by_field_id(field::RIGHT))
        else {
            return;
        };
        let thing = self.thing(frame, value);
        if target.kind() == "identifier" {
            frame.things.insert(self.module.text(target).to_owned(), thing);
        }
    }

    /// `with … as name:`.
    fn with(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        let before = frame.autocommit;
        let clause = node.named_child(0).filter(|clause| clause.kind() == "with_clause");
        let mut cursor = node.walk();
        let items: Vec<Node<'m>> = clause
            .into_iter()
            .flat_map(|clause| clause.named_children(&mut cursor).collect::<Vec<_>>())
            .filter_map(|item| item.child_by_field_id(field::VALUE))
            .collect();
        for item in items {
            let (value, alias) = match item.kind() {
                "as_pattern" => (item.named_child(0), item.child_by_field_id(field::ALIAS)),
                _ => (Some(item), None),
            };
            let Some(value) = value else { continue };
            if self.module.text(value).replace(' ', "").ends_with(".autocommit_block()") {
                self.blocks += 1;
                frame.autocommit = Some(self.blocks);
            }
            let thing = self.thing(frame, value);
            if let Some(alias) = alias {
                frame.things.insert(self.module.text(alias).to_owned(), thing);
            }
        }
        if let Some(body) = node.child_by_field_id(field::BODY) {
            // Under `with suppress(…):` a failure does not matter.
            let suppresses = clause.is_some_and(|c| self.module.text(c).contains("suppress("));
            if suppresses { self.branch(frame, body) } else { self.block(frame, body) }
        }
        frame.autocommit = before;
    }

    fn if_statement(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        let Some(condition) = node.child_by_field_id(field::CONDITION) else { return };
        self.thing(frame, condition);
        let consequence = node.child_by_field_id(field::CONSEQUENCE);
        let mut cursor = node.walk();
        let alternatives: Vec<Node<'m>> =
            node.children_by_field_name("alternative", &mut cursor).collect();
        if let Some(name) = self.absent_when_true(condition)
            && consequence.is_some_and(ends_in_raise)
        {
            self.raises_without(frame, Some(name));
        }
        if let Some(name) = self.absent_when_false(condition)
            && alternatives.iter().copied().filter_map(last_block).any(ends_in_raise)
        {
            self.raises_without(frame, Some(name));
        }
        match self.is_postgres(frame, condition) {
            Some(true) => {
                if let Some(block) = consequence {
                    self.block(frame, block);
                }
            }
            Some(false) => self.alternatives(frame, &alternatives),
            None => {
                let branches = consequence.into_iter().chain(alternatives);
                for branch in branches {
                    self.branch(frame, branch);
                }
            }
        }
    }

    /// The `elif`s and the `else` of an `if` that does not hold on Postgres.
    fn alternatives(&mut self, frame: &mut Frame<'_>, alternatives: &[Node<'m>]) {
        let mut certain = true;
        for alternative in alternatives.iter().copied() {
            let condition = alternative.child_by_field_id(field::CONDITION);
            match condition.map(|condition| self.is_postgres(frame, condition)) {
                Some(Some(false)) => {}
                Some(None) => {
                    certain = false;
                    self.branch(frame, alternative);
                }
                // The `else`, or an `elif` that holds: later branches are not reached.
                None | Some(Some(true)) => {
                    match last_block(alternative) {
                        Some(block) if certain => self.block(frame, block),
                        _ => self.branch(frame, alternative),
                    }
                    break;
                }
            }
        }
    }

    /// A block that may or may not run. If the block may return, the code after it may or may not
    /// run either.
    fn branch(&mut self, frame: &mut Frame<'_>, branch: Node<'m>) {
        let Some(block) = last_block(branch) else { return };
        let before = frame.conditional;
        frame.conditional = true;
        self.block(frame, block);
        // So may a branch inside this one.
        frame.may_return |= frame.done && !ends_in_raise(block);
        frame.conditional = before || frame.may_return;
        frame.done = false;
    }

    /// Everything below a statement that may run it, or a part of it, or not.
    fn maybe(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        let before = frame.conditional;
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match child.kind() {
                "finally_clause" => self.statement(frame, child),
                "block" => self.branch(frame, child),
                _ if last_block(child).is_some() => self.maybe(frame, child),
                _ => {}
            }
        }
        frame.conditional |= before;
    }

    fn for_statement(&mut self, frame: &mut Frame<'_>, node: Node<'m>) {
        let (Some(target), Some(over), Some(body)) = (
            node.child_by_field_id(field::LEFT),
            node.child_by_field_id(field::RIGHT),
            node.child_by_field_id(field::BODY),
        ) else {
            return;
        };
        let values = self.module.eval(over, &frame.env);
        let Some(elements) = values.as_ref().and_then(|values| values.elements()) else {
            let is_set = self.thing(frame, over) == Thing::Set;
            let (before, acted) = (self.deeds.len(), std::mem::take(&mut self.acts));
            // The names are bound to unknown values; the body may run any number of times.
            frame.env.run(self.module, target);
            self.forget(frame, target);
            self.branch(frame, body);
            if is_set && (self.acts || self.deeds.len() > before) && self.order_matters(body) {
                self.push(frame, line(node), Effect::InSetOrder);
            }
            self.acts |= acted;
            return;
        };
        for element in elements {
            self.turns += 1;
            if frame.done || self.turns > MOST_TURNS {
                break;
            }
            self.bind(frame, target, element);
            self.block(frame, body);
        }
        if self.turns > MOST_TURNS {
            self.opaque(frame, node);
        }
    }

    /// Whether a loop does anything but operations that leave the same in each order.
    fn order_matters(&self, body: Node<'m>) -> bool {
        let calls = crate::python::descendants(body).filter(|node| node.kind() == "call");
        let mut callees = calls.filter_map(|call| call.child_by_field_id(field::FUNCTION));
        callees.any(|callee| match callee.child_by_field_id(field::ATTRIBUTE) {
            Some(method) => {
                // An object that SQLAlchemy makes is an argument of an operation.
                let first = self.module.text(callee).split('.').next().unwrap_or_default();
                let is_made = self.names.get(first).is_some_and(|n| n.starts_with("sqlalchemy"));
                !is_made && !IN_ANY_ORDER.contains(&self.module.text(method))
            }
            None => self.functions.get(self.module.text(callee)).is_some_and(|function| {
                let text = self.module.text(*function);
                text.contains("op.") || text.contains("execute")
            }),
        })
    }

    /// Binds the target of a loop.
    fn bind(&mut self, frame: &mut Frame<'_>, target: Node<'m>, value: &crate::python::Constant) {
        if target.kind() == "identifier" {
            let name = self.module.text(target);
            frame.things.insert(name.to_owned(), Thing::Unknown);
            frame.env.bind(name, Some(value.clone()), value.line);
            return;
        }
        let mut cursor = target.walk();
        let targets: Vec<Node<'m>> = target.named_children(&mut cursor).collect();
        let values = value.elements().unwrap_or_default();
        for (index, target) in targets.into_iter().enumerate() {
            match values.get(index) {
                Some(value) if target.kind() == "identifier" => self.bind(frame, target, value),
                _ => self.forget(frame, target),
            }
        }
    }

    fn forget(&mut self, frame: &mut Frame<'_>, target: Node<'m>) {
        for name in crate::python::descendants(target) {
            if name.kind() == "identifier" {
                let at = line(name);
                frame.env.bind(self.module.text(name), None, at);
                frame.things.insert(self.module.text(name).to_owned(), Thing::Unknown);
            }
        }
    }

    /// Follows a helper of the same file.
    pub(super) fn inline(
        &mut self,
        frame: &mut Frame<'_>,
        function: Node<'m>,
        arguments: &Arguments<'m>,
    ) -> Thing {
        self.turns += 1;
        if frame.depth > MAX_DEPTH / 4 || self.turns > MOST_TURNS {
            self.opaque(frame, function);
            return Thing::Unknown;
        }
        self.followed.insert(function.id());
        let mut inner = Frame::new(Env::inside(self.globals), frame.depth + 1);
        (inner.conditional, inner.autocommit) = (frame.conditional, frame.autocommit);
        let mut cursor = function.walk();
        let parameters: Vec<Node<'m>> = function
            .child_by_field_id(field::PARAMETERS)
            .into_iter()
            .flat_map(|list| list.named_children(&mut cursor).collect::<Vec<_>>())
            .collect();
        for (position, parameter) in parameters.into_iter().enumerate() {
            let name =
                parameter.child_by_field_id(field::NAME).or_else(|| match parameter.kind() {
                    "identifier" => Some(parameter),
                    "typed_parameter" => parameter.named_child(0),
                    _ => None,
                });
            let Some(name) = name else { continue };
            let name = self.module.text(name);
            let given = arguments.get(position, name);
            let value = given.or_else(|| parameter.child_by_field_id(field::VALUE));
            let constant = value.and_then(|value| self.module.eval(value, &frame.env));
            inner.env.bind(name, constant, line(parameter));
            let thing = value.map(|value| self.thing(frame, value)).unwrap_or_default();
            inner.things.insert(name.to_owned(), thing);
        }
        if let Some(body) = function.child_by_field_id(field::BODY) {
            self.block(&mut inner, body);
        }
        if let Some(raised) = inner.raises {
            frame.raises = Some(raised);
            frame.done = true;
        }
        inner.returns
    }

    /// The lookup whose result a name holds raises if no row is found.
    fn raises_without(&mut self, frame: &Frame<'_>, name: Option<&str>) {
        let thing = name.and_then(|name| frame.things.get(name));
        if let Some(Thing::Found(at) | Thing::Result(at)) = thing {
            self.mark_raising(*at);
        }
    }

    /// Records that a lookup raises if no row is found.
    pub(super) fn mark_raising(&mut self, at: usize) {
        if let Some(deed) = self.deeds.get_mut(at)
            && let Effect::Lookup(lookup) = &mut deed.effect
        {
            lookup.raises = true;
        }
    }
}

/// The block of a clause, or the block itself.
fn last_block(node: Node<'_>) -> Option<Node<'_>> {
    if node.kind() == "block" {
        return Some(node);
    }
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() == "block").last()
}

fn ends_in_raise(block: Node<'_>) -> bool {
    let mut cursor = block.walk();
    let last = block.named_children(&mut cursor).filter(|child| child.kind() != "comment").last();
    last.is_some_and(|last| last.kind() == "raise_statement")
}
