//! Edits of Python text by its syntax tree: removals, insertions and renames.

use std::ops::Range;

use tree_sitter::Node;

use crate::python::{Module, descendants};
use model::finding::Edit;

/// How much of a statement is shown.
const SHOWN: usize = 60;

/// A text with a change made in it; `None` if the text differs from the one that the change
/// expects.
pub(crate) fn applied(text: &str, edit: &Edit) -> Option<String> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let bare = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let first = usize::try_from(edit.line).ok()?.checked_sub(1)?;
    let last = first.checked_add(edit.before.len()).filter(|last| *last <= lines.len())?;
    if lines[first..last].iter().zip(&edit.before).any(|(is, was)| bare(is) != *was) {
        return None;
    }
    let mut out = lines[..first].concat();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(end);
    }
    out.extend(edit.after.iter().flat_map(|line| [line.as_str(), end]));
    Some(out + &lines[last..].concat())
}

/// The innermost statement of a function that a line belongs to.
pub(super) fn statement_at(module: &Module, line: u32) -> Option<Node<'_>> {
    let row = usize::try_from(line).ok()?.checked_sub(1)?;
    let holds = |node: &Node<'_>| {
        (node.start_position().row..=node.end_position().row).contains(&row)
            && node.parent().is_some_and(|parent| parent.kind() == "block")
            && node.kind() != "comment"
    };
    descendants(module.root()).filter(holds).min_by_key(|node| node.byte_range().len())
}

/// The text without a statement. A block without statements gets `pass`; an `if` or a `with` whose
/// only statement it is, is removed with it.
pub(super) fn without(module: &Module, statement: Node<'_>) -> Option<String> {
    let block = statement.parent()?;
    let mut cursor = block.walk();
    let others = block.named_children(&mut cursor).filter(|node| node.kind() != "comment").count();
    let owner = block.parent()?;
    let mut cursor = owner.walk();
    let is_condition = owner.kind() == "with_statement"
        || owner.kind() == "if_statement"
            && !owner.named_children(&mut cursor).any(|node| node.kind().starts_with("el"));
    if others == 1 && is_condition {
        return without(module, owner);
    }
    let pass = if others == 1 { "pass" } else { "" };
    replaced(module, statement.byte_range(), pass).map(|text| match pass {
        "" => drop_blank_line(&text, statement.start_position().row),
        _ => text,
    })
}

/// Whether a statement may run several times.
pub(super) fn is_in_loop(statement: Node<'_>) -> bool {
    let is_loop = |node: &Node<'_>| ["for_statement", "while_statement"].contains(&node.kind());
    std::iter::successors(statement.parent(), Node::parent).any(|node| is_loop(&node))
}

/// The text without the line at a row, if the line is blank.
fn drop_blank_line(text: &str, row: usize) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    lines.filter(|(at, line)| *at != row || !line.trim().is_empty()).map(|(_, line)| line).collect()
}

/// The text with other text in the place of some bytes.
pub(super) fn replaced(module: &Module, range: Range<usize>, new: &str) -> Option<String> {
    replaced_all(module, &[(range, new.to_owned())])
}

/// The same for several places, in their order.
pub(super) fn replaced_all(module: &Module, all: &[(Range<usize>, String)]) -> Option<String> {
    let source = module.source();
    let mut text = if module.bom_len() > 0 { "\u{feff}".to_owned() } else { String::new() };
    let mut done = 0;
    for (range, new) in all {
        text += source.get(done..range.start)?;
        text += new;
        done = range.end;
    }
    Some(text + source.get(done..)?)
}

/// The text with a line before a statement, as far to the right as that.
pub(super) fn before(module: &Module, statement: Node<'_>, line: &str) -> Option<String> {
    let start = statement.start_byte();
    let indent = " ".repeat(statement.start_position().column);
    replaced(module, start..start, &format!("{line}\n{indent}"))
}

/// The function of a module with this name.
pub(crate) fn function<'m>(module: &'m Module, name: &str) -> Option<Node<'m>> {
    let mut cursor = module.root().walk();
    module.root().named_children(&mut cursor).find(|node| {
        node.kind() == "function_definition"
            && node.child_by_field_name("name").is_some_and(|own| module.text(own) == name)
    })
}

/// The strings below a node.
pub(super) fn strings(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    descendants(node).filter(|node| node.kind() == "string_content")
}

/// The beginning of a statement, in one line.
pub(super) fn shown(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// Whether a line is the last `raise` of `downgrade()`.
pub(crate) fn is_last_raise(module: &Module, line: u32) -> bool {
    let last = || {
        let body = function(module, "downgrade")?.child_by_field_name("body")?;
        let mut cursor = body.walk();
        body.named_children(&mut cursor).filter(|node| node.kind() != "comment").last()
    };
    statement_at(module, line)
        .is_some_and(|node| node.kind() == "raise_statement" && last() == Some(node))
}
