//! Errors of Postgres that a revision itself catches, to say what is wrong with the rows.

use camino::Utf8Path;
use tree_sitter::Node;

use crate::python::{Module, descendants, line};
use model::transcript::Transcript;

/// Whether the revision's file catches the error by its own class, and raises with words of its own: its
/// author knows that some rows are refused. A handler that only undoes and raises again says nothing.
pub fn is_foreseen(said: &Transcript, file: &Utf8Path, text: &str) -> bool {
    let Ok(module) = Module::parse(text.as_bytes()) else { return false };
    // The class as SQLAlchemy raises it, outside of the driver's: handlers see that one.
    let raised = said.exceptions.iter().find(|raised| raised.sqlstate.is_some());
    let class = raised.and_then(|raised| raised.kind.rsplit('.').next()).unwrap_or_default();
    let ran: Vec<u32> = said.statements.iter().filter_map(|ran| ran.line).collect();
    let at: Vec<u32> = said.frames.iter().filter(|at| at.file == file).map(|at| at.line).collect();
    let catches = |clause: Node<'_>| {
        let mut cursor = clause.walk();
        let (handler, names): (Vec<_>, Vec<_>) =
            clause.named_children(&mut cursor).partition(|child| child.kind() == "block");
        let mut names = names.into_iter().flat_map(descendants);
        names.any(|name| name.kind() == "identifier" && module.text(name) == class)
            && handler.into_iter().any(|handler| raises_with_words(handler, &ran))
    };
    descendants(module.root()).any(|node| {
        let body = node.child_by_field_name("body").filter(|_| node.kind() == "try_statement");
        let mut cursor = node.walk();
        body.is_some_and(|body| holds(body, &at))
            && node.named_children(&mut cursor).any(|c| c.kind() == "except_clause" && catches(c))
    })
}

/// Whether a handler raises, and has a text for its reader: no SQL, so on lines where no statement ran.
fn raises_with_words(handler: Node<'_>, ran: &[u32]) -> bool {
    let is_said = |text: Node<'_>| {
        let mut around = std::iter::successors(text.parent(), Node::parent);
        let statement = around.find(|node| node.kind().ends_with("_statement"));
        statement.is_some_and(|it| match it.kind() {
            "expression_statement" => !holds(it, ran),
            kind => kind == "raise_statement",
        })
    };
    let has = |is_it: &dyn Fn(Node<'_>) -> bool| descendants(handler).any(is_it);
    has(&|node| node.kind() == "raise_statement")
        && has(&|node| node.kind() == "string" && is_said(node))
}

/// Whether one of the lines is one of a node's.
fn holds(node: Node<'_>, lines: &[u32]) -> bool {
    let rows = u32::try_from(node.end_position().row - node.start_position().row);
    let last = line(node) + rows.unwrap_or_default();
    lines.iter().any(|at| (line(node)..=last).contains(at))
}
