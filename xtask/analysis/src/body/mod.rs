//! Bodies of revisions: `upgrade()` and `downgrade()` as lists of effects, read from the text.
//!
//! The reader interprets the functions: names that are bound to constants are known, loops over
//! constants are unrolled, helpers of the same file are followed, and an `if` makes the code below
//! it conditional. Code that cannot be followed and may change the schema becomes
//! [`Effect::Opaque`](super::effect::Effect::Opaque). The reader has a budget; past it the rest is
//! opaque.

pub(crate) mod arguments;
mod builtins;
mod calls;
mod columns;
mod conditions;
mod execute;
mod imports;
mod operations;
mod schema;
mod statements;
mod thing;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use tree_sitter::Node;

use self::thing::Thing;
use super::effect::{Deed, Effect};
use super::python::{Env, Module, descendants, field, line};

pub use self::imports::{Imported, Touch};

/// The most effects that one function may have before the rest is left alone.
const MOST_DEEDS: usize = 20_000;
/// The most calls of helpers and turns of loops that are followed in one function.
const MOST_TURNS: u32 = 5_000;
/// How deep calls and expressions may nest before they are left alone.
const MAX_DEPTH: u32 = 60;

/// One function of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// The line of its `def`.
    pub line: u32,
    /// Its effects, in order.
    pub deeds: Vec<Deed>,
    /// The line of a `raise` that is always reached.
    pub raises: Option<u32>,
    /// Whether it runs any SQL or operation at all, whatever that does.
    pub acts: bool,
}

/// The effects of a revision file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// `upgrade()`.
    pub upgrade: Option<Function>,
    /// `downgrade()`.
    pub downgrade: Option<Function>,
    /// Its imports, with their modules.
    pub imports: Vec<Imported>,
    /// The outside effects of its top level on import.
    pub touches: Vec<Touch>,
}

/// Reads a revision file, whose top level binds these constants.
pub fn read<'m>(module: &'m Module, globals: &'m Env<'static>) -> Body {
    let (imports, names) = imports::read(module);
    let functions = functions(module);
    let mut top = Reader {
        module,
        globals,
        things: HashMap::new(),
        functions: &functions,
        names: &names,
        deeds: Vec::new(),
        blocks: 0,
        turns: 0,
        acts: false,
        followed: HashSet::new(),
    };
    top.read_globals();
    let things = top.things;
    let mut followed = HashSet::new();
    let mut reader = |name: &str| {
        let node = functions.get(name).copied()?;
        let (functions, names, things) = (&functions, &names, things.clone());
        let (deeds, blocks, turns, acts) = (Vec::new(), 0, 0, false);
        let from = std::mem::take(&mut followed);
        let mut reader = Reader {
            module,
            globals,
            things,
            functions,
            names,
            deeds,
            blocks,
            turns,
            acts,
            followed: from,
        };
        let function = reader.function(node);
        followed = reader.followed;
        Some(function)
    };
    let (mut upgrade, mut downgrade) = (reader("upgrade"), reader("downgrade"));
    if is_left_unread(module, &followed) {
        for function in [&mut upgrade, &mut downgrade].into_iter().flatten() {
            function.may_do_more();
        }
    }
    Body { upgrade, downgrade, touches: imports::touches(module, &names), imports }
}

/// The functions of a file, the last of each name; one at the top before one inside another.
fn functions(module: &Module) -> HashMap<&str, Node<'_>> {
    let root = module.root();
    let mut cursor = root.walk();
    let top = root.named_children(&mut cursor).filter_map(|node| match node.kind() {
        "function_definition" => Some(node),
        "decorated_definition" => node.child_by_field_id(field::DEFINITION),
        _ => None,
    });
    let top: Vec<Node<'_>> = top.collect();
    let inside = top.iter().flat_map(|node| descendants(*node));
    inside
        .chain(top.iter().copied())
        .filter(|node| node.kind() == "function_definition")
        .filter_map(|node| Some((module.text(node.child_by_field_id(field::NAME)?), node)))
        .collect()
}

/// Whether a function or a method that may run SQL was not followed: it may be called in a way that
/// is not seen.
fn is_left_unread(module: &Module, followed: &HashSet<usize>) -> bool {
    // Most files have the two functions alone, and need no walk.
    if module.source().matches("def ").count() <= followed.len() {
        return false;
    }
    let functions = descendants(module.root()).filter(|node| node.kind() == "function_definition");
    let mut left = functions.filter(|node| !followed.contains(&node.id()));
    left.any(|node| {
        let text = module.text(node);
        ["op.", "execute", ".create", ".drop"].iter().any(|word| text.contains(word))
    })
}

impl Function {
    /// Records that the function runs code that was not followed, at an unknown point.
    fn may_do_more(&mut self) {
        let deed = Deed {
            effect: Effect::Opaque(None),
            line: self.line,
            conditional: false,
            autocommit: None,
        };
        self.deeds.insert(0, deed.clone());
        self.deeds.push(deed);
        self.acts = true;
    }
}

/// Reads the functions of one file.
struct Reader<'m> {
    module: &'m Module,
    /// Constants at the top of the file.
    globals: &'m Env<'static>,
    /// Everything else at the top of the file that matters.
    things: HashMap<String, Thing>,
    functions: &'m HashMap<&'m str, Node<'m>>,
    /// The imports of the file: the name in the file, and the full one.
    names: &'m HashMap<String, String>,
    deeds: Vec<Deed>,
    /// The number of `autocommit_block()`s so far.
    blocks: u32,
    /// The number of loop turns and helper calls so far.
    turns: u32,
    /// Whether anything was run.
    acts: bool,
    /// The functions that were followed, by their nodes.
    followed: HashSet<usize>,
}

/// One call of one function.
struct Frame<'e> {
    env: Env<'e>,
    things: HashMap<String, Thing>,
    conditional: bool,
    autocommit: Option<u32>,
    raises: Option<u32>,
    /// Its return value.
    returns: Thing,
    /// The code below is not reached.
    done: bool,
    /// A branch above may have returned.
    may_return: bool,
    depth: u32,
}

impl<'e> Frame<'e> {
    fn new(env: Env<'e>, depth: u32) -> Frame<'e> {
        Frame {
            env,
            things: HashMap::new(),
            conditional: false,
            autocommit: None,
            raises: None,
            returns: Thing::Unknown,
            done: false,
            may_return: false,
            depth,
        }
    }
}

impl<'m> Reader<'m> {
    /// Takes note of enums, tables and SQL that the top of the file binds.
    fn read_globals(&mut self) {
        let module = self.module;
        let mut frame = Frame::new(Env::inside(self.globals), 0);
        let root = module.root();
        let mut cursor = root.walk();
        for statement in root.named_children(&mut cursor) {
            if statement.kind() == "expression_statement"
                && let Some(assignment) = statement.named_child(0)
                && assignment.kind() == "assignment"
            {
                self.assign(&mut frame, assignment);
            }
        }
        // Effects of the import stay with this reader: they do not belong to upgrade().
        self.things = frame.things;
    }

    fn function(&mut self, node: Node<'m>) -> Function {
        self.followed.insert(node.id());
        let mut frame = Frame::new(Env::inside(self.globals), 0);
        if let Some(body) = node.child_by_field_id(field::BODY) {
            self.block(&mut frame, body);
        }
        let acts = self.acts || !self.deeds.is_empty();
        let deeds = std::mem::take(&mut self.deeds);
        Function { line: line(node), deeds, raises: frame.raises, acts }
    }

    /// Takes note of an effect.
    fn push(&mut self, frame: &Frame<'_>, line: u32, effect: Effect) {
        let (conditional, autocommit) = (frame.conditional, frame.autocommit);
        match self.deeds.len() {
            MOST_DEEDS.. => {}
            len if len + 1 == MOST_DEEDS => {
                let effect = Effect::Opaque(None);
                self.deeds.push(Deed { effect, line, conditional, autocommit });
            }
            _ => self.deeds.push(Deed { effect, line, conditional, autocommit }),
        }
    }

    fn opaque(&mut self, frame: &Frame<'_>, node: Node<'_>) {
        self.push(frame, line(node), Effect::Opaque(None));
    }
}
