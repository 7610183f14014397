//! Python as text: a file's syntax tree and the constants in it. No code is ever run.
//!
//! Every function accepts any bytes: an unreadable file gives an [`Unreadable`], an unknown value
//! `None`. No function here recurses deeper than [`constant::MAX_DEPTH`].
//!
//! A tour: [`Module::parse`] reads a file, [`Module::constants`] gives the bindings of its top
//! level, [`Module::eval`] evaluates one expression with them, [`descendants`] and [`line`] are for
//! the rest of the tree (node kinds are those of tree-sitter-python).

mod bindings;
pub mod constant;
mod env;
pub mod field;
mod literal;
mod module;
mod skim;
mod unreadable;

use tree_sitter::Node;

pub use self::env::{Constant, Env, Value};
pub use self::module::{Module, descendants, line};
pub use self::skim::Skim;
pub use self::unreadable::Unreadable;

impl Module {
    /// Reads a file, and finds the values of these names at its top level. A file as plain as most
    /// revision files is not parsed for that, but only when its tree is needed.
    pub fn skim(
        bytes: &[u8],
        names: &[&'static str],
    ) -> Result<(Module, Option<Skim>), Unreadable> {
        let module = Module::read(bytes)?;
        match skim::skim(module.source(), names) {
            Some(skim) => Ok((module, Some(skim))),
            None => Ok((Module::parse(bytes)?, None)),
        }
    }

    /// The bindings of the file's top level after it has been run to its end.
    pub fn constants(&self) -> Env<'static> {
        bindings::of_module(self)
    }

    /// The value of an expression, as far as the text determines it: literals, names that `env`
    /// knows, and combinations of them. `None`: it is computed when the file runs.
    pub fn eval(&self, node: Node<'_>, env: &Env<'_>) -> Option<Constant> {
        constant::eval(self, node, env, 0)
    }
}

#[cfg(test)]
mod tests;
