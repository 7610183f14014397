//! Bindings of the top level of a file, name by name, in the order in which it would run.

use tree_sitter::Node;

use super::constant::{children, eval};
use super::env::{Constant, Env, Value};
use super::field;
use super::module::{Module, descendants, line};

impl Env<'_> {
    /// Records the bindings of one simple statement.
    pub fn run(&mut self, module: &Module, statement: Node<'_>) {
        match statement.kind() {
            "expression_statement" => {
                for expression in children(statement) {
                    self.run_expression(module, expression);
                }
            }
            "delete_statement" => {
                for name in descendants(statement).filter(|n| n.kind() == "identifier") {
                    self.names.remove(module.text(name));
                }
            }
            "future_import_statement" | "comment" | "pass_statement" => {}
            _ => self.forget(module, statement),
        }
    }

    fn run_expression(&mut self, module: &Module, expression: Node<'_>) {
        match expression.kind() {
            "assignment" => {
                // `a = b = "x"` nests to the right.
                let mut targets = Vec::new();
                let mut value = Some(expression);
                while let Some(assignment) = value.filter(|node| node.kind() == "assignment") {
                    targets.extend(assignment.child_by_field_id(field::LEFT));
                    value = assignment.child_by_field_id(field::RIGHT);
                }
                // `revision: str` alone is not a binding.
                let Some(value) = value else { return };
                let constant = eval(module, value, self, 0);
                for target in targets {
                    self.assign(module, target, constant.clone(), line(expression));
                }
            }
            "augmented_assignment" => {
                let Some(target) = expression.child_by_field_id(field::LEFT) else { return };
                let right = expression.child_by_field_id(field::RIGHT);
                let right = right.and_then(|node| eval(module, node, self, 0));
                let plus =
                    expression.child_by_field_id(field::OPERATOR).is_some_and(|o| o.kind() == "+=");
                let left = self.value(module.text(target)).cloned().filter(|_| plus);
                let sum = add(left, right);
                self.assign(module, target, sum, line(expression));
            }
            "named_expression" => {
                let value = eval(module, expression, self, 0);
                if let Some(name) = expression.child_by_field_id(field::NAME) {
                    self.assign(module, name, value, line(expression));
                }
            }
            "parenthesized_expression" => self.forget(module, expression),
            _ => {}
        }
    }

    fn assign(&mut self, module: &Module, target: Node<'_>, value: Option<Constant>, line: u32) {
        match target.kind() {
            "identifier" => self.bind(module.text(target), value, line),
            "pattern_list" | "tuple_pattern" | "list_pattern" => {
                let targets = children(target);
                let values = value.as_ref().and_then(Constant::elements);
                let values = values.filter(|values| values.len() == targets.len());
                for (index, target) in targets.into_iter().enumerate() {
                    let value = values.and_then(|values| values.get(index)).cloned();
                    if target.kind() == "identifier" {
                        self.bind(module.text(target), value, line);
                    } else {
                        self.forget(module, target);
                    }
                }
            }
            "list_splat_pattern" => self.forget(module, target),
            // `a.b = …` and `a[b] = …` may change the value of `a`.
            "attribute" | "subscript" => {
                if let Some(name) = descendants(target).find(|n| n.kind() == "identifier") {
                    self.forget_name(module.text(name), line);
                }
            }
            _ => {}
        }
    }

    fn forget_name(&mut self, name: &str, line: u32) {
        self.bind(name, None, line);
    }

    /// Records every name that a statement may bind, with an unknown value.
    fn forget(&mut self, module: &Module, node: Node<'_>) {
        for (name, at) in bound_by(module, node) {
            match name {
                Some(name) => self.forget_name(&name, at),
                None => self.star_import = Some(at),
            }
        }
    }
}

fn add(left: Option<Constant>, right: Option<Constant>) -> Option<Constant> {
    let (left, right) = (left?, right?);
    let value = match (left.value, right.value) {
        (Value::Str(left), Value::Str(right)) => Value::Str(left + &right),
        _ => return None,
    };
    Some(Constant { value, line: right.line, bytes: right.bytes })
}

/// The names that a statement binds outside of functions and classes, with their lines; no name
/// where it binds whatever another module has.
fn bound_by(module: &Module, statement: Node<'_>) -> Vec<(Option<String>, u32)> {
    let mut bound = Vec::new();
    let mut pending = vec![statement];
    while let Some(node) = pending.pop() {
        let mut bind = |name: Option<Node<'_>>| {
            let Some(name) = name else { return };
            let text = module.text(name);
            // `import a.b` binds `a`.
            bound.push((Some(text.split('.').next().unwrap_or(text).to_owned()), line(name)));
        };
        match node.kind() {
            "function_definition" | "class_definition" => {
                bind(node.child_by_field_id(field::NAME));
                continue;
            }
            "lambda" => continue,
            "wildcard_import" => bound.push((None, line(node))),
            "import_statement" | "import_from_statement" => {
                let mut cursor = node.walk();
                for name in node.children_by_field_name("name", &mut cursor) {
                    bind(name.child_by_field_id(field::ALIAS).or(Some(name)));
                }
            }
            "assignment" | "augmented_assignment" | "for_statement" => {
                let target = node.child_by_field_id(field::LEFT);
                let has_value =
                    node.kind() != "assignment" || node.child_by_field_id(field::RIGHT).is_some();
                for name in target.filter(|_| has_value).into_iter().flat_map(descendants) {
                    if name.kind() == "identifier" {
                        bind(Some(name));
                    }
                }
            }
            "named_expression" => bind(node.child_by_field_id(field::NAME)),
            // Names bound by `as`, by a pattern or by `del`.
            "as_pattern_target" | "case_pattern" | "delete_statement" | "pattern_list"
            | "tuple_pattern" | "list_pattern" | "list_splat_pattern" => {
                for name in descendants(node).filter(|n| n.kind() == "identifier") {
                    bind(Some(name));
                }
            }
            _ => {}
        }
        let mut cursor = node.walk();
        pending.extend(node.named_children(&mut cursor));
    }
    bound
}

/// The bindings of a file's top level at its end.
pub(super) fn of_module(module: &Module) -> Env<'static> {
    let mut env = Env::default();
    let root = module.root();
    let mut cursor = root.walk();
    for statement in root.named_children(&mut cursor) {
        env.run(module, statement);
    }
    env
}
