//! Module: one Python file, parsed.

use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

use tree_sitter::{Node, ParseOptions, Parser, Tree, TreeCursor};

use super::literal;
use super::unreadable::{MAX_BYTES, Unreadable, line_at};

/// CPython itself refuses more nested brackets than 200.
const MAX_BRACKETS: usize = 200;
/// The number of progress reports that the parser may make for an empty file. It reports after a
/// fixed amount of work; sound text needs one report in some 400 bytes, and broken text may never
/// end.
const MIN_WORK: usize = 10_000;
/// For how many bytes it may report progress once more.
const BYTES_PER_WORK: usize = 100;

/// A Python file that could be read.
pub struct Module {
    /// Made when it is first needed; `None` where the text is too broken.
    tree: OnceLock<Option<Tree>>,
    /// Stands in for a tree that cannot be made.
    nothing: &'static Tree,
    source: String,
    bom: bool,
}

impl Module {
    /// Parses a file. Broken syntax is no reason to refuse it: see [`Module::syntax_error`].
    pub fn parse(bytes: &[u8]) -> Result<Module, Unreadable> {
        let module = Module::read(bytes)?;
        let source = module.source.as_bytes();
        if let Some(at) = too_deep(source) {
            return Err(Unreadable::TooDeep(line_at(source, at)));
        }
        module.tree().map(|_| ()).ok_or(Unreadable::TooBroken)?;
        Ok(module)
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Module, Unreadable> {
        if bytes.len() > MAX_BYTES {
            return Err(Unreadable::TooLarge);
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(Unreadable::Nul(line_at(bytes, at)));
        }
        static NOTHING: OnceLock<Option<Tree>> = OnceLock::new();
        let nothing = NOTHING.get_or_init(|| parse("")).as_ref().ok_or(Unreadable::TooBroken)?;
        let (source, bom) = literal::decode_source(bytes)?;
        Ok(Module { tree: OnceLock::new(), nothing, source, bom })
    }

    fn tree(&self) -> Option<&Tree> {
        self.tree.get_or_init(|| parse(&self.source)).as_ref()
    }

    /// Examines the file and then frees its tree, which takes far more memory than the text: memory
    /// costs more than parsing again the few files that are examined twice.
    pub fn at_once<R>(&self, look: impl FnOnce(&Module) -> R) -> R {
        if self.tree.get().is_some() {
            return look(self);
        }
        let (source, tree) = (self.source.clone(), OnceLock::new());
        look(&Module { tree, nothing: self.nothing, source, bom: self.bom })
    }

    /// The root of the syntax tree, a `module`; an empty one where the text is too broken.
    pub fn root(&self) -> Node<'_> {
        match self.tree() {
            Some(tree) => tree.root_node(),
            None => self.nothing.root_node(),
        }
    }

    /// The text. Its offsets are those of the file if the file is UTF-8, less [`Module::bom_len`].
    /// (A lone carriage return is a newline here, as it is to Python.)
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The number of bytes of byte order mark before the text in the file.
    pub fn bom_len(&self) -> usize {
        if self.bom { 3 } else { 0 }
    }

    /// The text of a node.
    pub fn text(&self, node: Node<'_>) -> &str {
        self.slice(node.byte_range())
    }

    /// A piece of the text; empty for a range outside the text.
    pub fn slice(&self, range: Range<usize>) -> &str {
        self.source.get(range).unwrap_or_default()
    }

    /// The text of a line, from 1, without surrounding white space.
    pub fn line_text(&self, line: u32) -> Option<&str> {
        self.source.lines().nth((line as usize).checked_sub(1)?).map(str::trim)
    }

    /// The first line that is not Python, if any.
    pub fn syntax_error(&self) -> Option<u32> {
        let Some(tree) = self.tree() else { return Some(1) };
        if !tree.root_node().has_error() {
            return None;
        }
        let broken = |node: &Node<'_>| node.is_error() || node.is_missing();
        Some(descendants(self.root()).find(broken).map_or(1, line))
    }

    /// The docstring of the file, as a node.
    pub fn docstring(&self) -> Option<Node<'_>> {
        let root = self.root();
        let mut cursor = root.walk();
        let first = root.named_children(&mut cursor).find(|node| node.kind() != "comment")?;
        let string = first.named_child(0).filter(|_| first.kind() == "expression_statement")?;
        matches!(string.kind(), "string" | "concatenated_string").then_some(string)
    }
}

/// The line of a node, from 1.
pub fn line(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX)
}

/// A node and everything below it, in the order of the text.
pub fn descendants(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let mut cursor = node.walk();
    let mut next = Some(node);
    std::iter::from_fn(move || {
        let current = next?;
        next = (cursor.goto_first_child() || to_the_right(&mut cursor)).then(|| cursor.node());
        Some(current)
    })
}

/// Moves to the node after a node and its descendants.
fn to_the_right(cursor: &mut TreeCursor<'_>) -> bool {
    loop {
        if cursor.goto_next_sibling() {
            return true;
        }
        if !cursor.goto_parent() {
            return false;
        }
    }
}

fn parse(source: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    let mut work_left = source.len() / BYTES_PER_WORK + MIN_WORK;
    let mut progress = |_: &tree_sitter::ParseState| match work_left.checked_sub(1) {
        Some(left) => {
            work_left = left;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = source.as_bytes();
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

/// The place where brackets nest deeper than Python's limit. Brackets in strings count as well,
/// which is why more are allowed than Python allows: any bound is enough.
fn too_deep(source: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in source.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 50 * MAX_BRACKETS {
            return Some(at);
        }
    }
    None
}
